#include <algorithm>
#include <cctype>

#include "base/hash.h"
#include "sql/expansion.h"
#include "sql/macros.h"
#include "sql/parameters.h"
#include "sql/selects.h"
#include "sql/sql.h"
#include "sql/tree.h"

namespace windrow::sql {

std::set<std::string> Parsed::table_names() const {
  std::set<std::string> out;
  for (const auto& use : tables) out.insert(use.name);
  return out;
}

std::set<std::string> Parsed::parameter_names() const {
  std::set<std::string> out;
  for (const auto& use : parameters) out.insert(use.name);
  return out;
}

Place place_at(const Place& begin, std::string_view text, size_t position) {
  Place place = begin;
  if (!place.known()) return place;
  if (place.line == 0) place.line = 1;
  if (place.column == 0) place.column = 1;
  for (size_t i = 0; i < std::min(position, text.size()); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

Place Parsed::place(size_t position) const {
  const Piece* piece = piece_at(pieces, position);
  if (!piece) return place_at(begin, text, position);
  return place_at(piece->begin, std::string_view(text).substr(piece->at), position - piece->at);
}

std::string Parsed::call(size_t position) const {
  const Piece* piece = piece_at(pieces, position);
  return piece && piece->call.known() ? "macro called in " + piece->call.text() : std::string();
}

namespace {

/// Functions whose answer does not follow from the rows. DuckDB calls most of them VOLATILE or
/// CONSISTENT_WITHIN_QUERY (a test compares the two lists); the others depend on the machine or on
/// what was set in the session.
const std::set<std::string>& changing_functions() {
  static const std::set<std::string> names{"now",
                                           "current_date",
                                           "current_timestamp",
                                           "current_time",
                                           "localtime",
                                           "today",
                                           "localtimestamp",
                                           "get_current_time",
                                           "get_current_timestamp",
                                           "transaction_timestamp",
                                           "random",
                                           "uuid",
                                           "gen_random_uuid",
                                           "uuidv4",
                                           "uuidv7",
                                           "setseed",
                                           "nextval",
                                           "currval",
                                           "getenv",
                                           "getvariable",
                                           "txid_current",
                                           "current_user",
                                           "current_role",
                                           "session_user",
                                           "current_localtimestamp",
                                           "current_localtime",
                                           "current_setting",
                                           "current_catalog",
                                           "current_database",
                                           "current_schema",
                                           "current_schemas",
                                           "in_search_path",
                                           "current_query",
                                           "current_query_id",
                                           "current_connection_id",
                                           "current_transaction_id",
                                           "stats",
                                           "sleep_ms",
                                           "write_log",
                                           "version"};
  return names;
}

/// Finds the tables that one statement reads, and what would make two runs of it differ. What it
/// may reach at all is the sandbox's.
class Reader {
 public:
  Reader(Parsed& parsed, Problems& problems, const duck::Sandbox& sandbox)
      : parsed_(parsed), problems_(problems), sandbox_(sandbox) {}

  void read(const Json& node, std::set<std::string> scope) {
    if (node.is_array()) {
      for (const auto& child : node) read(child, scope);
      return;
    }
    if (!node.is_object()) return;
    // A WITH query sees those before it; everything else sees them all. A recursive one sees
    // itself.
    for (const auto& cte : ctes_of(node)) {
      auto inner = scope;
      if (is_type(*cte.node, "RECURSIVE_CTE_NODE")) inner.insert(cte.name);
      read(*cte.node, inner);
      scope.insert(cte.name);
    }
    if (is_type(node, "RECURSIVE_CTE_NODE")) scope.insert(lower(text_at(node, "cte_name")));
    look_at(node, scope);
    for (const auto& [key, child] : node.items()) {
      if (key != "cte_map" && child.is_structured()) read(child, scope);
    }
  }

 private:
  Place place(const Json& node) const { return parsed_.place(location(node).value_or(0)); }

  void look_at(const Json& node, const std::set<std::string>& scope) {
    if (auto sample = node.find("sample"); sample != node.end() && sample->is_object()) {
      problems_.add(Code::configuration,
                    "USING SAMPLE gives other rows in every run over the same input",
                    "take rows by a hash of their key: WHERE hash(id) % 10 = 0", place(node));
    }
    if (is_type(node, "BASE_TABLE")) {
      table(node, scope);
    } else if (is_class(node, "FUNCTION")) {
      const auto name = lower(text_at(node, "function_name"));
      if (!duck::computes(name)) return;  // told by the sandbox
      // age(x) is the time from x until now.
      refuse_changing(name == "age" && node.at("children").size() == 1 ? "current_timestamp" : name,
                      node);
    } else if (is_class(node, "PARAMETER")) {
      const auto name = text_at(node, "identifier");
      if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); })) {
        problems_.add(Code::configuration, "a parameter has a name: $days, not ? or $1", "",
                      parsed_.begin);
      }
    } else if (is_class(node, "COLUMN_REF") && node.at("column_names").size() == 1) {
      const auto name = lower(node.at("column_names")[0].get<std::string>());
      if (!name.starts_with("current_") && !name.starts_with("local") && name != "session_user")
        return;
      const auto at = location(node);
      const bool quoted = at && *at < parsed_.text.size() && parsed_.text[*at] == '"';
      if (!quoted) refuse_changing(name, node);
    }
  }

  void table(const Json& node, const std::set<std::string>& scope) {
    if (scope.count(cte_name(node))) return;
    const auto name = table_name(node);
    if (sandbox_.opens(name)) return;  // outside of the lake: no input that versions could tell of
    parsed_.tables.push_back({name, place(node), location(node).value_or(0)});
  }

  void refuse_changing(const std::string& name, const Json& node) {
    if (!changing_functions().count(name)) return;
    problems_.add(
        Code::configuration,
        name +
            " is not allowed in a model: it gives something else in every run over the same input",
        "use $run_time, a declared parameter, or a column of the input", place(node));
  }

  Parsed& parsed_;
  Problems& problems_;
  const duck::Sandbox& sandbox_;
};

/// The tree knows which parameters there are, the text where they stand.
void find_parameters(const Json& node, Parsed& parsed) {
  std::set<std::string> known;
  walk(node, [&](const Json& n) {
    if (is_class(n, "PARAMETER")) known.insert(text_at(n, "identifier"));
    return true;
  });
  for (const auto& [name, at] : parameters_in(parsed.text)) {
    if (known.count(name)) parsed.parameters.push_back({name, parsed.place(at), at});
  }
}

void read_tree(duck::Connection& connection, const Json& node, Parsed& parsed,
               const duck::Sandbox& sandbox) {
  parsed.meaning = meaning_of(node);
  parsed.star = says_star(node);
  find_parameters(node, parsed);
  Problems problems;
  find_tables(node, parsed, sandbox, problems);
  parsed.intervals =
      find_intervals(connection, node, parsed, nullptr, problems, parsed.names_depend);
  problems.raise();
}

/// The number changes with the rules: what an older version let pass is read anew.
std::string cache_key(std::string_view text, const duck::Sandbox& sandbox, const Macros* macros) {
  Fields out;
  out.add("select 3");
  for (const auto& file : sandbox.external_files) out.add(file);
  if (macros) out.add(macros->digest(text));
  out.add(std::string(text));
  return sha256(out.take());
}

std::string to_cache(const Parsed& parsed) {
  Fields out;
  out.add_number(parsed.pieces.size());
  for (const auto& piece : parsed.pieces) {
    out.add_number(piece.at);
    out.add_number(piece.written);
    const bool of_macro = piece.call.known();
    out.add(of_macro ? piece.begin.file : "");
    out.add_number(of_macro ? size_t(piece.begin.line) : 0);
    out.add_number(of_macro ? size_t(piece.begin.column) : 0);
  }
  if (!parsed.pieces.empty()) out.add(parsed.text);
  out.add(parsed.meaning);
  out.add_number(parsed.star);
  out.add_number(parsed.names_depend);
  out.add_number(parsed.tables.size());
  for (const auto& use : parsed.tables) {
    out.add(use.name);
    out.add_number(use.position);
  }
  out.add_number(parsed.parameters.size());
  for (const auto& use : parsed.parameters) {
    out.add(use.name);
    out.add_number(use.position);
  }
  out.add_number(parsed.intervals.size());
  for (const auto& use : parsed.intervals) {
    out.add(use.table);
    out.add_number(use.expression ? 1 : 0);
    out.add(use.expression.value_or(""));
    out.add_number(use.exact);
    out.add_number(use.position);
  }
  return out.take();
}

/// The text that was kept, if it is another than the written one, with its pieces.
void read_pieces(FieldReader& in, std::string_view written, Parsed& out) {
  for (size_t left = in.number(); left > 0 && in.good(); --left) {
    Piece piece;
    piece.at = in.number();
    piece.written = in.number();
    piece.begin = place_at(out.begin, written, piece.written);
    auto file = in.text();
    const auto line = int(in.number()), column = int(in.number());
    if (!file.empty()) {
      piece.call = piece.begin;
      piece.begin = {std::move(file), line, column};
    }
    out.pieces.push_back(std::move(piece));
  }
  out.text = out.pieces.empty() ? std::string(written) : in.text();
}

}  // namespace

void find_tables(const Json& node, Parsed& parsed, const duck::Sandbox& sandbox,
                 Problems& problems) {
  for (const auto& breach : duck::breaches_of_select(parsed.text, sandbox)) {
    problems.add(Code::configuration, breach.message, breach.hint,
                 parsed.place(breach.position.value_or(0)));
  }
  Reader(parsed, problems, sandbox).read(node, {});
}

std::optional<Parsed> known_select(std::string_view text, const Place& begin, const Cache& cache,
                                   const duck::Sandbox& sandbox, const Macros* macros) {
  const auto bytes = cache.find(cache_key(text, sandbox, macros));
  if (!bytes) return {};
  FieldReader in(*bytes);
  Parsed out;
  out.begin = begin;
  read_pieces(in, text, out);
  out.meaning = in.text();
  out.star = in.number() > 0;
  out.names_depend = in.number() > 0;
  const auto place = [&](size_t position) { return out.place(position); };
  for (size_t left = in.number(); left > 0 && in.good(); --left) {
    TableUse use;
    use.name = in.text();
    use.position = in.number();
    use.place = place(use.position);
    out.tables.push_back(std::move(use));
  }
  for (size_t left = in.number(); left > 0 && in.good(); --left) {
    ParameterUse use;
    use.name = in.text();
    use.position = in.number();
    use.place = place(use.position);
    out.parameters.push_back(std::move(use));
  }
  for (size_t left = in.number(); left > 0 && in.good(); --left) {
    IntervalUse use;
    use.table = in.text();
    const bool has_expression = in.number() > 0;
    auto expression = in.text();
    if (has_expression) use.expression = std::move(expression);
    use.exact = in.number() > 0;
    use.position = in.number();
    use.place = place(use.position);
    out.intervals.push_back(std::move(use));
  }
  if (!in.complete()) return {};
  return out;
}

namespace {

/// What DuckDB's answer says of the text; without one it is asked. Kept where there is a cache.
void read_answer(duck::Connection& connection, const std::string* answer, std::string_view written,
                 Cache* cache, const duck::Sandbox& sandbox, const Macros* macros, Parsed& parsed) {
  try {
    read_tree(connection,
              answer ? tree_of(*answer, parsed.text, parsed.begin)
                     : parse_tree(connection, parsed.text, parsed.begin),
              parsed, sandbox);
  } catch (const Json::exception& error) {
    throw Error(Code::unsupported,
                std::string("SQL: a part of this SELECT is not understood: ") + error.what(),
                "write it in another way, and report this", parsed.begin);
  }
  if (cache) cache->put(cache_key(written, sandbox, macros), to_cache(parsed));
}

/// The text with what its macros say.
Parsed expanded(duck::Connection& connection, const Written& written, const Macros* macros) {
  Parsed parsed;
  parsed.text = std::string(written.text);
  parsed.begin = written.begin;
  try {
    if (macros) expand(connection, *macros, parsed);
  } catch (const Json::exception& error) {
    throw Error(Code::unsupported,
                std::string("SQL: a part of this SELECT is not understood: ") + error.what(),
                "write it in another way, and report this", parsed.begin);
  }
  return parsed;
}

}  // namespace

Parsed parse_select(duck::Connection& connection, std::string_view text, const Place& begin,
                    Cache* cache, const duck::Sandbox& sandbox, const Macros* macros) {
  if (cache) {
    if (auto known = known_select(text, begin, *cache, sandbox, macros)) return std::move(*known);
  }
  auto parsed = expanded(connection, {text, begin}, macros);
  read_answer(connection, nullptr, text, cache, sandbox, macros, parsed);
  return parsed;
}

std::vector<ParsedOrProblems> parse_selects(duck::Connection& connection,
                                            const std::vector<Written>& texts, Cache* cache,
                                            const duck::Sandbox& sandbox, const Macros* macros) {
  std::vector<ParsedOrProblems> out(texts.size());
  std::vector<std::string_view> asked;
  std::vector<size_t> of;  // the text that was asked for
  for (size_t i = 0; i < texts.size(); ++i) {
    try {
      out[i] = expanded(connection, texts[i], macros);
      asked.push_back(std::get<Parsed>(out[i]).text);
      of.push_back(i);
    } catch (const Error& error) {
      out[i] = error.problems();
    }
  }
  std::vector<std::string> answers;
  try {
    answers = parse_answers(connection, asked);
  } catch (const Error&) {
    // One of them is no text: each is asked for by itself and says so.
  }
  for (size_t n = 0; n < of.size(); ++n) {
    const size_t i = of[n];
    try {
      read_answer(connection, n < answers.size() ? &answers[n] : nullptr, texts[i].text, cache,
                  sandbox, macros, std::get<Parsed>(out[i]));
    } catch (const Error& error) {
      out[i] = error.problems();
    }
  }
  return out;
}

}  // namespace windrow::sql
