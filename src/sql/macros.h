#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "duck/forward.h"
#include "duck/sandbox.h"
#include "sql/macro_text.h"

namespace windrow::sql {

struct Macro;  // expansion.h

/// A project's macros. A SELECT or an expression that calls one is expanded before anything else
/// looks at it: what plans, binds and runs is plain SQL (docs/adr/019-macros-are-expanded.md).
class Macros {
 public:
  Macros();
  /// Reads what the definitions say. What is wrong with one of them, whoever uses it, goes into
  /// `problems` with its place: names that are taken or that DuckDB has, cycles, wrong calls,
  /// names that are no parameter, and whatever a model may not say either.
  Macros(duck::Connection& connection, std::vector<MacroText> texts, const duck::Sandbox& sandbox,
         Problems& problems);
  ~Macros();
  Macros(const Macros&) = delete;
  Macros& operator=(const Macros&) = delete;

  bool empty() const { return all_.empty(); }
  /// `name` in lower case.
  const Macro* find(std::string_view name) const;
  std::vector<std::string> names() const;

  /// Those whose names stand in a text, and those that they call, before who calls them.
  std::vector<const Macro*> named_by(std::string_view text) const;
  /// A hash of these; empty where there are none.
  std::string digest(std::string_view text) const;
  /// True where one of these has problems.
  bool broken(std::string_view text) const;

  /// These as DuckDB takes them, with `values` (SQL) in the place of parameters.
  struct Definition {
    std::string name;
    std::string sql;               ///< `CREATE OR REPLACE MACRO …`
    std::set<std::string> tables;  ///< that it reads
  };
  std::vector<Definition> definitions(std::string_view text,
                                      const std::map<std::string, std::string>& values) const;

  /// An expression as it runs. Error with its place: wrong calls.
  std::string expanded_expression(duck::Connection& connection, std::string_view text,
                                  const Place& begin) const;

 private:
  void add(duck::Connection& connection, MacroText text, Problems& problems);
  void look_at_names(duck::Connection& connection, Problems& problems);
  void look_for_cycles(Problems& problems);
  void look_inside(duck::Connection& connection, const duck::Sandbox& sandbox, Macro& macro,
                   Problems& problems);
  void collect(const std::string& name, std::set<std::string>& seen,
               std::vector<Macro*>& out) const;
  Macro* get(std::string_view name) const;

  std::vector<std::unique_ptr<Macro>> all_;  ///< ordered by name
};

}  // namespace windrow::sql
