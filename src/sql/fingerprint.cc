#include "base/hash.h"
#include "sql/sql.h"
#include "sql/tree.h"

namespace windrow::sql {

namespace {

/// Spellings that SQL does not tell apart, and defaults that may be written out.
std::string plain(const std::string& key, const std::string& value) {
  if (key == "function_name" || key == "collation") return lower(value);
  if (value == "ORDER_DEFAULT") {
    if (key == "type") return "ASCENDING";
    if (key == "null_order") return "NULLS LAST";
  }
  return value;
}

/// One text for all trees of one meaning. Keys come sorted; where in the text something stands, and
/// how a WITH clause is computed, are not meaning.
void write_meaning(const Json& node, const std::string& key, std::string& out) {
  if (node.is_array()) {
    out += '[';
    for (const auto& child : node) write_meaning(child, key, out);
    out += ']';
  } else if (node.is_object()) {
    out += '{';
    for (const auto& [name, child] : node.items()) {
      if (name == "query_location" || name == "materialized") continue;
      out += name;
      out += ':';
      write_meaning(child, name, out);
    }
    out += '}';
  } else if (node.is_string()) {
    const auto text = plain(key, node.get_ref<const std::string&>());
    out += std::to_string(text.size());
    out += '"';
    out += text;
  } else {
    out += node.dump();
    out += ',';
  }
}

}  // namespace

std::string meaning_of(const Json& node) {
  std::string out;
  write_meaning(node, "", out);
  return sha256(out);
}

bool says_star(const Json& node) {
  bool found = false;
  walk(node, [&](const Json& n) {
    // ORDER BY ALL is a star over the result, not over an input.
    if (is_type(n, "ORDER_MODIFIER")) {
      for (const auto& order : n.at("orders")) {
        const auto& expression = order.at("expression");
        const bool all = is_class(expression, "STAR") && expression.value("columns", false) &&
                         expression.value("expr", Json()).is_null();
        if (!all) found = found || says_star(expression);
      }
      return false;
    }
    found = found || is_class(n, "STAR");
    return !found;
  });
  return found;
}

std::string fingerprint(const Parsed& select, const Catalog& catalog,
                        const std::map<std::string, std::string>& settings) {
  Fields whole;
  whole.add(select.meaning);
  for (const auto& [name, value] : settings) {
    if (value.empty()) continue;  // a setting that a later version adds changes nobody's meaning
    whole.add("setting");
    whole.add(name);
    whole.add(value);
  }
  if (select.star) {
    for (const auto& name : select.table_names()) {
      auto found = catalog.find(name);
      if (found == catalog.end()) continue;
      whole.add("table");
      whole.add(name);
      for (const auto& column : found->second) {
        whole.add(column.name);
        whole.add(column.type);
      }
    }
  }
  return sha256(whole.take()).substr(0, 32);
}

bool same_meaning(duck::Connection& connection, const std::string& old_text, const std::string& now,
                  const Catalog& catalog, const std::map<std::string, std::string>& settings) {
  try {
    return fingerprint(parse_select(connection, old_text, {}), catalog, settings) == now;
  } catch (const Error&) {
    return false;  // the engine of today does not even read it
  }
}

}  // namespace windrow::sql
