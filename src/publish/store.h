#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/progress.h"
#include "duck/duck.h"
#include "project/project.h"

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
  int64_t rows = 0;
  std::string checksum;  ///< over the rows, in the order they were sent
  Time started, published;
};

/// One view to publish: rows come from `select`, run in `connection`, whose views are pinned.
struct ViewBatch {
  std::string table;
  std::string mode;  ///< replace
  std::vector<std::vector<std::string>> indexes;
  std::string select;
  Manifest manifest;  ///< rows, checksum and times are filled in by the store
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
};

/// The embedded serving database: a SQLite file.
std::unique_ptr<Store> sqlite_store(const std::string& path, const Clock& clock);

}  // namespace windrow::publish
