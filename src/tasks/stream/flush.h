#pragma once

#include <string>

#include "tasks/stream/inbox.h"
#include "tasks/stream/progress.h"
#include "tasks/stream/stream_table.h"

namespace windrow::tasks {

/// Commits all that waits: dead letters to their table, then the rows with the `txn` of each
/// partition, on condition that the log still says what this copy began from.
class Flush {
 public:
  Flush(Stream& stream, StreamTable& table, StreamProgress& progress, Inbox& inbox)
      : stream_(stream), table_(table), progress_(progress), inbox_(inbox) {}

  enum class Outcome {
    done,    ///< the inbox is empty, and progress and status have moved
    dropped  ///< another copy was there: the inbox is empty, and the log has to be read again
  };
  /// Whatever it throws, what waits still does; the commit may have come about all the same, so the
  /// next one looks at the log first.
  Outcome commit_all();

 private:
  bool write();
  lake::StageContext stage_context() const;
  columns::WriteOptions write_options() const;
  lake::Staged stage_rows(const lake::StageContext& stage, const std::string& rows_sql) const;
  lake::CommitRequest request_of(lake::Staged staged) const;
  void count();

  Stream& stream_;
  StreamTable& table_;
  StreamProgress& progress_;
  Inbox& inbox_;
  bool unanswered_ = false;  ///< the last one threw
};

}  // namespace windrow::tasks
