#include <algorithm>

#include "project/declarations/files.h"
#include "project/names.h"

namespace windrow::project {
namespace {

struct Store {
  const char* type;
  std::vector<std::string> required, optional;
};

/// Every key that a connection to a serving store may have, beside `type`.
const std::vector<Store>& stores() {
  static const std::vector<Store> all = {
      {"sqlite", {"path"}, {}},
      {"duckdb", {"path"}, {}},
      {"files", {"path"}, {}},
      {"postgres",
       {"url"},
       {"user", "password", "schema", "tls", "ca", "certificate", "certificate_key",
        "application_name"}},
      {"mongodb", {"url", "database"}, {"ca", "certificate"}},
  };
  return all;
}

}  // namespace

bool check_store_connection(const Node& node, Reading& reading, const Connection& connection) {
  for (const auto& store : stores()) {
    if (connection.type != store.type) continue;
    std::vector<std::string> known = {"type"};
    known.insert(known.end(), store.required.begin(), store.required.end());
    known.insert(known.end(), store.optional.begin(), store.optional.end());
    for (const auto& entry : node.entries) {
      if (std::find(known.begin(), known.end(), entry.key.text) == known.end())
        report_unknown_key(entry.key, known, reading);
    }
    for (const auto& key : store.required) {
      if (!node.find(key))
        reading.problem(node, "key \"" + key + "\" is missing in " + in_quotes(connection.name));
    }
    return true;
  }
  return false;
}

}  // namespace windrow::project
