#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quality/check.h"

/// Private to quality/: checks as SQL. Decides, runs nothing.
namespace windrow::quality {

/// A check as the pieces of SQL that find what fails it.
struct Compiled {
  enum class Kind {
    row,        ///< `failing` is true for a row that fails; never for NULL
    unique,     ///< over groups of `columns`
    rows,       ///< count of the table
    freshness,  ///< greatest value of `columns[0]`
    contract    ///< columns and types; no rows are looked at
  } kind = Kind::row;
  project::Check check;
  std::string description;
  lake::Relation failing;            ///< SQL of a boolean over the table's columns
  std::vector<std::string> columns;  ///< as the table spells them; those that messages show
  std::string complaint;             ///< `"budget" is NULL`: what failing rows have in common
  std::optional<int64_t> min, max;   ///< rows
  std::chrono::microseconds age{};   ///< freshness
};

/// All checks of the subject, those of columns first. Problems (unknown columns, missing relations,
/// arguments that make no sense) are collected into `problems`; the checks they belong to are left
/// out.
std::vector<Compiled> compile_checks(const Subject& subject, Problems& problems);

}  // namespace windrow::quality
