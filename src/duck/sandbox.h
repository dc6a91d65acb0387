#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The one rule for SQL that nobody typed at this moment: what a table's log demands of its rows
/// (CHECK constraints, invariants, generated columns), a source's `value:` and `partition_by:`,
/// checks, models, publications, unit tests. It computes over the rows that it is given: no files,
/// no network, no settings, no other databases, no state of the engine. Functions are those of a
/// list, so that one which a later DuckDB brings is refused until somebody has looked at it.
namespace windrow::duck {

struct Sandbox {
  /// What the project opened (`external_files:`), each as it is written in the SQL.
  std::vector<std::string> external_files;
  bool opens(std::string_view path) const;
};

/// What is wrong with a text. `position` is a byte in it.
struct Breach {
  std::string message, hint;
  std::optional<size_t> position;
};

/// Of one expression; it can then stand in parentheses, on lines of its own. Its sub-queries read
/// lists and functions of the list, never tables. What is no SQL is a breach too.
std::vector<Breach> breaches_of_expression(std::string_view text, const Sandbox& sandbox = {});

/// Of a SELECT. Tables are the caller's to look up: a name that is none is not opened as a file.
std::vector<Breach> breaches_of_select(std::string_view text, const Sandbox& sandbox = {});

/// Of what should be the name of a type that there is: `DECIMAL(10,2)`, `STRUCT(a INTEGER)`.
std::optional<Breach> breach_of_type(std::string_view type);

/// Functions that compute from their arguments alone, or tell the time; lower case.
bool computes(std::string_view function);
/// The same, in FROM.
bool makes_rows(std::string_view function);
/// A name in FROM that DuckDB would open as a file.
bool names_file(std::string_view table);
std::vector<std::string> computing_functions();

}  // namespace windrow::duck
