#pragma once

#include <string_view>

#include "cli/out.h"

/// Rows that were asked for: they leave as they are, never masked.
namespace windrow::cli {

void put_data(std::string_view text);
void put_data(const Out& out, const TextTable& table);

}  // namespace windrow::cli
