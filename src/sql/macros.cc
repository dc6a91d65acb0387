#include "sql/macros.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/hash.h"
#include "base/nearest.h"
#include "base/text.h"
#include "duck/duck.h"
#include "duck/reach.h"
#include "sql/expansion.h"
#include "sql/parameters.h"

namespace windrow::sql {

namespace {

constexpr std::string_view kSelect = "SELECT ";

/// Names outside of sub-queries that are neither parameters nor of a lambda: a macro does not see
/// the columns of who calls it.
class FreeNames {
 public:
  FreeNames(const Macro& macro, Problems& problems) : macro_(macro), problems_(problems) {
    for (const auto& parameter : macro.text.parameters) known_.push_back(parameter.name);
  }

  bool look(const Json& node, std::set<std::string> lambda) {
    bool good = true;
    if (is_class(node, "LAMBDA")) {
      walk(node.at("lhs"), [&](const Json& n) {
        if (is_class(n, "COLUMN_REF")) lambda.insert(name_of(n));
        return true;
      });
      return look(node.at("expr"), lambda);
    }
    if (is_class(node, "COLUMN_REF")) {
      const auto name = name_of(node);
      if (lambda.count(name) || std::find(known_.begin(), known_.end(), name) != known_.end())
        return true;
      auto hint = did_you_mean(name, known_);
      problems_.add(Code::configuration,
                    "\"" + name + "\" is no parameter of the macro \"" + macro_.text.name + "\"",
                    hint.empty() ? "a macro is given what it reads: make it a parameter" : hint,
                    place_at(macro_.text.begin, macro_.text.body,
                             location(node).value_or(macro_.shift) - macro_.shift));
      return false;
    }
    const bool query = is_class(node, "SUBQUERY");
    for (const auto& [key, child] : node.items()) {
      if (child.is_structured() && !(query && key == "subquery"))
        good = look(child, lambda) && good;
    }
    return good;
  }

 private:
  static std::string name_of(const Json& node) {
    return lower(node.at("column_names")[0].get<std::string>());
  }

  const Macro& macro_;
  Problems& problems_;
  std::vector<std::string> known_;
};

/// What `walk` over a tree finds of calls, in FROM and elsewhere.
std::set<std::string> functions_in(const Json& tree) {
  std::set<std::string> out;
  walk(tree, [&](const Json& node) {
    if (is_class(node, "FUNCTION") || is_class(node, "WINDOW"))
      out.insert(lower(text_at(node, "function_name")));
    return true;
  });
  return out;
}

/// True where the parser takes `name(…)` for a call.
bool can_be_called(duck::Connection& connection, const MacroText& macro) {
  try {
    const auto tree =
        parse_tree(connection, (macro.table ? "FROM " : "SELECT ") + macro.name + "()", {});
    return functions_in(tree).count(macro.name) > 0;
  } catch (const Error&) {
    return false;
  }
}

/// True where DuckDB has such a function, in FROM or elsewhere. To bind a call takes a tenth of a
/// millisecond; to list all functions takes fifty.
bool is_function(duck::Connection& connection, const std::string& name) {
  for (const char* before : {"SELECT ", "FROM "}) {
    try {
      connection.describe(before + name + "()");
      return true;
    } catch (const SqlError& error) {
      if (error.kind() != "Catalog" && error.kind() != "Parser") return true;
    }
  }
  return false;
}

}  // namespace

Macros::Macros(duck::Connection& connection, std::vector<MacroText> texts,
               const duck::Sandbox& sandbox, Problems& problems) {
  std::stable_sort(texts.begin(), texts.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  for (auto& text : texts) add(connection, std::move(text), problems);
  if (all_.empty()) return;
  look_at_names(connection, problems);
  for (const auto& macro : all_) {
    for (const auto& name : functions_in(macro->tree)) {
      if (find(name)) macro->calls.insert(name);
    }
  }
  look_for_cycles(problems);
  std::set<std::string> seen;
  std::vector<Macro*> in_order;
  for (const auto& macro : all_) collect(macro->text.name, seen, in_order);
  for (auto* macro : in_order) {
    for (const auto& name : macro->calls) {
      macro->broken = macro->broken || find(name)->broken;
      macro->tables.insert(find(name)->tables.begin(), find(name)->tables.end());
    }
    if (!macro->broken) look_inside(connection, sandbox, *macro, problems);
  }
}

Macros::Macros() = default;
Macros::~Macros() = default;

const Macro* Macros::find(std::string_view name) const { return get(name); }

Macro* Macros::get(std::string_view name) const {
  const auto found = std::lower_bound(
      all_.begin(), all_.end(), name,
      [](const auto& macro, std::string_view wanted) { return macro->text.name < wanted; });
  return found != all_.end() && (*found)->text.name == name ? found->get() : nullptr;
}

std::vector<std::string> Macros::names() const {
  std::vector<std::string> out;
  for (const auto& macro : all_) out.push_back(macro->text.name);
  return out;
}

void Macros::add(duck::Connection& connection, MacroText text, Problems& problems) {
  if (!all_.empty() && all_.back()->text.name == text.name) {
    return problems.add(Code::configuration,
                        "macro \"" + text.name + "\" is defined twice: here and in " +
                            all_.back()->text.place.text(),
                        "give one of them another name", text.place);
  }
  auto macro = std::make_unique<Macro>();
  macro->shift = text.table ? 0 : kSelect.size();
  macro->sql = text.table ? text.body : std::string(kSelect) + text.body;
  macro->tokens = tokens_of(macro->sql);
  macro->text = std::move(text);
  const auto& definition = macro->text;
  try {
    if (!definition.table) duck::reach_of_expression(definition.body);
    macro->tree = parse_tree(connection, macro->sql, definition.begin);
  } catch (const SqlError& error) {
    Problem problem = error.problem();
    problem.code = Code::configuration;
    problem.message = "macro \"" + definition.name + "\": " + problem.message;
    problem.place = place_at(definition.begin, definition.body, error.position().value_or(0));
    problems.add(problem);
    macro->broken = true;
  } catch (const Error& error) {
    problems.add(error);
    macro->broken = true;
  }
  all_.push_back(std::move(macro));
}

void Macros::look_at_names(duck::Connection& connection, Problems& problems) {
  for (const auto& macro : all_) {
    const auto& text = macro->text;
    const bool function = is_function(connection, text.name);
    if (!function && can_be_called(connection, text)) continue;
    problems.add(Code::configuration,
                 "macro \"" + text.name + "\" has the name of " +
                     (function ? "a function that there is" : "what is a word of SQL"),
                 "give it another name, such as my_" + text.name, text.place);
    macro->broken = true;
  }
}

void Macros::look_for_cycles(Problems& problems) {
  std::map<std::string, int> state;  // 1: on the path, 2: done
  std::vector<std::string> path;
  const std::function<void(const std::string&)> visit = [&](const std::string& name) {
    auto& macro = *get(name);
    state[name] = 1;
    path.push_back(name);
    for (const auto& next : macro.calls) {
      if (state[next] == 0) visit(next);
      if (state[next] != 1) continue;
      std::string shown;
      for (auto each = std::find(path.begin(), path.end(), next); each != path.end(); ++each)
        shown += *each + " → ";
      problems.add(Code::configuration, "macros call each other in a circle: " + shown + next,
                   "a macro is expanded where it is called, so it cannot call itself",
                   macro.text.place);
      macro.broken = true;
    }
    path.pop_back();
    state[name] = 2;
  };
  for (const auto& macro : all_) {
    if (state[macro->text.name] == 0) visit(macro->text.name);
  }
}

/// What a macro may not say whoever calls it: with its parameters as they are, and what it calls
/// expanded.
void Macros::look_inside(duck::Connection& connection, const duck::Sandbox& sandbox, Macro& macro,
                         Problems& problems) {
  const auto& text = macro.text;
  Problems found;
  const auto read = [&](const Pieced& sql, bool expression) {
    Pieced whole;
    if (expression) whole.add(kSelect, text.begin, 0, {});
    whole.add(sql);
    Parsed parsed;
    parsed.text = whole.text();
    parsed.pieces = whole.pieces();
    parsed.begin = text.begin;
    const Json tree = parse_tree(connection, parsed.text, text.begin);
    find_tables(tree, parsed, sandbox, found);
    return std::pair(tree, parsed);
  };
  try {
    const auto body = expanded_body(*this, macro, found);
    found.raise();
    const auto [tree, parsed] = read(body, !text.table);
    for (const auto& use : parsed.tables) {
      macro.tables.insert(use.name);
      if (use.name.find('.') != std::string::npos) continue;
      found.add(Code::configuration,
                "macro \"" + text.name + "\" reads \"" + use.name + "\" without its layer",
                "write LAYER." + use.name +
                    ": a WITH clause of who calls the macro may have the bare name",
                use.place);
    }
    if (!text.table) FreeNames(macro, found).look(macro.tree.at("select_list")[0], {});
    for (const auto& parameter : text.parameters) {
      if (!parameter.otherwise) continue;
      Pieced sql;
      sql.add(*parameter.otherwise, parameter.otherwise_begin, 0, {});
      const auto [value, ignored] = read(sql, true);
      bool plain = true;
      walk(value, [&](const Json& n) {
        plain = plain && !is_class(n, "COLUMN_REF") && !is_class(n, "SUBQUERY") &&
                !(is_class(n, "FUNCTION") && find(lower(text_at(n, "function_name"))));
        return plain;
      });
      if (!plain) {
        found.add(Code::configuration, "the default of \"" + parameter.name + "\" is no value",
                  "a default has no columns, sub-queries or macros in it",
                  parameter.otherwise_begin);
      }
    }
  } catch (const Error& error) {
    found = {};
    found.add(error);
  }
  macro.broken = !found.empty();
  for (const auto& problem : found.all()) problems.add(problem);
}

void Macros::collect(const std::string& name, std::set<std::string>& seen,
                     std::vector<Macro*>& out) const {
  if (!seen.insert(name).second) return;
  auto* macro = get(name);
  for (const auto& next : macro->calls) collect(next, seen, out);
  out.push_back(macro);
}

std::vector<const Macro*> Macros::named_by(std::string_view text) const {
  std::set<std::string> seen;
  std::vector<Macro*> out;
  if (all_.empty()) return {};
  for (const auto& token : tokens_of(text)) {
    const auto name = lower(identifier(token, text));
    if (!name.empty() && find(name)) collect(name, seen, out);
  }
  return {out.begin(), out.end()};
}

std::string Macros::digest(std::string_view text) const {
  Fields out;
  const auto named = named_by(text);
  if (named.empty()) return {};
  for (const auto* macro : named) {
    out.add(macro->text.signature());
    out.add(macro->text.table ? "table" : "");
    out.add(macro->text.body);
    out.add(macro->text.begin.text());
    for (const auto& parameter : macro->text.parameters) out.add(parameter.otherwise_begin.text());
  }
  return sha256(out.take());
}

std::vector<Macros::Definition> Macros::definitions(
    std::string_view text, const std::map<std::string, std::string>& values) const {
  std::vector<Definition> out;
  for (const auto* macro : named_by(text)) {
    const auto& definition = macro->text;
    std::string sql = "CREATE OR REPLACE MACRO " + definition.signature() + " AS " +
                      (definition.table ? "TABLE " : "") + definition.body;
    auto uses = parameters_in(sql);
    for (auto use = uses.rbegin(); use != uses.rend(); ++use) {
      const auto value = values.find(use->first);
      if (value != values.end()) sql.replace(use->second, use->first.size() + 1, value->second);
    }
    out.push_back({definition.name, std::move(sql), macro->tables});
  }
  return out;
}

bool Macros::broken(std::string_view text) const {
  const auto named = named_by(text);
  return std::any_of(named.begin(), named.end(), [](const auto* macro) { return macro->broken; });
}

}  // namespace windrow::sql
