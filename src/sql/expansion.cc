#include "sql/expansion.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/nearest.h"
#include "base/text.h"
#include "duck/duck.h"
#include "duck/quoting.h"

namespace windrow::sql {

void Pieced::add(std::string_view text, Place begin, size_t written, Place call) {
  if (text.empty()) return;
  pieces_.push_back({text_.size(), std::move(begin), written, std::move(call)});
  text_ += text;
}

void Pieced::add(const Pieced& other) {
  for (auto piece : other.pieces_) {
    piece.at += text_.size();
    pieces_.push_back(std::move(piece));
  }
  text_ += other.text_;
}

const Piece* piece_at(const std::vector<Piece>& pieces, size_t position) {
  const auto after = std::upper_bound(pieces.begin(), pieces.end(), position,
                                      [](size_t at, const Piece& piece) { return at < piece.at; });
  return after == pieces.begin() ? nullptr : &*std::prev(after);
}

namespace {

// Macros that call each other twice double their text, or what there is to do.
constexpr size_t kLongestText = 1 << 20;  // bytes
constexpr size_t kCallsMax = 20'000;      // in one text

using Names = std::set<std::string>;
/// What is put in the place of a parameter.
struct Argument {
  Pieced text;
  Names columns;      // that it names without a table
  Names tables;       // that it names columns of
  Names reads;        // tables without a layer: WITH clauses
  bool star = false;  // COLUMNS(*)
};
using Bindings = std::map<std::string, Argument>;

/// A text with the tree that was read from it.
struct Source {
  std::string_view sql;
  size_t shift = 0;  // bytes before what stands in the file
  Place begin;
  const std::vector<Token>& tokens;
  const Macro* macro = nullptr;          // whose text it is; nothing: the user's own
  const Bindings* parameters = nullptr;  // of a macro's text
  size_t call = 0;                       // of a macro's text: where the outermost call is written
  Place call_place;

  Place place(size_t position) const {
    return place_at(begin, sql.substr(shift), position - std::min(shift, position));
  }
  void add(Pieced& to, size_t from, size_t until) const {
    to.add(sql.substr(from, until - from), place(from), call_place.known() ? call : from,
           call_place);
  }
  /// Text that stands nowhere, told as if it stood at `position`.
  void add_beside(Pieced& to, std::string_view text, size_t position) const {
    to.add(text, place(position), call_place.known() ? call : position, call_place);
  }
  std::optional<size_t> token_at(const Json& node) const {
    const auto at = location(node);
    if (!at) return {};
    const auto found = std::lower_bound(tokens.begin(), tokens.end(), *at,
                                        [](const Token& t, size_t b) { return t.begin < b; });
    if (found == tokens.end() || found->begin != *at) return {};
    return size_t(found - tokens.begin());
  }
};

struct Change {
  size_t begin, end;
  Pieced with;
};
using Changes = std::vector<Change>;

Pieced changed(const Source& source, size_t from, size_t until, Changes& changes) {
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  Pieced out;
  size_t at = from;
  for (const auto& change : changes) {
    if (change.begin < at || change.end > until) continue;  // CASE has its value in every branch
    source.add(out, at, change.begin);
    out.add(change.with);
    at = change.end;
  }
  source.add(out, at, until);
  return out;
}

bool takes_lambda(const std::string& function) {
  static const Names names{"list_transform", "list_apply",   "array_transform", "array_apply",
                           "apply",          "list_filter",  "array_filter",    "filter",
                           "list_reduce",    "array_reduce", "reduce"};
  return names.count(function) > 0;
}

/// True where a text needs no parentheses wherever an expression may stand: `5`, `'a'`, `s.price`.
bool stands_alone(std::string_view text) {
  const auto tokens = tokens_of(text);
  if (!tokens.empty() && is_symbol(tokens[0], text, '('))
    return past_bracket(tokens, text, 0) == tokens.size();
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool point = is_symbol(tokens[i], text, '.');
    if (point != (i % 2 == 1) || (!point && tokens[i].kind == Token::Kind::symbol)) return false;
  }
  return tokens.size() % 2 == 1;
}

/// True where a macro's whole text is one call of a function.
bool is_call(const Macro& macro) {
  if (macro.text.table) return false;
  const auto& item = macro.tree.at("select_list")[0];
  if (!is_class(item, "FUNCTION") || item.value("is_operator", false)) return false;
  const auto& tokens = macro.tokens;  // the first is SELECT
  return location(item) == macro.shift && tokens.size() > 2 &&
         is_symbol(tokens[2], macro.sql, '(') &&
         past_bracket(tokens, macro.sql, 2) == tokens.size();
}

/// The names by which columns of a FROM clause may be called.
void add_tables(const Json& from, Names& out) {
  if (!from.is_object()) return;
  if (is_type(from, "JOIN")) {
    add_tables(from.at("left"), out);
    add_tables(from.at("right"), out);
    return;
  }
  auto name = text_at(from, "alias");
  if (name.empty()) name = text_at(from, "table_name");
  if (name.empty() && from.contains("function"))
    name = text_at(from.at("function"), "function_name");
  if (!name.empty()) out.insert(lower(name));
}

/// What a place in a tree is inside of.
struct Around {
  Names lambdas;          // names that they give
  Names tables;           // of FROM clauses
  Names ctes;             // of WITH clauses
  bool in_query = false;  // that has a FROM clause
  bool in_value = false;  // a sub-query whose columns' names nobody sees
  const Json* function = nullptr;

  /// Of the children of a node.
  Around inside(const Json& node) const {
    Around out = *this;
    out.function = is_class(node, "FUNCTION") ? &node : nullptr;
    if (is_class(node, "SUBQUERY")) out.in_value = true;
    if (is_type(node, "SUBQUERY") && !node.contains("class")) out.in_value = false;
    if (is_type(node, "SELECT_NODE") && !is_type(node.at("from_table"), "EMPTY")) {
      out.in_query = true;
      add_tables(node.at("from_table"), out.tables);
    }
    for (const auto& cte : ctes_of(node)) out.ctes.insert(cte.name);
    return out;
  }
};

Names names_in(const Json& lambda_side) {
  Names out;
  walk(lambda_side, [&](const Json& n) {
    if (is_class(n, "COLUMN_REF")) out.insert(lower(n.at("column_names")[0].get<std::string>()));
    return true;
  });
  return out;
}

/// Finds what is to be changed in one text.
class Finder {
 public:
  /// Columns of a SELECT are named where there is a connection.
  Finder(const Macros& macros, const Source& source, Problems& problems, size_t& calls,
         duck::Connection* connection = nullptr)
      : macros_(macros),
        source_(source),
        problems_(problems),
        calls_(calls),
        connection_(connection) {}

  void visit(const Json& node, const Around& around) {
    if (node.is_array()) {
      for (const auto& child : node) visit(child, around);
      return;
    }
    if (!node.is_object()) return;
    if (is_type(node, "TABLE_FUNCTION") && node.contains("function")) {
      const auto& function = node.at("function");
      if (const Macro* macro = called(function)) {
        if (text_at(node, "with_ordinality") == "WITH_ORDINALITY")
          problem(function, "a macro's rows have no ordinality", "count them in the macro");
        return call(function, *macro, true, around);
      }
      return visit_children(function, around);
    }
    if (const Macro* macro = called(node)) return call(node, *macro, false, around);
    if (is_class(node, "COLUMN_REF")) return name(node, around);
    if (is_class(node, "LAMBDA")) return lambda(node, around);
    visit_children(node, around);
    if (is_type(node, "SELECT_NODE") && !around.in_value) name_columns(node.at("select_list"));
  }

  Changes changes;

 private:
  void visit_children(const Json& node, const Around& around) {
    const auto inside = around.inside(node);
    for (const auto& [key, child] : node.items()) {
      if (child.is_structured()) visit(child, inside);
    }
  }

  void problem(const Json& node, std::string message, std::string hint) {
    problems_.add(Code::configuration, std::move(message), std::move(hint),
                  source_.place(location(node).value_or(source_.shift)));
  }

  const Macro* called(const Json& node) const {
    if (!is_class(node, "FUNCTION") && !is_class(node, "WINDOW")) return nullptr;
    return macros_.find(lower(text_at(node, "function_name")));
  }

  bool is_parameter(const std::string& name, const Around& around) const {
    return source_.parameters && source_.parameters->count(name) && !around.lambdas.count(name);
  }

  /// The token of a name, where the text says it as it is.
  std::optional<size_t> token_of(const Json& node, const std::string& name) const {
    const auto token = source_.token_at(node);
    if (!token || lower(identifier(source_.tokens[*token], source_.sql)) != name) return {};
    return token;
  }

  void name(const Json& node, const Around& around) {
    const auto& parts = node.at("column_names");
    const auto first = lower(parts[0].get<std::string>());
    if (!is_parameter(first, around)) return;
    // In a query `a.b` is a column of a table that is called so, as in DuckDB.
    if (parts.size() > 1 && (around.in_value || source_.macro->text.table)) return;
    const auto token = token_of(node, first);
    if (!token) {
      return problem(node, "parameter \"" + first + "\" stands where it is not followed",
                     "write it in another way, and report this");
    }
    const auto& [kind, begin, end] = source_.tokens[*token];
    const auto& argument = source_.parameters->at(first);
    look_at_scope(argument, around);
    const bool alone = parts.size() == 1 && stands_alone(argument.text.text());
    Pieced with;
    if (!alone) source_.add_beside(with, "(", begin);
    with.add(argument.text);
    if (!alone) source_.add_beside(with, ")", begin);
    changes.push_back({begin, end, std::move(with)});
  }

  /// DuckDB knows which columns an argument means before it is put into the macro; a text does not.
  /// Where a name could come to mean something else inside of the macro it is refused.
  void look_at_scope(const Argument& argument, const Around& around) {
    const auto refuse = [&](const std::string& what, const std::string& hint) {
      problems_.add(Code::configuration,
                    fmt::format("an argument of macro \"{}\" {}", source_.macro->text.name, what),
                    hint, argument.text.pieces().front().begin);
    };
    const auto met = [](const Names& a, const Names& b) {
      const auto found =
          std::find_if(a.begin(), a.end(), [&](const auto& each) { return b.count(each) > 0; });
      return found == a.end() ? std::string() : *found;
    };
    if (const auto name = met(argument.columns, around.lambdas); !name.empty()) {
      refuse("names \"" + name + "\", which is also what a lambda of the macro calls its parameter",
             "write the table's name or alias before it, or call the lambda's parameter otherwise");
    } else if (around.in_query && (!argument.columns.empty() || argument.star)) {
      refuse(argument.star ? "is a star, and stands in a query of the macro"
                           : "names \"" + *argument.columns.begin() +
                                 "\", and stands in a query of the macro, which may have such a "
                                 "column too",
             "write the table's name or alias before it: t." +
                 (argument.star ? "*" : *argument.columns.begin()));
    } else if (const auto table = met(argument.tables, around.tables); !table.empty()) {
      refuse("is a column of \"" + table + "\", and the macro's query has a table of that name too",
             "give one of them another alias");
    } else if (const auto cte = met(argument.reads, around.ctes); !cte.empty()) {
      refuse("reads \"" + cte + "\", and the macro has a WITH clause of that name too",
             "give one of them another name");
    }
  }

  /// The names that an argument takes from where it is written.
  void add_names(const Json& node, const Around& around, const Names& own, Argument& out) const {
    if (node.is_array()) {
      for (const auto& child : node) add_names(child, around, own, out);
      return;
    }
    if (!node.is_object()) return;
    if (is_class(node, "COLUMN_REF")) {
      const auto& parts = node.at("column_names");
      const auto first = lower(parts[0].get<std::string>());
      if (own.count(first)) return;
      if (is_parameter(first, around)) {
        const auto& outer = source_.parameters->at(first);
        out.columns.insert(outer.columns.begin(), outer.columns.end());
        out.tables.insert(outer.tables.begin(), outer.tables.end());
        out.reads.insert(outer.reads.begin(), outer.reads.end());
        out.star = out.star || outer.star;
      } else if (parts.size() > 1 && around.tables.count(first)) {
        out.tables.insert(first);
      } else {
        out.columns.insert(first);
      }
      return;
    }
    auto inner = own;
    if (is_class(node, "LAMBDA")) inner.merge(names_in(node.at("lhs")));
    if (is_type(node, "SELECT_NODE")) add_tables(node.at("from_table"), inner);
    if (is_class(node, "STAR")) out.star = true;
    if (is_type(node, "BASE_TABLE") && !cte_name(node).empty()) out.reads.insert(cte_name(node));
    for (const auto& [key, child] : node.items()) {
      if (child.is_structured()) add_names(child, around, inner, out);
    }
  }

  /// `x -> …` is a lambda in functions that take one, else what JSON has under a key.
  void lambda(const Json& node, Around around) {
    const auto& left = node.at("lhs");
    const bool keyword = !location(left) && is_class(left, "COLUMN_REF");
    const auto names = names_in(left);
    const bool known = std::any_of(names.begin(), names.end(),
                                   [&](const auto& each) { return is_parameter(each, around); });
    const bool in_list =
        around.function && takes_lambda(lower(text_at(*around.function, "function_name")));
    if (known && !keyword && !in_list) return visit_children(node, around);
    around.lambdas.insert(names.begin(), names.end());
    around.function = nullptr;
    visit(node.at("expr"), around);
  }

  void call(const Json& node, const Macro& macro, bool in_from, const Around& around) {
    const auto& definition = macro.text;
    const auto token = token_of(node, definition.name);
    const auto& tokens = source_.tokens;
    const bool plain = token && *token + 1 < tokens.size() &&
                       is_symbol(tokens[*token + 1], source_.sql, '(') &&
                       (*token == 0 || !is_symbol(tokens[*token - 1], source_.sql, '.'));
    if (!plain || !text_at(node, "schema").empty()) {
      return problem(node, "macro \"" + definition.name + "\" is called in another form",
                     "write " + definition.signature() + ", without a point before it");
    }
    if (definition.table != in_from) {
      return problem(node,
                     "macro \"" + definition.name +
                         (in_from ? "\" is an expression, not a table" : "\" yields a table"),
                     in_from ? "define it with AS TABLE SELECT …, or call it in the SELECT's list"
                             : "it belongs in FROM");
    }
    const bool aggregate =
        is_class(node, "WINDOW") || node.value("distinct", false) ||
        !node.value("filter", Json()).is_null() ||
        !node.value("order_bys", Json::object()).value("orders", Json::array()).empty();
    if (aggregate) {
      return problem(node, "macro \"" + definition.name + "\" is not an aggregate function",
                     "DISTINCT, FILTER, ORDER BY and OVER stand in the macro, behind the function");
    }
    const auto limited = [&](bool good) {
      if (good) return;
      problem(node, "macro \"" + definition.name + "\" grows beyond all measure",
              "macros that call each other twice double their text");
      throw Error(problems_.all());
    };
    limited(++calls_ <= kCallsMax);
    const size_t past = past_bracket(tokens, source_.sql, *token + 1);
    Bindings bindings;
    if (!bind(node, macro, *token + 1, past - 1, around, bindings)) return;
    changes.push_back(
        {tokens[*token].begin, tokens[past - 1].end, instance(macro, bindings, node)});
    limited(changes.back().with.text().size() <= kLongestText);
  }

  /// The text of a macro with its parameters replaced.
  Pieced instance(const Macro& macro, const Bindings& bindings, const Json& node) {
    const size_t at = location(node).value_or(0);
    const Source body{macro.sql,
                      macro.shift,
                      macro.text.begin,
                      macro.tokens,
                      &macro,
                      &bindings,
                      source_.call_place.known() ? source_.call : at,
                      source_.call_place.known() ? source_.call_place : source_.place(at)};
    Finder inside(macros_, body, problems_, calls_);
    inside.visit(macro.text.table ? macro.tree : macro.tree.at("select_list")[0], {});
    const bool alone = is_call(macro) || (!macro.text.table && stands_alone(macro.text.body));
    Pieced out;
    if (!alone) source_.add_beside(out, "(", at);
    out.add(changed(body, macro.shift, macro.sql.size(), inside.changes));
    if (!alone) source_.add_beside(out, ")", at);
    return out;
  }

  struct Given {
    std::string name;
    size_t begin = 0, end = 0;  // bytes
  };

  /// What stands between the parentheses `open` and `close`.
  std::vector<Given> arguments(size_t open, size_t close) const {
    std::vector<Given> out;
    const auto& tokens = source_.tokens;
    const auto symbol = [&](size_t i, char c) { return is_symbol(tokens[i], source_.sql, c); };
    for (size_t at = open + 1; at < close; ++at) {
      Given one;
      if (at + 3 < close &&
          ((symbol(at + 1, ':') && symbol(at + 2, '=')) ||
           (symbol(at + 1, '=') && symbol(at + 2, '>'))) &&
          tokens[at + 2].begin == tokens[at + 1].end) {
        one.name = lower(identifier(tokens[at], source_.sql));
        at += 3;
      }
      one.begin = tokens[at].begin;
      while (at < close && !symbol(at, ','))
        at = symbol(at, '(') || symbol(at, '[') || symbol(at, '{')
                 ? past_bracket(tokens, source_.sql, at)
                 : at + 1;
      one.end = tokens[at - 1].end;
      out.push_back(std::move(one));
    }
    return out;
  }

  bool bind(const Json& node, const Macro& macro, size_t open, size_t close, const Around& around,
            Bindings& out) {
    const auto& parameters = macro.text.parameters;
    const auto given = arguments(open, close);
    const auto& children = node.at("children");
    const auto refuse = [&](const std::string& what, std::string hint = {}) {
      problem(node, fmt::format("macro \"{}\" {}", macro.text.name, what),
              hint.empty() ? "it is " + macro.text.signature() : std::move(hint));
      return false;
    };
    for (const auto& each : given) {
      if (source_.sql.substr(each.begin, each.end - each.begin) == "*")
        return refuse("takes values, not *");
    }
    if (given.size() != children.size()) return refuse("is called in a form that is not followed");
    if (given.size() > parameters.size()) {
      return refuse(fmt::format("takes {} argument{}, but is given {}", parameters.size(),
                                parameters.size() == 1 ? "" : "s", given.size()));
    }
    for (size_t i = 0; i < given.size(); ++i) {
      std::string to = given[i].name;
      if (to.empty()) {
        if (i > 0 && !given[i - 1].name.empty())
          return refuse("has an argument without a name after one with a name");
        to = parameters[i].name;
      }
      std::vector<std::string> known;
      for (const auto& parameter : parameters) known.push_back(parameter.name);
      if (std::find(known.begin(), known.end(), to) == known.end())
        return refuse("has no parameter \"" + to + "\"", did_you_mean(to, known));
      Finder inside(macros_, source_, problems_, calls_, connection_);
      inside.visit(children[i], around);
      Argument argument;
      argument.text = changed(source_, given[i].begin, given[i].end, inside.changes);
      add_names(children[i], around, {}, argument);
      if (!out.emplace(to, std::move(argument)).second)
        return refuse("is given \"" + to + "\" twice");
    }
    for (const auto& parameter : parameters) {
      if (out.count(parameter.name)) continue;
      if (!parameter.otherwise) return refuse("is not given \"" + parameter.name + "\"");
      Argument value;
      const size_t at = location(node).value_or(0);
      value.text.add(*parameter.otherwise, parameter.otherwise_begin,
                     source_.call_place.known() ? source_.call : at,
                     source_.call_place.known() ? source_.call_place : source_.place(at));
      out.emplace(parameter.name, std::move(value));
    }
    return true;
  }

  /// A column that has no name is called by what is written, as DuckDB would call it.
  void name_columns(const Json& items) {
    for (const auto& item : items) {
      if (!text_at(item, "alias").empty()) continue;
      auto token = source_.token_at(item);
      bool star = false, expanded = false;
      walk(item, [&](const Json& n) {
        if (is_class(n, "SUBQUERY") && source_.parameters) return false;
        star = star || is_class(n, "STAR");
        if (called(n) && !token) token = source_.token_at(n);
        expanded = expanded || called(n) ||
                   (is_class(n, "COLUMN_REF") &&
                    is_parameter(lower(n.at("column_names")[0].get<std::string>()), {}));
        return true;
      });
      if (star || !expanded || !token) continue;
      if (source_.parameters) {
        problem(item, "this column of a macro has no name of its own", "add AS and a name");
      } else if (const size_t end = connection_ ? end_of_item(*token) : 0) {
        Pieced with;
        const auto name = expression_text(*connection_, item);
        source_.add_beside(with, " AS " + duck::quote_name(name), end);
        changes.push_back({end, end, std::move(with)});
      }
    }
  }

  /// The byte behind the item of a SELECT's list in which a token stands; 0 where it is not clear.
  size_t end_of_item(size_t token) const {
    const auto& tokens = source_.tokens;
    const auto bracket = [&](size_t i) {
      if (tokens[i].kind != Token::Kind::symbol) return 0;
      const char c = source_.sql[tokens[i].begin];
      if (c == '(' || c == '[' || c == '{') return 1;
      return c == ')' || c == ']' || c == '}' ? -1 : 0;
    };
    int depth = 0, lowest = 0;
    std::optional<int> list;  // the depth of the SELECT, as seen from the token
    for (size_t i = token; i-- > 0 && !list;) {
      depth -= bracket(i);
      lowest = std::min(lowest, depth);
      if (depth == lowest && is_word(tokens[i], source_.sql, "select")) list = depth;
    }
    if (!list) return 0;
    depth = 0;
    for (size_t i = token; i < tokens.size(); ++i) {
      const bool ends = depth == *list && (is_symbol(tokens[i], source_.sql, ',') || ends_list(i));
      depth += bracket(i);
      if (depth < *list || ends) return tokens[i - 1].end;
    }
    return tokens.back().end;
  }

  bool ends_list(size_t i) const {
    static const Names words{"from",  "where",  "group", "having", "window",    "qualify", "order",
                             "limit", "offset", "union", "except", "intersect", "using",   "fetch"};
    const auto& token = source_.tokens[i];
    if (token.kind != Token::Kind::word || !words.count(lower(token.in(source_.sql)))) return false;
    return i == 0 || !is_word(source_.tokens[i - 1], source_.sql, "distinct");  // IS DISTINCT FROM
  }

  const Macros& macros_;
  const Source& source_;
  Problems& problems_;
  size_t& calls_;
  duck::Connection* connection_;
};

}  // namespace

void expand(duck::Connection& connection, const Macros& macros, Parsed& parsed) {
  if (macros.named_by(parsed.text).empty()) return;
  const Json tree = parse_tree(connection, parsed.text, parsed.begin);
  const auto tokens = tokens_of(parsed.text);
  const Source source{parsed.text, 0, parsed.begin, tokens, nullptr, nullptr, 0, {}};
  Problems problems;
  size_t calls = 0;
  Finder finder(macros, source, problems, calls, &connection);
  finder.visit(tree, {});
  problems.raise();
  if (finder.changes.empty()) return;
  const auto out = changed(source, 0, parsed.text.size(), finder.changes);
  parsed.text = out.text();
  parsed.pieces = out.pieces();
}

Pieced expanded_body(const Macros& macros, const Macro& macro, Problems& problems) {
  Bindings same;
  for (const auto& parameter : macro.text.parameters)
    same[parameter.name].text.add(duck::quote_name(parameter.name), parameter.place, 0, {});
  const Source body{macro.sql, macro.shift, macro.text.begin, macro.tokens, &macro, &same, 0, {}};
  size_t calls = 0;
  Finder inside(macros, body, problems, calls);
  inside.visit(macro.text.table ? macro.tree : macro.tree.at("select_list")[0], {});
  return changed(body, macro.shift, macro.sql.size(), inside.changes);
}

std::string Macros::expanded_expression(duck::Connection& connection, std::string_view text,
                                        const Place& begin) const {
  if (named_by(text).empty()) return std::string(text);
  const std::string sql = "SELECT " + std::string(text);
  const size_t shift = sql.size() - text.size();
  const Json tree = parse_tree(connection, sql, begin);
  const auto tokens = tokens_of(sql);
  const Source source{sql, shift, begin, tokens, nullptr, nullptr, 0, {}};
  Problems problems;
  size_t calls = 0;
  Finder finder(*this, source, problems, calls);
  finder.visit(tree.at("select_list")[0], {});
  problems.raise();
  return changed(source, shift, sql.size(), finder.changes).text();
}

}  // namespace windrow::sql
