#pragma once

#include <string>
#include <vector>

#include "base/usage.h"
#include "cli/text_table.h"

/// What work used, for a person.
namespace windrow::cli {

/// The columns `cpu`, `memory`, `read`, `written` of a table, and their cells; what is not known is
/// empty.
std::vector<std::string> usage_heads();
std::vector<TextTable::Cell> usage_cells(const Usage& usage);

/// `12.30 s of processor time, 1.2 GB read from 12 files, 3.0 MB written to 2 files, at most 800.0
/// MB of memory`; empty where nothing is known.
std::string usage_text(const Usage& usage);

}  // namespace windrow::cli
