#include "project/publication_rules.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "project/names.h"

namespace windrow::project {
namespace {

using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Keys of every view that do something in some stores alone.
constexpr const char* kSharedKeys[] = {"indexes", "unique", "key", "columns"};

/// The kinds of store in which a key does something.
Names stores_that(const Kinds& kinds, const std::function<bool(const StoreKeys&)>& take) {
  Names out;
  for (const auto& kind : kinds.connections)
    if (kind.store && take(*kind.store)) out.push_back(kind.name);
  return out;
}

class ViewRules {
 public:
  ViewRules(const PublishedView& view, const ConnectionKind& kind, const Kinds& kinds,
            const Node& node, Reading& reading)
      : view_(view),
        store_(kind.name),
        keys_(*kind.store),
        kinds_(kinds),
        node_(node),
        reading_(reading) {}

  void check() const {
    check_mode();
    for (const char* key : kSharedKeys)
      check_key(key, [key](const StoreKeys& keys) { return has(keys.keys, key); });
    check_key("keep", [](const StoreKeys& keys) { return keys.keeps_at_most > 0; });
    for (const auto& kind : kinds_.connections) {
      if (!kind.store || !kind.store->own) continue;
      for (const auto& key : kind.store->own->names())
        check_key(key.c_str(), [&](const StoreKeys& keys) { return &keys == &*kind.store; });
    }
    if (view_.mode != "replace_interval")
      idle("interval", "with mode " + in_quotes(view_.mode), "it goes with mode replace_interval");
    if (keys_.keeps_at_most == 1 && view_.keep.value_or(0) > 1)
      wrong("keep", "a store of the type " + in_quotes(store_) + " keeps one former batch",
            "keep: 1");
    if (keys_.check) {
      keys_.check(view_, [this](const char* key, const std::string& what, const std::string& hint) {
        wrong(key, what, hint);
      });
    }
  }

 private:
  void check_mode() const {
    if (has(keys_.modes, view_.mode)) return;
    reading_.problem(node_.find("mode") ? *node_.find("mode") : node_,
                     "view " + in_quotes(view_.table) + ": a store of the type " +
                         in_quotes(store_) + " does not take mode " + in_quotes(view_.mode),
                     "use mode " + listed(keys_.modes, " or "));
  }
  void check_key(const char* key, const std::function<bool(const StoreKeys&)>& take) const {
    if (take(keys_)) return;
    idle(key, "in a store of the type " + in_quotes(store_),
         "it goes with " + listed(stores_that(kinds_, take), " and "));
  }
  void idle(const char* key, const std::string& where, const std::string& hint) const {
    wrong(key, in_quotes(key) + " does nothing " + where, hint);
  }
  void wrong(const char* key, const std::string& what, const std::string& hint) const {
    for (const auto& entry : node_.entries) {
      if (entry.key.text == key)
        reading_.problem(entry.key, "view " + in_quotes(view_.table) + ": " + what, hint);
    }
  }

  const PublishedView& view_;
  const std::string& store_;
  const StoreKeys& keys_;
  const Kinds& kinds_;
  const Node& node_;
  Reading& reading_;
};

}  // namespace

void check_view_keys(const Publication& publication, const Kinds& kinds, const Node& views,
                     Reading& reading) {
  const auto to = reading.connections.find(publication.to.value);
  const auto* kind = to == reading.connections.end() ? nullptr : kinds.connection(to->second);
  if (!kind || !kind->store) return;
  for (size_t i = 0; i < publication.views.size() && i < views.items.size(); ++i)
    ViewRules(publication.views[i], *kind, kinds, views.items[i], reading).check();
}

}  // namespace windrow::project
