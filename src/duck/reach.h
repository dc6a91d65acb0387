#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "duck/duck.h"

/// What a text of SQL reaches for, read from the tree of DuckDB's own parser. Nothing is bound, so
/// nothing is opened.
namespace windrow::duck {

struct Reached {
  std::string name;                ///< as written, parts joined by dots, quotes removed
  std::optional<size_t> position;  ///< byte in the text
  bool qualified = false;          ///< of tables: written with a schema
                                   ///< of listings: what they tell of is among the tables
  /// Of functions in FROM: the texts of the first argument, where it is a constant text or a list
  /// of them.
  std::optional<std::vector<std::string>> paths;
};

/// Of one statement, whatever it nests: sub-queries, WITH, lambdas, windows, arguments, types.
struct Reach {
  std::string statement;                 ///< `SELECT`, `COPY`, …; of EXPLAIN: what it explains
  std::vector<Reached> tables;           ///< names of WITH in their scope are not among them
  std::vector<Reached> table_functions;  ///< functions in FROM
  std::vector<Reached> functions;        ///< all others; operators are functions too
  std::vector<Reached> listings;  ///< SHOW, DESCRIBE, SUMMARIZE: the table, where one is named
  std::vector<Reached> versions;  ///< tables AT a version
  std::vector<Reached> parts;     ///< kinds of nodes that are not known here
};

/// One entry a statement. Throws SqlError (kind `Parser`).
std::vector<Reach> reach_of(std::string_view sql);

/// True where the text names one type and says nothing beside it. Whether there is such a type is
/// another question. Throws SqlError.
bool names_type(std::string_view text);
/// Of a text that names a type: whether there is such a one.
bool type_is_there(std::string_view text);

/// Of one expression and nothing beside it: no second one, no FROM, no name. Throws SqlError.
Reach reach_of_expression(std::string_view text);

}  // namespace windrow::duck
