#include <algorithm>

#include "base/nearest.h"
#include "project/declarations/files.h"
#include "project/names.h"

namespace windrow::project {
namespace {

/// A kind of connection with every key that it may have, beside `type`.
struct Kind {
  const char* type;
  std::vector<std::string> required, optional;
  bool open = false;  ///< its keys are checked where it is used
  bool used = true;   ///< by this version
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"rest", {}, {}, true},
      {"kafka",
       {"brokers"},
       {"user", "password", "mechanism", "tls", "ca", "certificate", "certificate_key", "registry",
        "registry_user", "registry_password", "settings"}},
      {"sqlite", {"path"}, {}},
      {"duckdb", {"path"}, {}},
      {"files", {"path"}, {}},
      {"postgres",
       {"url"},
       {"user", "password", "schema", "tls", "ca", "certificate", "certificate_key",
        "application_name"}},
      {"mongodb", {"url", "database"}, {"ca", "certificate", "tls"}},
      {"cassandra",
       {"hosts", "keyspace"},
       {"user", "password", "tls", "ca", "certificate", "certificate_key", "consistency",
        "replication", "compression", "data_center", "protocol", "in_flight", "timeout"}},
      {"mysql", {}, {}, true, false},
      {"s3", {}, {}, true, false},
      {"http", {}, {}, true, false},
  };
  return all;
}

void check_keys(const Kind& kind, const Node& node, Reading& reading) {
  std::vector<std::string> known = {"type"};
  known.insert(known.end(), kind.required.begin(), kind.required.end());
  known.insert(known.end(), kind.optional.begin(), kind.optional.end());
  for (const auto& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key.text) == known.end())
      report_unknown_key(entry.key, known, reading);
  }
  for (const auto& key : kind.required) {
    if (!node.find(key))
      reading.problem(node, "key \"" + key + "\" is missing in " + in_quotes(reading.key_text()));
  }
}

void check_kind(const std::string& type, const Node& node, Reading& reading) {
  std::vector<std::string> names;
  for (const auto& kind : kinds()) {
    names.push_back(kind.type);
    if (type != kind.type) continue;
    if (!kind.open) check_keys(kind, node, reading);
    if (!kind.used) {
      reading.notice(*node.find("type"), "connections of type \"" + type +
                                             "\" are not used by this version of windrow");
    }
    return;
  }
  const Node& given = *node.find("type");  // as it stands in the file: `type` may hold a secret
  reading.problem(given, "unknown type of connection " + in_quotes(given.text),
                  did_you_mean(given.text, names));
}

std::string used_kinds() {
  std::string text;
  for (const auto& kind : kinds()) {
    if (kind.used) text += (text.empty() ? "`" : ", `") + std::string(kind.type) + "`";
  }
  return text + "; other kinds are not used by this version.";
}

/// Settings are kept as they came; this one is only described.
void describe(Connection&, std::string&&, const Node&, Reading&) {}

void read_connection(const Node& node, Reading& reading, Connection& connection) {
  connection.name = reading.key_text();
  connection.place = reading.key_place();
  if (!connection.type.empty()) check_kind(connection.type, node, reading);
  Value all = reading.settings(node);
  if (auto* map = std::get_if<Value::Map>(&all.data)) {
    std::erase_if(*map, [](const auto& entry) { return entry.first.value == "type"; });
  }
  connection.settings = std::move(all);
}

}  // namespace

Type<Connection> connection_type() {
  Keys<Connection> keys("connection");
  keys.required("type", &Connection::type, text_type(), used_kinds())
      .bound(
          false, "path", text_type(), "",
          "Of sqlite and duckdb: the file; of files: the folder or URI. Relative to the project.",
          describe)
      .bound(false, "brokers", text_type(), "", "Of kafka: `HOST:PORT`, several with commas.",
             describe)
      .open()
      .then(read_connection);
  return keys.type();
}

}  // namespace windrow::project
