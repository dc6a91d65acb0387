#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/interval.h"
#include "base/progress.h"
#include "base/rows.h"
#include "columns/parquet_files.h"
#include "lake/row_work.h"
#include "lake/table.h"

/// The ways in which new rows enter a table. Each stages files (through an engine; rows go by copy
/// on write or by deletion vectors) and returns what the commit needs; none of them commits. The
/// staged rows are visible to checks through `after` before anybody commits: the table as it would
/// be.
namespace windrow::lake {

/// A change whose files are written, with everything that its commit needs.
struct Staged {
  std::optional<CommitBase> base;  ///< staged against it; nothing: the commit makes the table
  std::vector<std::string> partition_by;  ///< where the commit makes the table
  Time staged_at;
  std::vector<Add> adds;  ///< files that stay with another vector among them
  std::vector<Remove> removes;
  std::vector<Cdc> cdcs;
  Schema schema;                     ///< of the table after the commit
  std::optional<Metadata> metadata;  ///< the table's new one, where the commit changes it
  std::optional<Protocol> protocol;  ///< the same
  std::vector<std::string> columns_added;
  Touched touched;
  std::map<std::string, std::string>
      metrics;               ///< numOutputRows, numTargetRowsInserted, … as Spark names them
  int64_t rows_written = 0;  ///< rows of the result, without those merely copied
  int64_t rows_changed = 0;  ///< inserted + updated + deleted
  std::string operation;     ///< for commitInfo
  std::map<std::string, std::string> parameters;
  Reads reads = Reads::nothing;
  ReadScope scope;                         ///< with Reads::scope
  std::vector<std::string> written_paths;  ///< absolute; to be removed when nothing is committed

  Relation after;  ///< the table as it would be after the commit
};

/// Which files that lose rows only get a deletion vector, where the table takes some
/// (docs/adr/024-deletion-vectors-are-written.md).
struct VectorRule {
  bool allowed = true;
  double share_most = 0.25;              ///< of a file's rows that may be hidden
  int64_t spared_bytes_least = 1 << 20;  ///< of a commit: less is written anew
};

struct StageContext {
  RowWork& rows;
  storage::FileSystem& files;
  std::string table_path;
  std::string table_name;           ///< for messages
  std::optional<Snapshot> current;  ///< nothing: the table is made by this commit
  std::vector<std::string>
      partition_by;                 ///< used where the table is made; must be the same otherwise
  bool evolve = true;               ///< add columns; else a new column is an Error
  bool may_replace_schema = false;  ///< full refresh: whatever the SELECT yields becomes the schema
  Time now;
  ProgressSink progress;
  columns::WriteOptions write = {};  ///< `folder`, where it is given, lies in the table's
  VectorRule vectors = {};
};

Staged stage_append(const StageContext&, const Relation& select, const Parameters&);
Staged stage_replace(const StageContext&, const Relation& select, const Parameters&);
/// Replaces the partitions that the SELECT yields rows for, and only those.
Staged stage_replace_partitions(const StageContext&, const Relation& select, const Parameters&);
/// Replaces exactly the rows whose `column` (DATE, TIMESTAMP, TIMESTAMPTZ) lies in `interval`; DATE
/// and TIMESTAMP count in `zone`. Rows that the SELECT yields outside of it are an Error(data) that
/// shows some.
Staged stage_replace_interval(const StageContext&, const Relation& select, const Parameters&,
                              const std::string& column, const Interval& interval,
                              const std::string& zone);
/// That error, where rows of a SELECT lie outside of their interval.
void check_inside(RowWork&, const std::string& table, const Relation& select,
                  const std::string& column, const Interval& interval, const std::string& zone);
/// Upsert by key. Duplicate or NULL keys in the SELECT's rows are an Error(data) that shows some,
/// unless `latest_by` picks one row per key: the greatest value, NULL last; of equal ones the row
/// that comes first by all columns in the table's order, NULL last. Rows that are there already
/// take part in that, unless the SELECT yields all there is of a key. With `delete_keys` (a
/// SELECT of the key columns) those keys that the SELECT does not yield are deleted. `within` says
/// that rows of one key lie no further apart: the table is looked at only so far around the rows of
/// the SELECT. A row of it without a time is an Error(data), and so is one that meets its key
/// further away; what lies in files that are not looked at is not met.
struct MergeOptions {
  std::vector<std::string> key;
  std::string latest_by;    ///< empty: keys must be unique
  Relation delete_keys;     ///< empty: nothing is deleted
  bool whole_keys = false;  ///< the SELECT yields all there is of each of its keys
  struct Within {
    std::string column;  ///< DATE, TIMESTAMP, TIMESTAMPTZ
    std::chrono::microseconds most;
  };
  std::optional<Within> within = {};
};
Staged stage_merge(const StageContext&, const Relation& select, const Parameters&,
                   const MergeOptions&);
/// Slowly changing dimension, type 2: adds valid_from, valid_to (TIMESTAMP) and is_current
/// (BOOLEAN).
struct Scd2Options {
  std::vector<std::string> key;
  Time at;  ///< the moment that closes old rows and opens new ones
};
Staged stage_scd2(const StageContext&, const Relation& select, const Parameters&,
                  const Scd2Options&);

/// How the rows of a SELECT enter the table.
struct Method {
  enum class Kind { append, replace, replace_interval, merge, scd2 } kind = Kind::replace;
  std::string column;        ///< replace_interval
  Interval interval;         ///< replace_interval
  std::string zone = "UTC";  ///< replace_interval
  MergeOptions merge;        ///< merge
  Scd2Options scd2;          ///< scd2
};
Staged stage(const StageContext&, const Relation& select, const Parameters&, const Method&);

/// Writes rows into files of `folder`, which belong to no table: sessions with other inputs read
/// them from there.
Relation set_down(RowWork& rows, const std::string& folder, const Relation& select,
                  const Parameters& parameters, Time now);

/// Has the rows of a SELECT go through an operator, and keeps what comes out under `name`. Gives
/// what stands for it in FROM.
std::string keep_through(RowWork& rows, const std::string& name, const columns::OperatorUse& use,
                         const Relation& select, const Parameters& parameters);

/// A request with everything of the staged change; the caller adds provenance, txns and
/// expectations. `if_new`: what the table is called and may do, where the commit makes it.
CommitRequest request_of(Staged staged, const NewTable& if_new);
/// Removes the files of a change that is not going to be committed.
void discard(storage::FileSystem& files, const Staged& staged) noexcept;

}  // namespace windrow::lake
