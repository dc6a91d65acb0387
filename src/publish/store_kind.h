#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "project/kinds.h"
#include "publish/store.h"

/// What a folder of this room says of the store in it: one value, put together with the others in
/// app/kinds.cc.
namespace windrow::publish {

/// What stores are opened with.
struct Surroundings {
  const std::string& root;  ///< what relative paths begin at
  storage::FileSystem& files;
  const Clock& clock;
};

/// Of a view that says nothing to its kind of store alone. The text is what it was when every view
/// had a document's settings: a definition that changes is published anew, and `append` refuses it.
inline constexpr std::string_view kNothingOfItsOwn = "|false,/,;";

struct StoreKind {
  project::ConnectionKind connection;
  /// How it lays out values, as a word: where it differs from what a batch was written in, the view
  /// is due. Empty for those that have always had the same.
  std::string layout;
  std::function<std::unique_ptr<Store>(const project::Connection&, const Surroundings&)> open;
  /// What of PublishedView::own the store's rows, tables or files depend on, as a text. Nothing:
  /// the kind reads nothing of its own.
  std::function<std::string(const project::PublishedView&)> own_as_text;
  /// Columns that PublishedView::own names, which the view must have.
  std::function<std::vector<std::string>(const project::PublishedView&)> own_columns;
  /// Whether an index may be on this, which is no column of the view.
  std::function<bool(std::string_view)> indexes_beside_columns;

  std::string fingerprint(const project::PublishedView& view) const {
    return own_as_text ? own_as_text(view) : std::string(kNothingOfItsOwn);
  }
};

/// The kinds that there are.
class Stores {
 public:
  explicit Stores(std::vector<StoreKind> kinds) : kinds_(std::move(kinds)) {}

  const std::vector<StoreKind>& kinds() const { return kinds_; }
  /// Nothing where nothing can be published to connections of the type.
  const StoreKind* find(std::string_view type) const;
  /// A connection's kind; Error(unsupported) where nothing can be published to it.
  const StoreKind& of(const project::Connection& connection) const;
  std::unique_ptr<Store> open(const project::Connection& connection,
                              const Surroundings& surroundings) const {
    return of(connection).open(connection, surroundings);
  }

 private:
  std::vector<StoreKind> kinds_;
};

/// `a,b,;c,;`: columns in lists, for `own_as_text`.
std::string joined(const std::vector<std::vector<std::string>>& lists);

}  // namespace windrow::publish
