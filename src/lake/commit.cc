#include <algorithm>
#include <functional>
#include <set>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/version.h"
#include "duck/duck.h"
#include "lake/action_json.h"
#include "lake/checkpoint.h"
#include "lake/conflict.h"
#include "lake/history_archive.h"
#include "lake/json_reader.h"
#include "lake/json_text.h"
#include "lake/log.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/row_tracking.h"
#include "lake/statistics.h"
#include "lake/table.h"

// One commit = one file that comes into being under the name of the next version, or does not.
// Everything that it refers to is durable before. Who loses the race reads what was committed
// meanwhile, decides whether that matters (conflict.h), and tries the version behind it.

namespace windrow::lake {
namespace {

constexpr int kAttemptsMax = 100;
constexpr int kLooksMax = 3;  // at a version whose outcome is unknown

class Committer {
 public:
  Committer(storage::FileSystem& files, const std::string& path, CommitRequest request,
            const Clock& clock)
      : files_(files), path_(path), request_(std::move(request)), clock_(clock) {}

  CommitOutcome run() {
    if (auto refused = prepare()) return *refused;
    sync_added_files();
    try {
      return race();
    } catch (const std::exception&) {
      // A put without an answer may still come to be there: whatever went wrong since, the files
      // that it names must stay, and only `Unknown` tells the caller so.
      if (!under_way_) throw;
      return Unknown{*under_way_};
    }
  }

 private:
  CommitOutcome race() {
    int looks = 0;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      const int64_t version = next_version();
      const auto outcome =
          files_.put_if_absent(commit_file(path_, version), to_json_lines(commit_at(version)));
      if (outcome == storage::PutOutcome::created) return finished(version);
      if (outcome == storage::PutOutcome::unknown) under_way_ = version;
      // Where another is there, so it may be after an unknown answer: our own, come late.
      switch (look_for_ours(version)) {
        case Look::ours: return finished(version);
        case Look::another: under_way_.reset(); break;  // what is late finds it taken
        case Look::nobody:
          // Trying the same version again is safe: only one can win, and both are ours.
          if (under_way_ && ++looks >= kLooksMax) return Unknown{version};
          if (under_way_) continue;
          break;
        case Look::no_answer:
          if (under_way_) return Unknown{version};
          break;
      }
      if (auto conflicted = catch_up(version)) return *conflicted;
    }
    return Conflicted{next_version(),
                      "other writers were faster " + std::to_string(kAttemptsMax) + " times"};
  }

  /// Checks everything that can be checked before anything is written.
  std::optional<CommitOutcome> prepare() {
    if (!request_.read_version) {
      WINDROW_INVARIANT(request_.protocol && request_.metadata);
      if (!Table(files_, path_).exists()) {
        check_protocol();
        return expectations();
      }
      return Conflicted{0, "another writer has made the table"};
    }
    if (!request_.base || request_.base->version != *request_.read_version) {
      request_.base = base_of(Table(files_, path_).snapshot(*request_.read_version));
    }
    check_protocol();
    check_append_only();
    if (taken(*request_.read_version))
      check_record(read_commit(files_, path_, *request_.read_version));
    return expectations();
  }

  std::optional<CommitOutcome> expectations() {
    const std::map<std::string, Txn> none;
    if (auto reason = broken_expectation(request_, request_.base ? request_.base->txns : none)) {
      return Conflicted{request_.read_version.value_or(-1), *reason};
    }
    return {};
  }

  const Metadata& metadata() const {
    return request_.metadata ? *request_.metadata : request_.base->metadata;
  }
  const Protocol& protocol() const {
    return request_.protocol ? *request_.protocol : request_.base->protocol;
  }

  void check_protocol() {
    const Schema schema = schema_of(metadata());
    if (request_.base) {
      check_writable(request_.base->protocol, request_.base->metadata,
                     schema_of(request_.base->metadata));
    }
    if (auto upgraded = upgraded_for(protocol(), schema)) request_.protocol = std::move(upgraded);
    check_writable(protocol(), metadata(), schema);
    check_row_tracking(protocol(), metadata(), schema);
    const auto& features = protocol().writer_features;
    if (!request_.domains.empty() &&
        std::find(features.begin(), features.end(), "domainMetadata") == features.end()) {
      throw Error(Code::unsupported,
                  "the table has no feature domainMetadata, so no domain can be written");
    }
  }

  void check_append_only() const {
    if (request_.maintenance || !switched_on(request_.base->metadata, "delta.appendOnly")) return;
    // Rows that come from the source anew; whoever reads them is told of those that went.
    if (request_.provenance && request_.provenance->kind == kReload) return;
    for (const auto& remove : request_.removes) {
      if (!remove.data_change) continue;
      throw Error(
          Code::data,
          "table \"" + path_ + "\" is append-only: rows can be added, not changed or removed",
          "only retention, erasure and reading a source anew may remove rows of this layer");
    }
  }

  /// A record of a newer format is a newer windrow's table: reading it wrongly would be worse than
  /// to stop.
  static void check_record(const Commit& commit) {
    if (commit.info) provenance_of(*commit.info);
  }

  void sync_added_files() {
    std::vector<std::string> paths;
    // A file that only gets another deletion vector has been durable for long; who writes a vector
    // makes it so.
    std::set<std::string_view> there;
    for (const auto& remove : request_.removes) there.insert(remove.path);
    for (const auto& add : request_.adds) {
      if (!is_absolute_path(add.path) && !there.contains(add.path))
        paths.push_back(resolved_path(path_, add.path));
    }
    for (const auto& cdc : request_.cdcs) paths.push_back(resolved_path(path_, cdc.path));
    if (!paths.empty()) files_.sync(paths);
  }

  int64_t next_version() const {
    if (!since_.empty()) return since_.back().version + 1;
    return request_.read_version ? *request_.read_version + 1 : 0;
  }

  /// Never earlier than the commit before it, whatever the clocks of several machines say.
  int64_t timestamp_ms() {
    int64_t previous = -1;
    if (!since_.empty()) {
      previous = micros(commit_time(files_, path_, since_.back())) / 1000;
    } else if (request_.base) {
      previous = micros(request_.base->timestamp) / 1000;
    }
    return std::max(micros(clock_.now()) / 1000, previous + 1);
  }

  Commit commit_at(int64_t version) {
    Commit commit;
    commit.version = version;
    commit.info = CommitInfo{};
    commit.info->json = info_json();
    commit.protocol = request_.protocol;
    commit.metadata = request_.metadata;
    commit.adds = request_.adds;
    commit.cdcs = request_.cdcs;
    commit.removes = request_.removes;
    commit.txns = request_.txns;
    commit.domains = request_.domains;
    if (has_feature(kRowTrackingFeature) && !switched_on(metadata(), kRowTrackingSuspended))
      give_row_ids(commit);
    return commit;
  }

  bool has_feature(std::string_view name) const {
    const auto& features = protocol().writer_features;
    return std::find(features.begin(), features.end(), name) != features.end();
  }

  /// Fresh ids for the rows of added files, behind those that were given (PROTOCOL.md, "Row IDs").
  void give_row_ids(Commit& commit) const {
    const int64_t first = row_id_mark() + 1;
    int64_t next = first;
    for (auto& add : commit.adds) {
      if (add.base_row_id) continue;
      const auto rows = rows_of(add);
      if (!rows) {  // our own writer counts; a file of another's comes here again, or by a clone
        throw Error(Code::unsupported, "no row ids can be given to \"" + add.path +
                                           "\": the log does not say how many rows it has");
      }
      add.base_row_id = next;
      add.default_row_commit_version = commit.version;
      // Deleted ones have a place in the file as well.
      next += *rows + (add.deletion_vector ? add.deletion_vector->cardinality : 0);
    }
    if (next == first) return;
    JsonWriter w;
    w.begin_object().field("rowIdHighWaterMark", next - 1).end_object();
    commit.domains.push_back({kRowTrackingDomain, w.take(), false});
  }

  /// The greatest row id that was given up to the version before.
  int64_t row_id_mark() const {
    std::string found;
    if (request_.base) {
      const auto there = request_.base->domains.find(kRowTrackingDomain);
      if (there != request_.base->domains.end()) found = there->second.configuration;
    }
    for (const auto& other : since_) {
      for (const auto& domain : other.domains) {
        if (domain.domain == kRowTrackingDomain) found = domain.configuration;
      }
    }
    if (found.empty()) return -1;
    return reading_json(std::string("domain ") + kRowTrackingDomain, [&] {
      simdjson::dom::parser parser;
      return integer_at(parser.parse(found), "rowIdHighWaterMark", -1);
    });
  }

  std::string info_json() {
    JsonWriter w;
    const int64_t timestamp = timestamp_ms();
    w.begin_object();
    // First in the line: readers find it without reading the rest.
    if (switched_on(metadata(), "delta.enableInCommitTimestamps"))
      w.field("inCommitTimestamp", timestamp);
    w.field("timestamp", timestamp).field("operation", request_.operation);
    w.key("operationParameters").begin_object();
    for (const auto& [name, json] : request_.operation_parameters) w.raw_field(name, json);
    w.end_object();
    if (request_.read_version) w.field("readVersion", *request_.read_version);
    w.field("isolationLevel", request_.reads == Reads::whole_table || request_.reads == Reads::scope
                                  ? "Serializable"
                                  : "WriteSerializable");
    w.field("isBlindAppend",
            request_.reads == Reads::nothing && request_.removes.empty() && !request_.adds.empty());
    w.field("operationMetrics", request_.operation_metrics);
    w.field("engineInfo", "Windrow/" + std::string(kVersion)).field("txnId", txn_id_);
    w.field(kTableIdKey, metadata().id);
    // Every way of writing keeps the ids of rows that it copies.
    if (row_tracking(protocol(), metadata())) {
      w.key("tags").begin_object().field("delta.rowTracking.preserved", "true");
      w.end_object();
    }
    if (request_.provenance) w.raw_field("windrow", to_json(*request_.provenance));
    return w.end_object().take();
  }

  bool taken(int64_t version) { return files_.stat(commit_file(path_, version)).has_value(); }

  bool ours_is_at(int64_t version) {
    if (!taken(version)) return false;
    const Commit there = read_commit(files_, path_, version);
    return there.info && there.info->txn_id == txn_id_;
  }

  enum class Look { ours, another, nobody, no_answer };

  /// What became of a commit without an answer. Where nobody says, files that it may refer to must
  /// stay: the caller is told `Unknown`, not an Error.
  Look look_for_ours(int64_t version) {
    try {
      if (!taken(version)) {
        taken(0);  // does the storage answer at all?
        return Look::nobody;
      }
      return ours_is_at(version) ? Look::ours : Look::another;
    } catch (const Error&) {
      return Look::no_answer;
    }
  }

  /// Reads what others have committed, up to the latest version, and decides.
  std::optional<CommitOutcome> catch_up(int64_t version) {
    if (!request_.read_version) return Conflicted{version, "another writer has made the table"};
    const int64_t latest = std::max(list_log(files_, path_).latest(), version);
    for (; version <= latest; ++version) {
      since_.push_back(read_commit(files_, path_, version));
      const Commit& other = since_.back();
      check_record(other);
      if (auto reason = conflict_with(request_, other)) return Conflicted{version, *reason};
    }
    if (request_.rebase) {
      if (auto reason = request_.rebase(since_, request_))
        return Conflicted{since_.back().version, *reason};
    }
    return {};
  }

  Committed finished(int64_t version) {
    Committed done{version, {}};
    if (!checkpoint_due(version, metadata())) return done;
    try {
      duck::Database database{duck::Options{}};
      attach(database, files_);
      duck::Connection connection(database);
      write_checkpoint(files_, Table(files_, path_).snapshot(version, &connection), clock_.now(),
                       connection);
    } catch (const std::exception& problem) {
      done.checkpoint_problem =
          problem.what();  // the commit is there, whatever becomes of its checkpoint
    }
    return done;
  }

  storage::FileSystem& files_;
  const std::string& path_;
  CommitRequest request_;
  const Clock& clock_;
  const std::string txn_id_ = new_uuid();
  std::vector<Commit> since_;  // commits of others after read_version
  /// Of our put that had no answer. It may land at any later time, until another's commit is seen
  /// in its place.
  std::optional<int64_t> under_way_;
};

}  // namespace

CommitOutcome Table::commit(CommitRequest request, const Clock& clock) const {
  return Committer(files_, path_, std::move(request), clock).run();
}

Add add_of(const Remove& remove) {
  Add add;
  add.path = remove.path;
  add.partition_values = remove.partition_values;
  add.size = remove.size;
  add.deletion_vector = remove.deletion_vector;
  return add;
}

Remove remove_of(const Add& add, Time now, bool data_change) {
  return {add.path,
          micros(now) / 1000,
          data_change,
          true,
          add.partition_values,
          add.size,
          add.deletion_vector,
          add.base_row_id,
          add.default_row_commit_version};
}

}  // namespace windrow::lake
