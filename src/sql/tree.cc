#include "sql/tree.h"
#include "sql/sql.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

#include "duck/duck.h"
#include "duck/quoting.h"

namespace windrow::sql {

namespace {

/// The byte where character `count` of a text begins.
size_t byte_of(std::string_view text, size_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) {
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  }
  return at;
}

/// What to write instead of a template's words, for who comes from a program that has them.
std::string instead_of_template(const std::string& inside) {
  const auto first = std::min(inside.find_first_not_of(" -\n\t"), inside.size());
  const auto word =
      inside.substr(first, inside.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", first) - first);
  if (word == "ref" || word == "source")
    return "write the table's own name, LAYER.TABLE (silver.sales); what depends on what is found "
           "in the SQL";
  if (word == "config")
    return "settings stand in the header, /* windrow … */ before the SELECT (build: …, tags: …)";
  if (word == "var" || word == "env_var")
    return "declare it under vars: in windrow.yaml and write $NAME";
  if (word == "ds" || word.starts_with("data_interval") || word == "execution_date")
    return "$start and $end are the bounds of the intervals that are built";
  if (inside.find("is_incremental") != std::string::npos)
    return "build: append, merge or interval in the header gives a model its new rows alone, and "
           "the SELECT stays the same";
  return "$NAME stands for a value; what SELECTs share is a macro (macros/*.sql) or a model of its "
         "own (build: view)";
}

std::string template_hint(std::string_view text, size_t position) {
  // The parser may take the second character of `{%` for an operator.
  if (position > 0 && position < text.size() && text[position - 1] == '{') --position;
  const auto from = text.substr(std::min(position, text.size()));
  if (!from.starts_with("{{") && !from.starts_with("{%") && !from.starts_with("{#")) return "";
  return "there are no templates: " +
         instead_of_template(lower(from.substr(2, from.find('}') - 2)));
}

[[noreturn]] void throw_syntax_error(const Json& answer, std::string_view text,
                                     const Place& begin) {
  std::string message = text_at(answer, "error_message"), hint;
  if (message.empty() || message.starts_with("Only SELECT")) {
    message = "this is not a SELECT";
    std::string first =
        lower(text.substr(0, std::min(text.find_first_of(" \t\r\n("), text.size())));
    if (first == "pivot") hint = "write SELECT * FROM table PIVOT (… FOR column IN (…))";
  }
  // The parser counts characters here, everything else bytes.
  size_t position = 0;
  if (const auto at = text_at(answer, "position"); !at.empty())
    position = byte_of(text, size_t(std::stoull(at)));
  message[0] = char(std::tolower(static_cast<unsigned char>(message[0])));
  if (hint.empty()) hint = template_hint(text, position);
  throw Error(Code::configuration, "SQL: " + message, hint, place_at(begin, text, position));
}

constexpr std::string_view kAggregates[] = {"any_value",
                                            "approx_count_distinct",
                                            "approx_quantile",
                                            "approx_top_k",
                                            "arbitrary",
                                            "arg_max",
                                            "arg_max_null",
                                            "arg_max_nulls_last",
                                            "arg_min",
                                            "arg_min_null",
                                            "arg_min_nulls_last",
                                            "argmax",
                                            "argmin",
                                            "array_agg",
                                            "avg",
                                            "bit_and",
                                            "bit_or",
                                            "bit_xor",
                                            "bitstring_agg",
                                            "bool_and",
                                            "bool_or",
                                            "corr",
                                            "count",
                                            "count_if",
                                            "count_star",
                                            "countif",
                                            "covar_pop",
                                            "covar_samp",
                                            "entropy",
                                            "favg",
                                            "first",
                                            "fsum",
                                            "geomean",
                                            "geometric_mean",
                                            "group_concat",
                                            "histogram",
                                            "histogram_exact",
                                            "histogram_values",
                                            "json_group_array",
                                            "json_group_object",
                                            "json_group_structure",
                                            "kahan_sum",
                                            "kurtosis",
                                            "kurtosis_pop",
                                            "last",
                                            "list",
                                            "listagg",
                                            "mad",
                                            "max",
                                            "max_by",
                                            "mean",
                                            "median",
                                            "min",
                                            "min_by",
                                            "mode",
                                            "product",
                                            "quantile",
                                            "quantile_cont",
                                            "quantile_disc",
                                            "regr_avgx",
                                            "regr_avgy",
                                            "regr_count",
                                            "regr_intercept",
                                            "regr_r2",
                                            "regr_slope",
                                            "regr_sxx",
                                            "regr_sxy",
                                            "regr_syy",
                                            "reservoir_quantile",
                                            "sem",
                                            "skewness",
                                            "stddev",
                                            "stddev_pop",
                                            "stddev_samp",
                                            "string_agg",
                                            "sum",
                                            "sum_no_overflow",
                                            "sumkahan",
                                            "var_pop",
                                            "var_samp",
                                            "variance"};

bool is_aggregate(const std::string& name) {
  return std::find(std::begin(kAggregates), std::end(kAggregates), name) != std::end(kAggregates);
}

}  // namespace

Json parse_tree(duck::Connection& connection, std::string_view text, const Place& begin) {
  return tree_of(cell_text(connection.value("SELECT json_serialize_sql($sql::VARCHAR)",
                                            {{"sql", std::string(text)}})),
                 text, begin);
}

std::vector<std::string> parse_answers(duck::Connection& connection,
                                       const std::vector<std::string_view>& texts) {
  constexpr size_t kAtOnce = 256;
  std::vector<std::string> out;
  out.reserve(texts.size());
  while (out.size() < texts.size()) {
    const size_t first = out.size(), count = std::min(kAtOnce, texts.size() - first);
    std::string rows;
    Parameters parameters;
    for (size_t i = 0; i < count; ++i) {
      const std::string name = "t" + std::to_string(i);
      rows += (i == 0 ? "(" : ", (") + std::to_string(i) + ", $" + name + "::VARCHAR)";
      parameters[name] = {std::string(texts[first + i])};
    }
    const auto found = connection.query(
        "SELECT json_serialize_sql(text) FROM (VALUES " + rows + ") t(i, text) ORDER BY i",
        parameters);
    for (const auto& row : found.rows) out.push_back(cell_text(row[0]));
  }
  return out;
}

Json tree_of(const std::string& serialized, std::string_view text, const Place& begin) {
  auto answer = Json::parse(serialized);
  if (answer.at("error").get<bool>()) throw_syntax_error(answer, text, begin);
  auto& statements = answer.at("statements");
  if (statements.size() != 1) {
    throw Error(Code::configuration,
                statements.empty() ? "there is no SELECT" : "there is more than one SELECT",
                "a model is one SELECT", begin);
  }
  return std::move(statements[0].at("node"));
}

Json bare(const Json& expression) {
  Json out = expression;
  if (out.is_object()) {
    out.erase("query_location");
    if (out.contains("alias")) out["alias"] = "";
  }
  if (out.is_structured()) {
    for (auto& child : out) child = bare(child);
  }
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

std::string table_name(const Json& base_table) {
  std::string out;
  for (const char* key : {"catalog_name", "schema_name", "table_name"}) {
    const auto part = text_at(base_table, key);
    if (!part.empty()) out += (out.empty() ? "" : ".") + part;
  }
  return out;
}

std::string cte_name(const Json& base_table) {
  if (!text_at(base_table, "catalog_name").empty() || !text_at(base_table, "schema_name").empty())
    return {};
  return lower(text_at(base_table, "table_name"));
}

std::vector<Cte> ctes_of(const Json& node) {
  std::vector<Cte> out;
  auto map = node.find("cte_map");
  if (map == node.end() || !map->is_object()) return out;
  for (const auto& entry : map->at("map")) {
    const auto& value = entry.at("value");
    Cte cte{lower(text_at(entry, "key")), {}, &value.at("query").at("node")};
    for (const auto& name : value.value("aliases", Json::array()))
      cte.columns.push_back(name.get<std::string>());
    out.push_back(std::move(cte));
  }
  return out;
}

std::string output_name(const Json& item) {
  auto alias = text_at(item, "alias");
  if (alias.empty() && is_class(item, "COLUMN_REF"))
    return item.at("column_names").back().get<std::string>();
  return alias;
}

std::optional<size_t> as_position(const Json& expression) {
  if (is_class(expression, "POSITIONAL_REFERENCE")) return expression.value("index", size_t(0));
  if (!is_class(expression, "CONSTANT")) return {};
  const auto& value = expression.at("value");
  auto number = value.find("value");
  if (number == value.end() || !number->is_number_unsigned()) return {};
  return number->get<size_t>();
}

bool has_aggregate(const Json& expression) {
  bool found = false;
  walk(expression, [&](const Json& node) {
    if (is_class(node, "SUBQUERY")) return false;
    found = found ||
            (is_class(node, "FUNCTION") && is_aggregate(lower(text_at(node, "function_name"))));
    return !found;
  });
  return found;
}

namespace {

/// The tree of `SELECT 1`, for another one in its place.
Json shell_of(duck::Connection& connection) {
  static const std::string text =
      cell_text(connection.value("SELECT json_serialize_sql('SELECT 1')"));
  return Json::parse(text);
}

std::string text_of_tree(duck::Connection& connection, const Json& tree) {
  return cell_text(
      connection.value("SELECT json_deserialize_sql($tree::JSON)", {{"tree", tree.dump()}}));
}

}  // namespace

std::string query_text(duck::Connection& connection, const Json& query) {
  auto shell = shell_of(connection);
  shell["statements"][0]["node"] = query;
  auto text = text_of_tree(connection, shell);
  if (meaning_of(parse_tree(connection, text, {})) != meaning_of(query))
    throw Error(Code::unsupported, "SQL: DuckDB writes another SELECT than it read: " + text);
  return text;
}

std::string expression_text(duck::Connection& connection, const Json& expression) {
  if (is_class(expression, "COLUMN_REF") && expression.at("column_names").size() == 1) {
    return duck::quote_name(expression.at("column_names")[0].get<std::string>());
  }
  auto shell = shell_of(connection);
  shell["statements"][0]["node"]["select_list"][0] = expression;
  std::string text = text_of_tree(connection, shell);
  return text.starts_with("SELECT ") ? text.substr(7) : text;
}

}  // namespace windrow::sql
