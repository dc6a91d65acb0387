#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/rows.h"
#include "base/usage.h"
#include "lake/actions.h"
#include "project/forward.h"
#include "storage/file_system.h"

namespace windrow::lake {
class DuckRows;
}  // namespace windrow::lake

/// A source brings data into a bronze table once, whole, and as it came.
namespace windrow::sources {

/// What a part of the source (a file, a resource, a table) holds, as counted by something other
/// than what reads its rows.
struct Held {
  int64_t records = 0;
  int64_t passed_over = 0;  ///< of them, by a declared rule
};

/// Longer records are set aside, unless the source says `record_bytes_max`.
inline constexpr uint64_t kRecordBytesMax = 64'000'000;
/// Objects and lists in a record may lie this deep in each other. Functions over JSON call
/// themselves for each level: some ten thousand end the process.
inline constexpr size_t kRecordDepthMax = 1000;

/// A part of the source that becomes one commit: its rows and, in the same commit, how far it has
/// been read.
struct Batch {
  std::string select;  ///< rows in the table's columns
  Parameters parameters;
  std::vector<lake::Txn> txns;                               ///< progress, committed with the rows
  std::map<std::string, std::optional<int64_t>> expect_txn;  ///< the progress this batch begins at
  /// Rows that could not be read, as a SELECT with columns origin VARCHAR, position BIGINT, error
  /// VARCHAR, content VARCHAR; empty where the format cannot fail. They go to `<source>_rejected`,
  /// which is committed first.
  std::string rejected_select;
  /// The same of rows whose values do not fit, which reading all again would find: asked only where
  /// the rows and `rejected_select` are fewer than `held`.
  std::string misfits_select;
  /// `origin` of rejected rows → what is there. The sum must come out even: records = rows + set
  /// aside + passed over, or nothing is committed. Parts that are set aside whole are not in it;
  /// empty: the kind cannot be counted.
  /// Under the empty name: all of the batch as one.
  std::map<std::string, Held> held;
  /// SELECT of origin VARCHAR, rows BIGINT over the same rows as `select`, to name the part that
  /// does not come out even; empty: that cannot be told.
  std::string rows_by_origin;
  /// `origin` of the rejected rows → the app_id that tells of it; empty: all of `txns` tell of all.
  std::map<std::string, std::string> origins;
  std::string what;  ///< for the terminal and the log: `3 files, 1.4 MB`
  /// Where the reader goes on, in its own words: kept in the commit's record.
  std::string state;
  std::vector<std::string> warnings;
  bool replace = false;  ///< these rows instead of all that the table has
};

/// What the table holds of a source so far.
struct TableNow {
  std::string state;     ///< Batch::state of the last commit; empty: none
  std::string rows_sql;  ///< SELECT of all its rows; empty: there is no table yet
};

/// Rows for a table beside the source's own, `<source>_log`: what an extraction did.
struct LogRows {
  std::string select;
  lake::Txn txn;  ///< committed with them; rows whose txn is there already are not written again
};

/// What the table has and a reload would not bring again.
struct Loss {
  std::string what;     ///< in words
  std::string let;      ///< what becomes of it where that is wished
  std::string instead;  ///< what else can be done
};

/// What is there to read that the table does not have yet. Made anew for each run.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Looks at the outside world, not at rows: how much is waiting, in words; nothing where there is
  /// nothing new. `txns` is what the table's log says of progress.
  virtual std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) = 0;
  /// Told before each `next`, and before `pending` where the reader keeps a state.
  virtual bool keeps_state() const { return false; }
  virtual void restore(const TableNow&) {}
  /// What is to be told of the state that was restored; asked for before each `next` and at the
  /// end.
  virtual std::optional<LogRows> log_rows() { return {}; }
  /// Staging the last batch's rows failed. True where the reader can tell which part is to blame,
  /// and `next` gives the rest.
  virtual bool set_aside(const Error&) { return false; }
  /// Of a reload, whose one batch is `now`: before its rows are staged, with the progress that the
  /// table has; and after, with how many there are.
  virtual std::optional<Loss> parts_lost(const std::map<std::string, lake::Txn>&,
                                         const Batch& /*now*/) {
    return {};
  }
  virtual std::optional<Loss> rows_lost(int64_t /*now*/, lake::DuckRows&) { return {}; }
  /// The next batch after `txns`, or nothing. Runs SQL in `session` to look at the data.
  virtual std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                                    lake::DuckRows& session) = 0;
};

/// Everything that a kind of source needs from outside.
struct Context {
  const project::Project& project;
  std::string project_root;
  Time now;                              ///< `$extracted_at` in column expressions
  storage::FileSystem* files = nullptr;  ///< of every home; nothing: local disk alone
  Cancel* cancel = nullptr;              ///< nothing: a look that does not wait
  struct Shared* shared = nullptr;       ///< by all sources of the process
  /// Whoever stages rows asks `set_aside` where it fails, so that what is nearly always right need
  /// not be looked at twice.
  bool hopeful = false;
  /// A reload: one batch of all rows, of whatever size, under the present definition. What cannot
  /// be asked a second time gives those that the table keeps the records of.
  bool whole = false;
  /// Told what was taken of the source: bytes of files, answers, events; nothing: nobody asks.
  Meter* meter = nullptr;
};

}  // namespace windrow::sources
