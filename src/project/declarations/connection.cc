#include <algorithm>

#include "base/nearest.h"
#include "project/declarations/files.h"
#include "project/names.h"

namespace windrow::project {
namespace {

/// Keys that every kind of connection has.
constexpr const char* kOfAll[] = {"type", "max_tasks", "breaker"};

bool is_of_all(const std::string& key) {
  return std::find(std::begin(kOfAll), std::end(kOfAll), key) != std::end(kOfAll);
}

Type<Breaker> breaker_type() {
  return Keys<Breaker>("breaker")
      .optional("failures", &Breaker::failures, integer_type(0), "5",
                "So many failures in a row to reach it open the breaker; 0: never.")
      .optional("wait", &Breaker::wait, duration_type(), "30s",
                "Open for so long, then one task tries it; the wait doubles while that fails.")
      .type();
}

void check_keys(const ConnectionKind& kind, const Node& node, Reading& reading) {
  std::vector<std::string> known(std::begin(kOfAll), std::end(kOfAll));
  for (const auto& key : kind.keys) known.push_back(key.key);
  for (const auto& entry : node.entries) {
    const auto key = std::find_if(kind.keys.begin(), kind.keys.end(),
                                  [&](const auto& each) { return each.key == entry.key.text; });
    if (key == kind.keys.end()) {
      if (!is_of_all(entry.key.text)) report_unknown_key(entry.key, known, reading);
      continue;
    }
    if (!key->text || (!key->required && entry.value.kind == Node::Kind::null)) continue;
    Reading::Inside inside(reading, entry.key);
    std::string unused;
    text_type().read(entry.value, reading, unused);
  }
  for (const auto& key : kind.keys) {
    if (key.required && !node.find(key.key))
      reading.problem(node,
                      "key \"" + key.key + "\" is missing in " + in_quotes(reading.key_text()));
  }
}

void check_kind(const std::string& type, const Kinds& kinds, const Node& node, Reading& reading) {
  const Node& given = *node.find("type");
  if (const auto* kind = kinds.connection(type)) {
    if (!kind->open) check_keys(*kind, node, reading);
    if (!kind->used) {
      reading.notice(
          given, "connections of type \"" + type + "\" are not used by this version of windrow");
    }
    return;
  }
  std::vector<std::string> names;
  for (const auto& kind : kinds.connections) names.push_back(kind.name);
  // As it stands in the file: `type` may hold a secret.
  reading.problem(given, "unknown type of connection " + in_quotes(given.text),
                  did_you_mean(given.text, names));
}

std::string used_kinds(const Kinds& kinds) {
  std::string text;
  for (const auto& kind : kinds.connections) {
    if (kind.used) text += (text.empty() ? "`" : ", `") + kind.name + "`";
  }
  return text + "; other kinds are not used by this version.";
}

void read_connection(const Kinds& kinds, const Node& node, Reading& reading,
                     Connection& connection) {
  connection.name = reading.key_text();
  connection.place = reading.key_place();
  if (!connection.type.empty()) check_kind(connection.type, kinds, node, reading);
  Value all = reading.settings(node);
  if (auto* map = std::get_if<Value::Map>(&all.data)) {
    std::erase_if(*map, [](const auto& entry) { return is_of_all(entry.first.value); });
  }
  connection.settings = std::move(all);
}

/// A key as several kinds have it: the sentences of them all.
struct SharedKey {
  std::string key;
  bool text = true;
  /// Names of kinds with commas, and what they say.
  std::vector<std::pair<std::string, std::string>> sentences;
};

std::vector<SharedKey> shared_keys(const Kinds& kinds) {
  std::vector<SharedKey> out;
  for (const auto& kind : kinds.connections) {
    for (const auto& key : kind.keys) {
      auto shared = std::find_if(out.begin(), out.end(),
                                 [&](const auto& each) { return each.key == key.key; });
      if (shared == out.end()) shared = out.insert(out.end(), {key.key, key.text, {}});
      shared->text = shared->text && key.text;
      const std::string sentence = key.sentence + (key.required ? " Required." : "");
      auto said = std::find_if(shared->sentences.begin(), shared->sentences.end(),
                               [&](const auto& each) { return each.second == sentence; });
      if (said == shared->sentences.end()) {
        shared->sentences.emplace_back(kind.name, sentence);
      } else {
        said->first += ", " + kind.name;
      }
    }
  }
  return out;
}

/// Settings are kept as they came; these are only described.
void describe(Keys<Connection>& keys, const SharedKey& key) {
  std::string sentence;
  for (const auto& [kinds, said] : key.sentences)
    sentence += (sentence.empty() ? "Of " : " Of ") + kinds + ": " + said;
  Type<Value> passed_over;
  passed_over.shape = key.text ? text_type().shape : anything_type().shape;
  passed_over.read = [](const Node&, Reading&, Value&) { return false; };
  keys.bound(false, key.key, std::move(passed_over), "", sentence,
             [](Connection&, Value&&, const Node&, Reading&) {});
}

}  // namespace

Type<Connection> connection_type(const Kinds& kinds) {
  Keys<Connection> keys("connection");
  keys.required("type", &Connection::type, text_type(), used_kinds(kinds));
  keys.optional("max_tasks", &Connection::tasks, integer_type(1), "any number",
                "So many tasks work with it at a time.")
      .optional("breaker", &Connection::breaker, breaker_type(), "",
                "What is done about a connection that does not answer.");
  for (const auto& key : shared_keys(kinds)) describe(keys, key);
  keys.open().then([&kinds](const Node& node, Reading& reading, Connection& connection) {
    read_connection(kinds, node, reading, connection);
  });
  return keys.type();
}

}  // namespace windrow::project
