#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "columns/operator.h"
#include "project/connection.h"
#include "project/keys.h"
#include "project/publication.h"
#include "project/source.h"

/// What the rooms above tell this one of each kind of connection, store and source: which keys
/// project files may have, so that everything that is wrong with them is told at once and with its
/// place. What the keys mean is known where the kind is (docs/adr/014-kinds.md).
namespace windrow::project {

/// A key of a connection.
struct ConnectionKey {
  std::string key, sentence;
  bool required = false;
  bool text = true;  ///< else its kind looks at what stands there
};

/// Tells what is wrong with a key of a view, at its place, where the view has it.
using WrongKey =
    std::function<void(const char* key, const std::string& what, const std::string& hint)>;

/// A kind that publications go to: what their views may say.
struct StoreKeys {
  std::vector<std::string> modes = {"replace"};
  /// Which of the keys of every view do something: indexes, unique, key, columns.
  std::vector<std::string> keys;
  /// Former batches that it keeps: at most, and where nothing is said.
  int keeps_at_most = 0, keeps_by_default = 0;
  /// Keys that no other kind has; what they read goes to PublishedView::own.
  std::optional<Keys<PublishedView>> own;
  /// Rules across keys.
  std::function<void(const PublishedView&, const WrongKey&)> check;
};

struct ConnectionKind {
  std::string name;  ///< what `type:` says
  std::vector<ConnectionKey> keys;
  bool open = false;  ///< other keys are taken too, and looked at where it is used
  bool used = true;   ///< by this version
  std::optional<StoreKeys> store;
  /// What others on the way to its server can do, in words; empty where they can do nothing.
  /// Error(configuration) where its settings do not say what they need to. The text is the folder
  /// that relative paths begin at.
  std::function<std::string(const Connection&, const std::string&)> exposure;
};

/// What a source may say under `from:`, where the kind's name is the first key.
struct SourceKind {
  std::string name;
  Type<std::any> from;  ///< of `own_type`
  /// What its sources have that do not say it themselves: columns, partitions.
  std::function<void(Source&)> settle;
  /// Whether its records lie in files, so that `value:` may ask for `$file` and `$line`. Where not:
  /// what tells where a record comes from, in words.
  bool in_files = false;
  std::string origin;
};

struct Kinds {
  std::vector<ConnectionKind> connections;
  std::vector<SourceKind> sources;
  columns::Operators operators;

  const ConnectionKind* connection(std::string_view name) const {
    for (const auto& each : connections)
      if (each.name == name) return &each;
    return nullptr;
  }
  const SourceKind* source(std::string_view name) const {
    for (const auto& each : sources)
      if (each.name == name) return &each;
    return nullptr;
  }
};

/// For SourceKind::from: what is read goes to Source::own.
template <class T>
Type<std::any> own_type(const Keys<T>& keys) {
  return mapped_type<T, std::any>(keys.type(), [](const Node&, Reading&, T&& made, std::any& own) {
    own = std::move(made);
    return true;
  });
}

/// For `Keys::bound`: what was read is what the view says to its kind of store alone.
inline constexpr auto as_own = [](PublishedView& view, auto&& made, const Node&, Reading&) {
  view.own = std::forward<decltype(made)>(made);
};

/// What a view says to its kind of store, or a source to its kind, which knows T, alone; nothing
/// where it says nothing.
template <class T, class Told>
const T* own(const Told& told) {
  return std::any_cast<T>(&told.own);
}

/// The same, and what one that says nothing stands for.
template <class T, class Told>
const T& own_or_default(const Told& told) {
  static const T nothing_said;
  const auto* said = own<T>(told);
  return said ? *said : nothing_said;
}

}  // namespace windrow::project
