#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "sql/sql.h"

/// Many SELECTs at once, for a fraction of what `parse_select` costs one by one.
namespace windrow::sql {

/// A SELECT as it is written, and where.
struct Written {
  std::string_view text;
  Place begin;
};
using ParsedOrProblems = std::variant<Parsed, std::vector<Problem>>;

/// Each as `parse_select` has it. What the cache holds is not looked for, but kept there.
std::vector<ParsedOrProblems> parse_selects(duck::Connection& connection,
                                            const std::vector<Written>& texts,
                                            Cache* cache = nullptr,
                                            const duck::Sandbox& sandbox = {},
                                            const Macros* macros = nullptr);

}  // namespace windrow::sql
