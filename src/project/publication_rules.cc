#include "project/publication_rules.h"

#include <algorithm>
#include <map>
#include <vector>

#include "project/names.h"

namespace windrow::project {
namespace {

using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string listed(const Names& names, const char* last) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? last : ", ";
    out += names[i];
  }
  return out;
}

/// A key of a view, and the stores in which it does something.
struct KeyOfStores {
  const char* key;
  Names stores;
};
const std::vector<KeyOfStores>& keys_of_stores() {
  static const std::vector<KeyOfStores> all = {
      {"indexes", {"sqlite", "duckdb", "postgres", "mongodb", "cassandra"}},
      {"unique", {"sqlite", "duckdb", "postgres", "mongodb"}},
      {"key", {"postgres", "mongodb", "cassandra"}},
      {"columns", {"sqlite", "duckdb", "postgres", "mongodb", "cassandra"}},
      {"keep", {"postgres", "mongodb", "cassandra"}},
      {"merge", {"postgres"}},
      {"document", {"mongodb"}},
      {"cassandra", {"cassandra"}},
      {"file", {"files"}},
  };
  return all;
}

const std::map<std::string, Names>& modes_of_stores() {
  static const std::map<std::string, Names> all = {
      {"sqlite", {"replace"}},
      {"duckdb", {"replace"}},
      {"mongodb", {"replace"}},
      {"files", {"replace", "append"}},
      {"cassandra", {"replace", "append", "upsert"}},
      {"postgres", {"replace", "append", "upsert", "replace_interval"}},
  };
  return all;
}

class ViewRules {
 public:
  ViewRules(const PublishedView& view, const std::string& store, const Node& node, Reading& reading)
      : view_(view), store_(store), node_(node), reading_(reading) {}

  void check() const {
    check_mode();
    for (const auto& rule : keys_of_stores()) {
      if (!has(rule.stores, store_))
        idle(rule.key, "in a store of the type " + in_quotes(store_),
             "it goes with " + listed(rule.stores, " and "));
    }
    if (view_.mode != "replace_interval")
      idle("interval", "with mode " + in_quotes(view_.mode), "it goes with mode replace_interval");
    if (store_ != "mongodb" && view_.keep.value_or(0) > 1)
      wrong("keep", "a store of the type " + in_quotes(store_) + " keeps one former batch",
            "keep: 1");
    if (store_ == "mongodb" && view_.document.flat && !view_.document.top.empty())
      wrong("document", "\"top\" does nothing beside \"flat\": all columns are fields already");
    if (store_ == "cassandra" && !view_.cassandra.index.empty() && view_.indexes.empty())
      wrong("cassandra", "\"index\" does nothing: the view has no \"indexes\"");
    if (store_ == "cassandra" && !view_.cassandra.partition.empty() && view_.mode != "upsert")
      idle("key", "beside the partition of \"cassandra\"", "give one of them");
  }

 private:
  void check_mode() const {
    const auto& modes = modes_of_stores().at(store_);
    if (has(modes, view_.mode)) return;
    reading_.problem(node_.find("mode") ? *node_.find("mode") : node_,
                     "view " + in_quotes(view_.table) + ": a store of the type " +
                         in_quotes(store_) + " does not take mode " + in_quotes(view_.mode),
                     "use mode " + listed(modes, " or "));
  }
  void idle(const char* key, const std::string& where, const std::string& hint) const {
    wrong(key, in_quotes(key) + " does nothing " + where, hint);
  }
  void wrong(const char* key, const std::string& what, const std::string& hint = {}) const {
    for (const auto& entry : node_.entries) {
      if (entry.key.text == key)
        reading_.problem(entry.key, "view " + in_quotes(view_.table) + ": " + what, hint);
    }
  }

  const PublishedView& view_;
  const std::string& store_;
  const Node& node_;
  Reading& reading_;
};

}  // namespace

void check_view_keys(const Publication& publication, const Node& views, Reading& reading) {
  const auto to = reading.connections.find(publication.to.value);
  if (to == reading.connections.end() || !modes_of_stores().contains(to->second)) return;
  for (size_t i = 0; i < publication.views.size() && i < views.items.size(); ++i)
    ViewRules(publication.views[i], to->second, views.items[i], reading).check();
}

}  // namespace windrow::project
