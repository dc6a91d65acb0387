#pragma once

#include <optional>
#include <string>

#include "lsp/view.h"

/// What a word of a project's file means.
namespace windrow::lsp {

struct Target {
  enum class Kind {
    none,
    table,       ///< `table`
    column,      ///< `column` of `table`
    local,       ///< a column of this file's own WITH clauses and sub-queries
    with,        ///< a WITH clause
    connection,  ///< `name`
    variable,    ///< `name`
    function,    ///< `name`
    key          ///< of a declaration
  };
  Kind kind = Kind::none;
  std::string table, column, name;
  Span span;          ///< of the word, in the whole text
  Span declared;      ///< of what is declared in the same text: local, with
  std::string words;  ///< local: the SQL that it is computed by
  project::ShapeKey key{};
};

Target target_at(const View& view, const Spot& spot);
/// A word of SQL; `base` is where the SQL begins in the file. `own`: the table that the whole
/// SELECT makes; empty where it makes none.
Target target_in_sql(const View& view, const std::vector<SqlWord>& words,
                     const std::shared_ptr<const SqlQuery>& query, size_t word,
                     const std::string& own);

struct Location {
  std::string path;
  Span span;
};
/// Where it is declared.
std::optional<Location> declaration_of(const View& view, const Spot& spot, const Target& target);
/// Of a model's column the item of its SELECT list, through stars to whoever names it; of a
/// source's its declaration.
std::optional<Location> declaration_of_column(const View& view, const std::string& table,
                                              const std::string& column, int depth = 0);

/// What kind of name a value of YAML is.
enum class ValueOf { nothing, table, connection, column, variable, tag, asset };
ValueOf value_kind(const Spot& spot, const YamlPath& path,
                   const std::vector<project::Shape>& shapes);
/// The same of a key that is the user's own.
ValueOf key_kind(const Spot& spot, const YamlPath& path, const std::vector<project::Shape>& shapes);

}  // namespace windrow::lsp
