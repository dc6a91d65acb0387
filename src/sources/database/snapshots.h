#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/cancel.h"
#include "project/forward.h"
#include "sources/database/rows.h"

namespace windrow::sources {

/// One moment of each database, for all sources that read it in this process: rows of one table fit
/// those of another. Any thread.
class Snapshots {
 public:
  /// Rows as they were when the first of them asked. A connection of its own on PostgreSQL; on
  /// SQLite the same one for all, one source at a time.
  std::unique_ptr<DatabaseRows> of(const project::Project& project, const std::string& connection,
                                   const Place& place, Cancel* cancel);
  /// After a lost connection: the next one to ask begins anew.
  void forget(const std::string& connection);

 private:
  std::mutex mutex_, making_;
  std::map<std::string, std::shared_ptr<DatabaseMoment>> moments_;
};

}  // namespace windrow::sources
