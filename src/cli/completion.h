#pragma once

#include <string>

#include "cli/session.h"

namespace windrow::cli {

/// A completion script for `bash`, `zsh` or `fish`, made from the tree of verbs and options that
/// parses the command line.
std::string completion_script(const std::string& shell);

}  // namespace windrow::cli
