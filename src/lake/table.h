#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "columns/forward.h"
#include "duck/forward.h"
#include "lake/actions.h"
#include "lake/provenance.h"
#include "lake/read_scope.h"
#include "lake/schema.h"
#include "storage/file_system.h"

/// A Delta table: this is where the room is entered.
namespace windrow::lake {

/// Makes a database able to run this room's SELECTs: over files of any home, and over deletion
/// vectors. `files` must outlive the database.
void attach(duck::Database& database, storage::FileSystem& files);

/// A table as one version shows it. Immutable.
struct Snapshot {
  std::string table_path;
  int64_t version = -1;
  Time timestamp;
  Protocol protocol;
  Metadata metadata;
  Schema schema;
  std::vector<Add> files;  ///< live files, by path
  std::map<std::string, Txn> txns;
  std::map<std::string, DomainMetadata> domains;
  std::vector<Remove> tombstones;  ///< removed, not yet expired: for checkpoints

  int64_t rows() const;  ///< from statistics; -1 where a file has none
  int64_t bytes() const;
  bool append_only() const;
  /// Absolute path (or URI) of a file of this table, decoded.
  std::string file_path(const Add& add) const;
};

/// Files of the snapshot that may hold rows with `column` in [from, to) by partition value or
/// statistics. Bounds are SQL literals' texts of the column's type (ISO for times). A file without
/// statistics may.
std::vector<Add> files_overlapping(const Snapshot& snapshot, const std::string& column,
                                   const std::string& from, const std::string& to);

struct Committed {
  int64_t version;
  /// A checkpoint was due and could not be written: the commit stands, the next one that is due
  /// tries again.
  std::string checkpoint_problem;
};
/// Another writer was there first in a way that cannot be combined. `reason` says which version and
/// why.
struct Conflicted {
  int64_t version;
  std::string reason;
};
/// The answer never arrived, and looking for our own txnId did not settle it.
struct Unknown {
  int64_t version;
};
using CommitOutcome = std::variant<Committed, Conflicted, Unknown>;

/// What a commit relies on having been true at `read_version`, and still being true at the version
/// before its own.
enum class Reads {
  nothing,      ///< blind append: only changed metadata or protocol conflicts
  own_removes,  ///< the files that it removes must still be there; other data may change
  scope,        ///< rows that others add to the ReadScope, or remove from its files, conflict too
  whole_table   ///< any data change by others conflicts
};

/// What a commit has to know of the version that it starts from.
struct CommitBase {
  int64_t version = -1;
  Time timestamp;
  Protocol protocol;
  Metadata metadata;
  std::map<std::string, Txn> txns;
  std::map<std::string, DomainMetadata> domains;
};
CommitBase base_of(const Snapshot& snapshot);

struct CommitRequest {
  std::string operation;  ///< `WRITE`, `MERGE`, `CREATE TABLE`, …
  std::map<std::string, std::string> operation_parameters;  ///< values are JSON text
  std::map<std::string, std::string> operation_metrics;
  std::optional<int64_t> read_version;  ///< nothing: the table must not exist yet
  /// Of `read_version`, where the caller has its snapshot: spares reading it again.
  std::optional<CommitBase> base;
  Reads reads = Reads::nothing;
  ReadScope scope;  ///< with Reads::scope
  std::optional<Protocol>
      protocol;  ///< where absent, an upgrade that `metadata` needs is added by the commit
  std::optional<Metadata> metadata;
  std::vector<Add> adds;
  std::vector<Remove> removes;
  std::vector<Txn> txns;
  /// Application → the version it must have moved to, checked against every version this is rebased
  /// over; nothing: it must not have written yet.
  std::map<std::string, std::optional<int64_t>> expect_txn;
  std::vector<DomainMetadata> domains;
  std::vector<Cdc> cdcs;
  std::optional<Provenance> provenance;
  /// True for retention and erasure: the only removals that a layer marked append_only lets
  /// through.
  bool maintenance = false;
  /// Called before each attempt that is not at read_version + 1, with every commit since
  /// read_version in order. May rewrite `provenance` of the request; returns a reason to give up
  /// with Conflicted, or nothing to go on.
  std::function<std::optional<std::string>(const std::vector<Commit>& since,
                                           CommitRequest& request)>
      rebase;
};

/// What a commit is made of, when it is done. 'history' of the table lists these.
struct HistoryEntry {
  int64_t version;
  Time timestamp;
  std::string operation;
  std::string parameters_json, metrics_json;
  std::string engine_info;
  std::optional<Provenance> provenance;
};

/// What planning has to know of a table, from one look at its log.
struct TableState {
  InputVersion identity;
  Time
      committed;  ///< when its latest version was, as that says itself; the epoch where it does not
  ProvenanceState provenance;
};

class Table {
 public:
  /// `path` is the table's folder. Nothing is read yet.
  Table(storage::FileSystem& files, std::string path);

  const std::string& path() const { return path_; }
  bool exists() const;
  /// Throws Error(not_found) where there is no table, Error(corrupt) where the log has a gap.
  int64_t latest_version() const;
  /// The snapshot at a version (default: latest). Error(not_found) names the versions there are;
  /// Error(unsupported) names the reader features that this program does not know, before any row
  /// is read.
  Snapshot snapshot(std::optional<int64_t> version = {},
                    duck::Connection* connection = nullptr) const;
  /// The last version whose commit time is not after `at`.
  int64_t version_at(Time at) const;
  /// The table's id and latest version alone, at the price of one listing and few small files.
  InputVersion identity() const;
  std::vector<HistoryEntry> history(std::optional<size_t> limit = {}) const;  ///< newest first
  /// Commits of versions (from, to], in order; one that is cleaned away and changed no row is
  /// empty. Error(history_lost) where the log no longer holds them.
  std::vector<Commit> commits(int64_t from, int64_t to) const;
  /// When a commit of this table was made.
  Time time_of(const Commit& commit) const;
  ProvenanceState provenance() const;
  /// Both of these at the price of one. Nothing where there is no table.
  std::optional<TableState> state() const;

  /// Tries to append one version to the log. Retries the race for a version number by itself,
  /// bounded; gives a Conflicted only where the protocol's rules or the request's expectations say
  /// so. Files that the request adds are made durable first. `unsupported` writer features and
  /// append_only violations are Errors, thrown before anything is written.
  CommitOutcome commit(CommitRequest request, const Clock& clock) const;

 private:
  storage::FileSystem& files_;
  std::string path_;
};

/// The version that was committed, or an Error(conflict) / Error(unavailable) with the reason.
int64_t committed_version(const CommitOutcome& outcome, const std::string& table_name);

/// Property of tables whose first commit with a deletion vector may switch them on.
inline constexpr const char* kVectorsWhenCheaper = "windrow.deletionVectors";

/// Metadata and protocol of a table that Windrow creates: enableExpiredLogCleanup=false,
/// append_only where asked, timestampNtz feature where the schema needs it.
struct NewTable {
  Schema schema;
  std::vector<std::string> partition_by;
  std::string name, description;
  bool append_only = false;
  /// The first commit for which deletion vectors are cheaper than new files switches them on.
  bool deletion_vectors = false;
};
std::pair<Protocol, Metadata> create_actions(const NewTable& table, Time now);

/// Files that a writer staged, as `add` actions: relative encoded path, partition values, size, and
/// statistics (numRecords, minValues, maxValues, nullCount; strings truncated as the protocol says;
/// NaN leaves min and max out).
std::vector<Add> adds_from_written(const std::string& table_path, const Schema& schema,
                                   const std::vector<columns::WrittenFile>& files, Time now);
Remove remove_of(const Add& add, Time now, bool data_change = true);
/// The file that it takes away, without statistics.
Add add_of(const Remove& remove);

}  // namespace windrow::lake
