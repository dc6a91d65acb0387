#include "base/hash.h"
#include "sql/tree.h"

namespace windrow::sql {

namespace {

/// The tree without what is not meaning: places, and spellings of names that SQL does not tell
/// apart.
Json meaning(const Json& node) {
  if (node.is_array()) {
    Json out = Json::array();
    for (const auto& child : node) out.push_back(meaning(child));
    return out;
  }
  if (!node.is_object()) return node;
  Json out = Json::object();
  for (const auto& [key, child] : node.items()) {
    if (key == "query_location") continue;
    out[key] = key == "function_name" && child.is_string() ? Json(lower(child.get<std::string>()))
                                                           : meaning(child);
  }
  return out;
}

}  // namespace

bool has_star(const Parsed& select) {
  bool found = false;
  walk(root(select), [&](const Json& node) {
    found = found || is_class(node, "STAR");
    return !found;
  });
  return found;
}

std::string fingerprint(const Parsed& select, const Catalog& catalog,
                        const std::map<std::string, std::string>& settings) {
  Json whole;
  whole["select"] = meaning(root(select));
  whole["settings"] = settings;
  if (has_star(select)) {
    for (const auto& name : select.table_names()) {
      auto found = catalog.find(name);
      if (found == catalog.end()) continue;
      for (const auto& column : found->second)
        whole["columns"][name].push_back({column.name, column.type});
    }
  }
  return sha256(whole.dump()).substr(0, 32);
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
