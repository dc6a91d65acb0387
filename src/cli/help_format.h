#pragma once

#include <memory>

#include <CLI/CLI.hpp>

/// Private to cli/parser*.cc.
namespace windrow::cli {

/// Columns of a terminal that help fits.
inline constexpr size_t kHelpWidth = 80;

/// Help as CLI11 lays it out, with long lines broken between words: names on the left, what they
/// are beside them. Footers stay as they are written.
std::shared_ptr<CLI::Formatter> help_format();

}  // namespace windrow::cli
