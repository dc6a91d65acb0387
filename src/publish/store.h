#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/interval.h"
#include "base/progress.h"
#include "base/rows.h"
#include "duck/forward.h"
#include "project/publication.h"
#include "storage/file_system.h"

/// A store takes views whole or not at all, each with a manifest row.
namespace windrow::publish {

/// A row of `windrow_publications` in the store.
struct Manifest {
  std::string view;  ///< the store's table
  std::string batch_id;
  std::string source_table;
  int64_t source_version = -1;
  std::string definition;        ///< fingerprint of the view's SELECT and settings
  std::optional<Time> boundary;  ///< end of the last interval with all earlier ones complete
  int64_t rows = 0;              ///< that were sent
  std::string checksum;          ///< over the rows, in the order they were sent
  Time started, published;
  std::string inputs;    ///< `table@id@version;…`: what the rows were made from
  std::string rejected;  ///< definition and inputs of the batch that a rollback took back
  /// That were sent, and in how many files, where the store counts them; it does not keep these.
  std::optional<int64_t> bytes, files;
};

/// What to send of a view, and how the store is to take it.
struct Change {
  bool whole = true;  ///< the rows are all that the view has; else they are what has changed
  std::string interval_column;      ///< replace_interval: rows in `intervals` give way
  std::vector<Interval> intervals;  ///< with `whole` false
  bool local_times = false;         ///< `intervals` are local times, as if they were UTC
  std::string zone = "UTC";
  std::string removed;  ///< SELECT of keys whose rows go; with upsert and `whole` false
  /// Rows were erased from the lake since the batch that is there: no copy of them stays. The rows
  /// are whole, what they have not goes (of upsert too), and so do former batches.
  bool erased = false;
};

/// Column → text of its value: the rows that are to be erased.
using KeyValues = std::vector<std::pair<std::string, std::string>>;
/// What a store removed of a view, or would remove.
struct ErasedRows {
  std::string view;
  int64_t rows = 0;    ///< of the present batch and of former ones
  bool keyed = false;  ///< it has these columns; else nothing was looked for
};

/// One view to publish: rows come from `select`, run in a connection whose views are pinned.
struct ViewBatch {
  std::string table;
  std::string mode;  ///< replace, append, upsert, replace_interval
  std::vector<std::vector<std::string>> indexes;
  std::string select;
  Manifest manifest;  ///< rows, checksum and times are filled in by the store
  /// The project's words for what only some stores know: keys, types, former batches, file formats.
  project::PublishedView settings;
  Change change;
  /// The batch that this one follows; a store that finds another one there by then refuses with
  /// Error(conflict).
  std::optional<std::string> after;
};

/// One thread at a time.
class Store {
 public:
  virtual ~Store() = default;
  /// What the store holds now, by view; empty where nothing was ever published to it.
  virtual std::map<std::string, Manifest> manifests() = 0;
  /// Sends all the views and their manifest rows so that a reader sees each former view or each new
  /// one, never a mixture. Bounded memory. On an error or a cancel nothing has changed. Gives the
  /// manifests as written.
  virtual std::vector<Manifest> publish(const std::vector<ViewBatch>& views,
                                        duck::Connection& connection, Cancel& cancel,
                                        const ProgressSink& progress) = 0;
  /// Moves boundaries of views whose rows have not changed.
  virtual void move_boundaries(const std::map<std::string, Time>& boundaries) = 0;
  /// What `publish` would change in the store beside rows, in words: tables, columns, indexes.
  virtual std::vector<std::string> preview(const ViewBatch&, duck::Connection&) { return {}; }
  /// Brings back the batch before the present one, of all these views at once. Gives the manifests
  /// as they are then. Error(not_found) where the store has none.
  virtual std::vector<Manifest> roll_back(const std::vector<std::string>& views, Cancel& cancel);
  /// Removes the rows with this key of the views, present and former batches, so that the store's
  /// files do not hold them either. Rows of other programs with it too. `dry_run` only counts.
  /// Error(unsupported) where what was published is out of the store's hands.
  virtual std::vector<ErasedRows> erase(const std::vector<project::PublishedView>& views,
                                        const KeyValues& key, bool dry_run);
  /// That the store can be reached and written to; gives a sentence.
  virtual std::string health() = 0;
};

/// Error(configuration) where `name`, which the view is to have in the store, begins with what is
/// kept for the store itself.
void refuse_kept_name(const ViewBatch& view, std::string_view name,
                      std::string_view kept = "windrow_");

/// Error(configuration) where the view's `columns` name one that is not sent.
void refuse_unknown_columns(const ViewBatch& view, const std::vector<Column>& sent);

/// Error(configuration) where two of the views have the same name.
void refuse_published_twice(const std::vector<ViewBatch>& views);

/// Error(conflict) where the store holds another batch of the view than the one that this follows;
/// `there`: the batch that it holds, empty for none.
void refuse_outrun(const ViewBatch& view, const std::string& there);
void refuse_outrun(const std::vector<ViewBatch>& views,
                   const std::map<std::string, Manifest>& there);
[[noreturn]] void outrun(const std::string& view);

}  // namespace windrow::publish
