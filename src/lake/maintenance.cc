#include "lake/maintenance.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "columns/parquet_files.h"
#include "duck/quoting.h"
#include "lake/history_archive.h"
#include "lake/json_text.h"
#include "lake/partition_path.h"
#include "lake/physical.h"
#include "lake/row_tracking.h"
#include "lake/statistics.h"

namespace windrow::lake {
namespace {

/// The folder, below the table's, that a file of the log lies in.
std::string folder_beside(const Snapshot& snapshot, const Add& like) {
  if (is_absolute_path(like.path)) return snapshot.table_path;  // of another table: a shallow clone
  const std::string path = uri_decoded(like.path);
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? snapshot.table_path
                                    : snapshot.table_path + "/" + path.substr(0, slash);
}

}  // namespace

std::chrono::microseconds interval_property(const Metadata& metadata, const std::string& key,
                                            std::chrono::microseconds otherwise) {
  using namespace std::chrono_literals;
  const auto found = metadata.configuration.find(key);
  if (found == metadata.configuration.end()) return otherwise;
  std::string_view text = found->second;
  if (text.starts_with("interval ")) text.remove_prefix(9);
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 0) return otherwise;
  std::string_view unit = text.substr(size_t(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.ends_with('s')) unit.remove_suffix(1);
  constexpr std::pair<std::string_view, std::chrono::microseconds> kUnits[] = {
      {"week", 168h}, {"day", 24h},         {"hour", 1h},        {"minute", 1min},
      {"second", 1s}, {"millisecond", 1ms}, {"microsecond", 1us}};
  for (const auto& [name, each] : kUnits) {
    if (unit == name) return count * each;
  }
  return otherwise;
}

std::chrono::microseconds deleted_file_retention(const Metadata& metadata) {
  return interval_property(metadata, "delta.deletedFileRetentionDuration", std::chrono::hours(168));
}

int64_t target_file_bytes(const Metadata& metadata) {
  const auto found = metadata.configuration.find("delta.targetFileSize");
  if (found == metadata.configuration.end()) return kTargetFileBytes;
  const std::string& text = found->second;
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count <= 0) return kTargetFileBytes;
  switch (end == text.data() + text.size() ? 'b' : *end | 0x20) {
    case 'k': return count << 10;
    case 'm': return count << 20;
    case 'g': return count << 30;
    default: return count;
  }
}

Provenance maintenance_record(const Snapshot& snapshot) {
  Provenance record;
  record.asset = snapshot.metadata.name;
  record.kind = kMaintenanceKind;
  return record;
}

CommitRequest maintenance_request(const Snapshot& snapshot, std::string operation) {
  CommitRequest request;
  request.operation = std::move(operation);
  request.read_version = snapshot.version;
  request.base = base_of(snapshot);
  request.reads = Reads::own_removes;
  request.provenance = maintenance_record(snapshot);
  return request;
}

bool has_deletion_vector(const Add& add) {
  return !(add.deletion_vector == decltype(add.deletion_vector){});
}

bool same_rows(const Add& a, const Add& b) {
  return a.path == b.path && a.size == b.size && a.deletion_vector == b.deletion_vector;
}

bool all_live(const Snapshot& snapshot, const std::vector<Add>& sources) {
  return std::all_of(sources.begin(), sources.end(), [&](const Add& source) {
    const auto at = std::lower_bound(snapshot.files.begin(), snapshot.files.end(), source,
                                     [](const Add& a, const Add& b) { return a.path < b.path; });
    return at != snapshot.files.end() && same_rows(*at, source);
  });
}

bool same_layout(const Snapshot& before, const Snapshot& after) {
  return before.schema == after.schema && before.protocol == after.protocol &&
         before.metadata.id == after.metadata.id &&
         before.metadata.partition_columns == after.metadata.partition_columns &&
         row_tracking(before.protocol, before.metadata) ==
             row_tracking(after.protocol, after.metadata);
}

std::string json_list_text(const std::vector<std::string>& texts) {
  return json_quoted(JsonWriter().value(texts).take());
}

int64_t row_group_rows_for(const std::vector<Add>& sources, int64_t file_bytes) {
  constexpr int64_t kVector = 2048;  // DuckDB's rows come in so many at a time
  int64_t rows = 0, bytes = 0;
  for (const auto& add : sources) {
    const auto known = rows_of(add);
    if (!known || *known <= 0) continue;
    rows += *known;
    bytes += add.size;
  }
  if (bytes == 0) return kRowGroupRows;
  const double in_a_file = double(file_bytes) * double(rows) / double(bytes);
  return int64_t(std::clamp(in_a_file / 4, double(kVector), double(kRowGroupRows)));
}

std::vector<Add> write_like(duck::Connection& connection, const Snapshot& snapshot,
                            const std::string& rows, const Add& like, Time now,
                            const RewriteOptions& options) {
  // Partition values are not written: they are those of `like`.
  Snapshot shape = snapshot;
  const auto& partitions = snapshot.metadata.partition_columns;
  std::erase_if(shape.schema.fields, [&](const Field& field) {
    return std::find(partitions.begin(), partitions.end(), field.name) != partitions.end();
  });
  shape.metadata.partition_columns.clear();
  std::string columns;
  for (const auto& field : shape.schema.fields)
    columns += (columns.empty() ? "" : ", ") + duck::quote_name(field.name);
  std::string select = "SELECT " + columns + row_id_columns(snapshot) + " FROM (" + rows + ")";
  if (!options.order_by.empty()) {
    // Here and not as the writer's: it may use columns that are not written.
    std::string order;
    for (const auto& each : options.order_by) order += (order.empty() ? "" : ", ") + each;
    select += " ORDER BY " + order;
  }
  columns::WriteOptions write;
  write.folder = folder_beside(snapshot, like);
  write.file_bytes = options.file_bytes;
  write.row_group_rows = options.row_group_rows;
  DuckRows engine(connection);
  auto adds = write_rows_with_ids(engine, shape, select, write, now);
  for (auto& add : adds) add.partition_values = like.partition_values;
  return adds;
}

void discard_adds(storage::FileSystem& files, const Snapshot& snapshot,
                  const std::vector<Add>& adds) noexcept {
  for (const auto& add : adds) {
    try {
      files.remove(snapshot.file_path(add));
    } catch (const Error&) {
      // It is in no commit, so no reader sees it; vacuum will find it.
    }
  }
}

}  // namespace windrow::lake
