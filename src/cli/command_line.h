#pragma once

#include <string>
#include <vector>

#include "cli/interrupts.h"
#include "cli/session.h"

namespace windrow::cli {

/// Parses, runs, reports; gives the exit code. `words` without the program's name. Never throws.
int run_command_line(const std::vector<std::string>& words, Interrupts& interrupts,
                     const OpenApp& open);

}  // namespace windrow::cli
