#include <algorithm>
#include <cctype>

#include "sql/tree.h"

namespace windrow::sql {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::optional<size_t> location(const Json& node) {
  auto found = node.find("query_location");
  if (found == node.end() || !found->is_number()) return {};
  const auto at = found->get<uint64_t>();
  if (at == UINT64_MAX) return {};
  return size_t(at);
}

void walk(const Json& node, const std::function<bool(const Json&)>& visit) {
  if (node.is_object() && !visit(node)) return;
  if (!node.is_structured()) return;
  for (const auto& child : node) walk(child, visit);
}

const Json& root(const Parsed& select) { return select.tree->at("node"); }

std::string table_name(const Json& base_table) {
  std::string out;
  for (const char* key : {"catalog_name", "schema_name", "table_name"}) {
    const auto part = text_at(base_table, key);
    if (!part.empty()) out += (out.empty() ? "" : ".") + part;
  }
  return out;
}

std::vector<std::pair<std::string, const Json*>> ctes_of(const Json& node) {
  std::vector<std::pair<std::string, const Json*>> out;
  auto map = node.find("cte_map");
  if (map == node.end() || !map->is_object()) return out;
  for (const auto& entry : map->at("map")) {
    out.emplace_back(lower(text_at(entry, "key")), &entry.at("value").at("query").at("node"));
  }
  return out;
}

std::string expression_text(duck::Connection& connection, const Json& expression) {
  if (is_class(expression, "COLUMN_REF") && expression.at("column_names").size() == 1) {
    return duck::quote_name(expression.at("column_names")[0].get<std::string>());
  }
  // The tree of `SELECT 1` with another expression in its place.
  auto shell =
      Json::parse(duck::text_of(connection.value("SELECT json_serialize_sql('SELECT 1')")));
  shell["statements"][0]["node"]["select_list"][0] = expression;
  std::string text = duck::text_of(
      connection.value("SELECT json_deserialize_sql($tree::JSON)", {{"tree", shell.dump()}}));
  return text.starts_with("SELECT ") ? text.substr(7) : text;
}

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

namespace {

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
                                           "txid_current",
                                           "current_user",
                                           "current_localtimestamp",
                                           "current_localtime",
                                           "current_setting",
                                           "version"};
  return names;
}

bool reads_outside(const std::string& function) {
  for (const char* prefix : {"read_", "parquet_", "sniff_", "duckdb_", "pragma_", "query", "glob",
                             "iceberg_", "delta_"}) {
    if (function.starts_with(prefix)) return true;
  }
  return function.ends_with("_scan") || function.ends_with("_query");
}

/// Parameters carry no place in the tree: they are looked for in the text, outside of strings and
/// comments.
std::vector<std::pair<std::string, size_t>> parameters_in(std::string_view text) {
  std::vector<std::pair<std::string, size_t>> out;
  const auto skip_to = [&](size_t from, std::string_view end) {
    const auto found = text.find(end, from);
    return found == std::string_view::npos ? text.size() : found + end.size();
  };
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\'' || c == '"') {
      i = skip_to(i + 1, std::string_view(&text[i], 1));
    } else if (text.substr(i).starts_with("--")) {
      i = skip_to(i, "\n");
    } else if (text.substr(i).starts_with("/*")) {
      i = skip_to(i + 2, "*/");
    } else if (c == '$') {
      size_t end = i + 1;
      while (end < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
        ++end;
      if (end < text.size() && text[end] == '$') {  // $tag$ … $tag$
        i = skip_to(end + 1, text.substr(i, end + 1 - i));
      } else {
        if (end > i + 1) out.emplace_back(std::string(text.substr(i + 1, end - i - 1)), i);
        i = std::max(end, i + 1);
      }
    } else {
      ++i;
    }
  }
  return out;
}

/// Finds what one statement reads, and what it may not.
class Reader {
 public:
  Reader(Parsed& parsed, Problems& problems) : parsed_(parsed), problems_(problems) {}

  void read(const Json& node, std::set<std::string> scope) {
    if (node.is_array()) {
      for (const auto& child : node) read(child, scope);
      return;
    }
    if (!node.is_object()) return;
    // A WITH query sees those before it; everything else sees them all. A recursive one sees
    // itself.
    for (const auto& [name, query] : ctes_of(node)) {
      auto inner = scope;
      if (is_type(*query, "RECURSIVE_CTE_NODE")) inner.insert(name);
      read(*query, inner);
      scope.insert(name);
    }
    if (is_type(node, "RECURSIVE_CTE_NODE")) scope.insert(lower(text_at(node, "cte_name")));
    look_at(node, scope);
    for (const auto& [key, child] : node.items()) {
      if (key != "cte_map") read(child, scope);
    }
  }

 private:
  Place place(const Json& node) const {
    return place_at(parsed_.begin, parsed_.text, location(node).value_or(0));
  }

  void look_at(const Json& node, const std::set<std::string>& scope) {
    if (auto sample = node.find("sample"); sample != node.end() && sample->is_object()) {
      problems_.add(Code::configuration,
                    "USING SAMPLE gives other rows in every run over the same input",
                    "take rows by a hash of their key: WHERE hash(id) % 10 = 0", place(node));
    }
    if (is_type(node, "BASE_TABLE")) {
      const auto name = table_name(node);
      if (scope.count(lower(name))) return;
      if (name.find('/') != std::string::npos || lower(name).ends_with(".csv") ||
          lower(name).ends_with(".parquet") || lower(name).ends_with(".json")) {
        problems_.add(Code::configuration, "a model reads tables, not the file \"" + name + "\"",
                      "bring the file in with a source or a seed", place(node));
        return;
      }
      parsed_.tables.push_back({name, place(node)});
    } else if (is_type(node, "SHOW_REF")) {
      problems_.add(Code::configuration, "a model is a SELECT of rows, not SHOW or DESCRIBE", "",
                    place(node));
    } else if (is_type(node, "TABLE_FUNCTION")) {
      const auto name = lower(text_at(node.at("function"), "function_name"));
      if (reads_outside(name)) {
        problems_.add(Code::configuration,
                      "a model reads tables: the function " + name + " is not allowed here",
                      "bring outside data in with a source or a seed", place(node));
      }
    } else if (is_class(node, "FUNCTION") && text_at(node, "type") == "FUNCTION") {
      const auto name = lower(text_at(node, "function_name"));
      // age(x) is the time from x until now.
      refuse_changing(name == "age" && node.at("children").size() == 1 ? "current_timestamp" : name,
                      node);
    } else if (is_class(node, "COLUMN_REF") && node.at("column_names").size() == 1) {
      const auto name = node.at("column_names")[0].get<std::string>();
      const auto at = location(node);
      const bool quoted = at && *at < parsed_.text.size() && parsed_.text[*at] == '"';
      if (lower(name).starts_with("current_") || lower(name).starts_with("local")) {
        if (!quoted) refuse_changing(lower(name), node);
      }
    }
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
};

}  // namespace

Parsed parse_select(duck::Connection& connection, std::string_view text, const Place& begin) {
  Parsed parsed;
  parsed.text = std::string(text);
  parsed.begin = begin;
  const auto answer = Json::parse(duck::text_of(
      connection.value("SELECT json_serialize_sql($sql::VARCHAR)", {{"sql", parsed.text}})));
  if (answer.at("error").get<bool>()) {
    std::string message = text_at(answer, "error_message");
    if (message.empty() || message.starts_with("Only SELECT")) message = "this is not a SELECT";
    size_t position = 0;
    if (auto found = answer.find("position"); found != answer.end() && found->is_string()) {
      // The parser counts characters here, everything else bytes.
      for (size_t left = size_t(std::stoull(found->get<std::string>()));
           left > 0 && position < text.size(); --left) {
        do ++position;
        while (position < text.size() &&
               (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80);
      }
    }
    message[0] = char(std::tolower(static_cast<unsigned char>(message[0])));
    throw Error(Code::configuration, "SQL: " + message, "", place_at(begin, text, position));
  }
  const auto& statements = answer.at("statements");
  if (statements.size() != 1) {
    throw Error(Code::configuration,
                statements.empty() ? "there is no SELECT" : "there is more than one SELECT",
                "a model is one SELECT", begin);
  }
  parsed.tree = std::make_shared<const Json>(statements[0]);
  for (const auto& [name, at] : parameters_in(parsed.text)) {
    parsed.parameters.push_back({name, place_at(begin, parsed.text, at)});
  }
  Problems problems;
  Reader(parsed, problems).read(root(parsed), {});
  problems.raise();
  return parsed;
}

}  // namespace windrow::sql
