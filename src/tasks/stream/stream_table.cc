#include "tasks/stream/stream_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "duck/duck.h"
#include "lake/schema.h"
#include "tasks/audit.h"

namespace windrow::tasks {

using clients::KafkaOffsets;
using clients::KafkaPartition;

namespace {

std::optional<int64_t> offset_in(const std::map<std::string, lake::Txn>& txns,
                                 const std::string& app_id) {
  const auto found = txns.find(app_id);
  if (found == txns.end()) return {};
  return found->second.version;
}

}  // namespace

void StreamTable::load() {
  head_.reset();
  const auto table = stream_.context.lake.table(stream_.source.name);
  if (!table.exists()) return;
  duck::Connection connection(stream_.context.database);
  head_ = table.snapshot({}, &connection);
  if (!stream_.has_checks()) {
    // An append needs none of them, and there may be many.
    head_->files.clear();
    head_->tombstones.clear();
  }
  std::vector<Column> columns;
  for (const auto& field : head_->schema.fields)
    columns.push_back({field.name, lake::duck_type(field.type)});
  stream_.decoder.set_table(columns);
}

void StreamTable::moved_to(int64_t version, const std::vector<lake::Txn>& txns) {
  head_->version = version;
  head_->timestamp = stream_.context.clock.now();
  for (const auto& each : txns) head_->txns[each.app_id] = each;
}

std::optional<int64_t> StreamTable::logged(const KafkaPartition& partition) const {
  if (!head_) return {};
  return offset_in(head_->txns, stream_.app_id(partition));
}

KafkaOffsets StreamTable::logged(const KafkaOffsets& partitions) const {
  KafkaOffsets out;
  for (const auto& [partition, ignored] : partitions) {
    if (const auto offset = logged(partition)) out[partition] = *offset;
  }
  return out;
}

bool StreamTable::knows(const std::string& topic) const {
  if (!head_) return false;
  const auto app = stream_.app_id({topic, 0});
  const auto prefix = app.substr(0, app.rfind('/') + 1);
  return std::any_of(head_->txns.begin(), head_->txns.end(),
                     [&](const auto& txn) { return txn.first.starts_with(prefix); });
}

bool StreamTable::has_all(const KafkaOffsets& ends,
                          const std::function<int64_t(const KafkaPartition&)>& start) const {
  const auto table = stream_.context.lake.table(stream_.source.name);
  if (!table.exists()) {
    return std::all_of(ends.begin(), ends.end(),
                       [&](const auto& end) { return start(end.first) >= end.second; });
  }
  duck::Connection connection(stream_.context.database);
  const auto txns = table.snapshot({}, &connection).txns;
  return std::all_of(ends.begin(), ends.end(), [&](const auto& end) {
    const auto offset = offset_in(txns, stream_.app_id(end.first));
    return offset && *offset >= end.second;
  });
}

void StreamTable::commit_starts(const std::vector<KafkaPartition>& partitions,
                                const std::function<int64_t(const KafkaPartition&)>& start) {
  for (int tries = 0; tries < kConflictsMax; ++tries) {
    load();
    lake::CommitRequest request;
    for (const auto& each : partitions) {
      if (logged(each)) continue;
      request.txns.push_back(stream_.txn(each, start(each)));
      request.expect_txn[stream_.app_id(each)] = std::nullopt;
    }
    if (request.txns.empty()) return;
    if (head_) {
      request.operation = "STREAMING UPDATE";
      request.read_version = head_->version;
      request.base = lake::base_of(*head_);
    } else if (!make_table(request)) {
      return;
    }
    request.provenance = stream_.record();
    if (commit(stream_.context, stream_.source.name, std::move(request), {})) {
      load();
      return;
    }
    ++stream_.status.conflicts;
  }
  stream_.too_many_conflicts();
}

/// Those that the table has before any row: what is declared, and the partitions.
std::vector<Column> StreamTable::declared_columns() {
  auto& decoder = stream_.decoder;
  sources::Messages none(false);
  decoder.decode(none, stream_.connection());
  if (decoder.rows().columns() == 0) return {};
  const duck::BufferTable rows(stream_.connection(), decoder.rows());
  try {
    auto columns = stream_.session->describe(decoder.select(rows.sql()), stream_.parameters());
    std::erase_if(columns, [](const auto& column) { return column.name == "nothing"; });
    return columns;
  } catch (const SqlError& error) {
    throw Error(Code::configuration,
                fmt::format("source \"{}\": its expressions do not fit its columns: {}",
                            stream_.source.name, error.problem().message),
                "declare the type of every field that `value` and `partition_by` read under "
                "`columns`",
                stream_.source.place);
  }
}

/// False where nobody has said what its columns are: the first rows make it.
bool StreamTable::make_table(lake::CommitRequest& request) {
  const auto& source = stream_.source;
  const auto columns = declared_columns();
  if (columns.empty()) {
    if (stream_.options.start != sources::KafkaOptions::Start::latest) return false;
    throw Error(Code::configuration,
                fmt::format("source \"{}\" starts at `latest` and declares no column, so there is "
                            "no table that could hold where that was",
                            source.name),
                "declare at least one of its columns with its type", source.place);
  }
  auto table = new_table(stream_.context, source.name, source.common.description);
  table.schema = lake::schema_from_duck(columns);
  table.partition_by = stream_.partition_by;
  auto [protocol, metadata] = lake::create_actions(table, stream_.context.clock.now());
  metadata.configuration.try_emplace("delta.checkpointInterval", kCheckpointInterval);
  request.operation = "CREATE TABLE";
  request.protocol = protocol;
  request.metadata = metadata;
  return true;
}

}  // namespace windrow::tasks
