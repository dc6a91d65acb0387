#include "lake/optimize.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/relation.h"
#include "lake/row_tracking.h"
#include "lake/table.h"
#include "lake/zorder.h"

namespace windrow::lake {
namespace {

constexpr int kRoundsMax = 5;    // of packing anew what was dropped
constexpr int kCommitsMax = 20;  // of one batch, each with fewer bins than before

struct WrittenBin {
  Bin sources;
  std::vector<Add> adds;
};

/// Spark's metrics of an OPTIMIZE (DeltaOperations of the Delta project).
std::map<std::string, std::string> metrics_of(const std::vector<WrittenBin>& bins) {
  std::vector<int64_t> sizes;
  int64_t removed = 0, removed_bytes = 0, added_bytes = 0, vectors = 0;
  for (const auto& bin : bins) {
    for (const auto& add : bin.adds) sizes.push_back(add.size), added_bytes += add.size;
    for (const auto& source : bin.sources) {
      ++removed;
      removed_bytes += source.size;
      vectors += has_deletion_vector(source);
    }
  }
  std::sort(sizes.begin(), sizes.end());
  const auto part = [&](size_t quarters) {
    return std::to_string(
        sizes.empty() ? 0 : sizes[std::min(sizes.size() - 1, sizes.size() * quarters / 4)]);
  };
  return {{"numAddedFiles", std::to_string(sizes.size())},
          {"numRemovedFiles", std::to_string(removed)},
          {"numAddedBytes", std::to_string(added_bytes)},
          {"numRemovedBytes", std::to_string(removed_bytes)},
          {"minFileSize", part(0)},
          {"p25FileSize", part(1)},
          {"p50FileSize", part(2)},
          {"p75FileSize", part(3)},
          {"maxFileSize", part(4)},
          {"numDeletionVectorsRemoved", std::to_string(vectors)}};
}

class Optimizer {
 public:
  Optimizer(storage::FileSystem& files, const std::string& path, duck::Connection& connection,
            const OptimizeOptions& options, const Clock& clock)
      : files_(files),
        table_(files, path),
        connection_(connection),
        options_(options),
        clock_(clock) {}

  Optimized run() {
    for (int round = 0; round < kRoundsMax; ++round) {
      start_round();
      if (!one_round(round == 0)) break;
    }
    out_.partitions = int64_t(partitions_.size());
    out_.skipped = out_.considered - out_.removed.files;
    return out_;
  }

 private:
  void start_round() {
    snapshot_ = table_.snapshot({}, &connection_);
    check_writable(snapshot_.protocol, snapshot_.metadata, snapshot_.schema);
    check_zorder(snapshot_, options_.zorder);
    target_ =
        options_.target_bytes > 0 ? options_.target_bytes : target_file_bytes(snapshot_.metadata);
  }

  std::vector<Bin> choose(bool first) {
    auto chosen = files_of_partitions(connection_, snapshot_, options_.where);
    if (first) out_.considered = int64_t(chosen.size());
    if (options_.zorder.empty()) return bins_of(chosen, target_);
    std::map<PartitionValues, Bin> partitions;
    for (auto& add : chosen) {
      if (first || again_.contains(add.partition_values))
        partitions[add.partition_values].push_back(std::move(add));
    }
    std::vector<Bin> bins;
    for (auto& [values, bin] : partitions) bins.push_back(std::move(bin));
    return bins;
  }

  /// True where bins were dropped, so that it is worth looking again.
  bool one_round(bool first) {
    auto bins = choose(first);
    again_.clear();
    std::vector<WrittenBin> batch;
    int64_t bytes = 0;
    try {
      for (auto& bin : bins) {
        for (const auto& add : bin) bytes += add.size;
        batch.push_back({std::move(bin), {}});
        batch.back().adds = write(batch.back().sources);
        if (bytes >= options_.commit_bytes) commit(batch), bytes = 0;
      }
    } catch (...) {
      for (const auto& bin : batch) discard_adds(files_, snapshot_, bin.adds);
      throw;
    }
    if (!batch.empty()) commit(batch);
    return !again_.empty();
  }

  std::vector<Add> write(const Bin& bin) {
    RewriteOptions write;
    std::string rows = duck_sql(scan(snapshot_, bin, Scan::Extra::row_ids));
    if (options_.zorder.empty()) {
      write.file_bytes = target_ * 2;  // a bin is one file, never one with a small second one
    } else {
      auto curve = zorder_by(connection_, snapshot_, bin, options_.zorder);
      rows = "SELECT *" + curve.columns + " FROM (" + rows + ")";
      write.order_by = std::move(curve.order_by);
      write.file_bytes = target_;
      write.row_group_rows = row_group_rows_for(bin, target_);
    }
    return write_like(connection_, snapshot_, rows, bin.front(), clock_.now(), write);
  }

  /// Takes the bins over: each is committed, or dropped and its files removed. An Error leaves
  /// files behind, for the commit may stand.
  void commit(std::vector<WrittenBin>& batch) {
    auto bins = std::move(batch);
    batch.clear();
    Snapshot over = snapshot_;
    for (int attempt = 0; attempt < kCommitsMax && !bins.empty(); ++attempt) {
      const auto outcome = table_.commit(request(over, bins), clock_);
      if (!std::holds_alternative<Conflicted>(outcome)) {
        count(committed_version(outcome, table_.path()), bins);
        return;
      }
      over = table_.snapshot({}, &connection_);
      drop_gone(over, bins);
    }
    for (const auto& bin : bins) drop(bin);
  }

  void drop_gone(const Snapshot& over, std::vector<WrittenBin>& bins) {
    const bool fits = same_layout(snapshot_, over);
    std::erase_if(bins, [&](const WrittenBin& bin) {
      if (fits && all_live(over, bin.sources)) return false;
      drop(bin);
      return true;
    });
  }

  void drop(const WrittenBin& bin) {
    discard_adds(files_, snapshot_, bin.adds);
    again_.insert(bin.sources.front().partition_values);
    ++out_.bins_dropped;
  }

  CommitRequest request(const Snapshot& over, const std::vector<WrittenBin>& bins) {
    CommitRequest request = maintenance_request(over, "OPTIMIZE");
    request.operation_parameters = {
        {"predicate",
         json_list_text(options_.where.empty() ? std::vector<std::string>{}
                                               : std::vector<std::string>{options_.where})},
        {"zOrderBy", json_list_text(options_.zorder)},
        {"clusterBy", json_list_text({})},
        {"auto", "false"}};
    request.operation_metrics = metrics_of(bins);
    const Time now = clock_.now();
    for (const auto& bin : bins) {
      for (Add add : bin.adds) {
        add.data_change = false;
        request.adds.push_back(std::move(add));
      }
      for (const auto& source : bin.sources)
        request.removes.push_back(remove_of(source, now, false));
    }
    return request;
  }

  void count(int64_t version, const std::vector<WrittenBin>& bins) {
    out_.version = version;
    ++out_.commits;
    for (const auto& bin : bins) {
      for (const auto& add : bin.adds) out_.added.add(add.size);
      for (const auto& source : bin.sources) out_.removed.add(source.size);
      partitions_.insert(bin.sources.front().partition_values);
    }
  }

  storage::FileSystem& files_;
  const Table table_;
  duck::Connection& connection_;
  const OptimizeOptions& options_;
  const Clock& clock_;
  Snapshot snapshot_;
  int64_t target_ = 0;
  std::set<PartitionValues> again_;       // partitions with dropped bins
  std::set<PartitionValues> partitions_;  // with rewritten files
  Optimized out_;
};

}  // namespace

void FileSizes::add(int64_t size) {
  min = files == 0 ? size : std::min(min, size);
  max = std::max(max, size);
  bytes += size;
  ++files;
}

std::vector<Bin> bins_of(const std::vector<Add>& files, int64_t target_bytes) {
  std::map<PartitionValues, Bin> partitions;
  for (const auto& file : files) {
    // Nearly full is good enough: a rewrite would gain nothing.
    if (file.size < target_bytes / 4 * 3 || has_deletion_vector(file))
      partitions[file.partition_values].push_back(file);
  }
  std::vector<Bin> out;
  for (auto& [values, candidates] : partitions) {
    // In the order of their age: what came together stays together, so that times in the
    // statistics stay narrow.
    std::stable_sort(candidates.begin(), candidates.end(), [](const Add& a, const Add& b) {
      return a.modification_time < b.modification_time;
    });
    Bin bin;
    int64_t bytes = 0;
    const auto close = [&] {
      if (bin.size() > 1 || (bin.size() == 1 && has_deletion_vector(bin.front())))
        out.push_back(std::move(bin));
      bin.clear();
      bytes = 0;
    };
    for (auto& file : candidates) {
      if (!bin.empty() && bytes + file.size > target_bytes) close();
      bytes += file.size;
      bin.push_back(std::move(file));
    }
    close();
  }
  return out;
}

std::vector<Add> files_of_partitions(duck::Connection& connection, const Snapshot& snapshot,
                                     const std::string& where) {
  if (where.empty()) return snapshot.files;
  std::map<PartitionValues, size_t> numbers;
  for (const auto& file : snapshot.files)
    numbers.try_emplace(file.partition_values, numbers.size());
  std::string names = "\"windrow partition\"", rows;
  for (const auto& name : snapshot.metadata.partition_columns)
    names += ", " + duck::quote_name(name);
  const auto row = [&](const std::string& number, const PartitionValues& values) {
    std::string out = "(" + number;
    for (const auto& name : snapshot.metadata.partition_columns) {
      const Field* field = snapshot.schema.find(name);
      WINDROW_INVARIANT(field != nullptr);
      const auto value = values.find(field->in_files());
      out += ", " +
             partition_literal(field->type, value == values.end() ? std::nullopt : value->second);
    }
    return out + ")";
  };
  rows = row("-1", {});  // so that the predicate is looked at where there is no file
  for (const auto& [values, number] : numbers) rows += ", " + row(std::to_string(number), values);
  std::set<int64_t> chosen;
  try {
    const auto found = connection.query("SELECT \"windrow partition\"::BIGINT FROM (VALUES " +
                                        rows + ") p(" + names + ") WHERE (" + where + ")");
    for (const auto& each : found.rows) chosen.insert(std::get<int64_t>(each[0]));
  } catch (const SqlError& error) {
    throw Error(
        Code::usage,
        "the condition \"" + where + "\" cannot choose partitions: " + error.problem().message,
        "it may only use partition columns" + (snapshot.metadata.partition_columns.empty()
                                                   ? std::string(", and the table has none")
                                                   : ": " + names.substr(names.find(',') + 2)));
  }
  std::vector<Add> out;
  for (const auto& file : snapshot.files) {
    if (chosen.contains(int64_t(numbers.at(file.partition_values)))) out.push_back(file);
  }
  return out;
}

Optimized optimize(storage::FileSystem& files, const std::string& table_path,
                   duck::Connection& connection, const OptimizeOptions& options,
                   const Clock& clock) {
  return Optimizer(files, table_path, connection, options, clock).run();
}

}  // namespace windrow::lake
