#include "tasks/stream/flush.h"

#include <fmt/format.h>

#include <utility>

#include "base/clock.h"
#include "base/id.h"
#include "tasks/audit.h"
#include "tasks/stream/dead_letters.h"

namespace windrow::tasks {

namespace {

/// The writer holds a whole group of rows beside the messages themselves.
constexpr int64_t kRowGroup = 51'200;

}  // namespace

Flush::Outcome Flush::commit_all() {
  using Moved = StreamProgress::Moved;
  if (std::exchange(unanswered_, true)) table_.load();
  for (int tries = 0; tries < kConflictsMax; ++tries) {
    const auto moved = progress_.moved(inbox_.next(), table_.logged(inbox_.next()));
    if (moved == Moved::by_others) {
      inbox_.clear();
      unanswered_ = false;
      return Outcome::dropped;
    }
    if (moved == Moved::by_us || write()) {
      unanswered_ = false;
      count();
      return Outcome::done;
    }
    ++stream_.status.conflicts;
    table_.load();
  }
  stream_.too_many_conflicts();
}

/// One commit. False where somebody else has committed what it cannot be combined with.
bool Flush::write() {
  const auto& context = stream_.context;
  const auto& asset = stream_.source.name;
  stream_.decoder.decode(inbox_.messages(), stream_.connection());
  if (!keep_rejected(stream_, inbox_.messages())) return false;
  const duck::BufferTable rows(stream_.connection(), stream_.decoder.rows());
  const auto stage = stage_context();
  auto staged = stage_rows(stage, rows.sql());
  std::optional<Audit> audit;
  if (stream_.has_checks()) {
    audit.emplace(context, Promises{asset, stream_.source.columns, stream_.source.checks},
                  *stream_.session, stream_.report);
    audit->first(staged);
  }
  const auto paths = staged.written_paths;
  const bool evolved = !staged.columns_added.empty();
  const int64_t written = staged.rows_written;
  auto request = request_of(std::move(staged));
  if (audit) {
    request.rebase = [&](const std::vector<lake::Commit>& since,
                         lake::CommitRequest& later) -> std::optional<std::string> {
      audit->again(since, later);
      return {};
    };
  }
  int64_t file_bytes = 0;
  for (const auto& add : request.adds) file_bytes += add.size;
  const auto files = int64_t(request.adds.size());
  const auto txns = request.txns;
  const auto version = commit(context, asset, std::move(request), paths);
  if (!version) return false;
  if (table_.head() && *version == table_.head()->version + 1 && !evolved && !audit) {
    table_.moved_to(*version, txns);
  } else {
    table_.load();
  }
  auto& status = stream_.status;
  status.rows += written;
  status.files += files;
  status.file_bytes += file_bytes;
  status.version = *version;
  return true;
}

lake::StageContext Flush::stage_context() const {
  return {*stream_.session,
          stream_.context.files,
          stream_.context.lake.table_path(stream_.source.name),
          stream_.source.name,
          table_.head(),
          stream_.partition_by,
          stream_.source.on_new_column == "add",
          false,
          stream_.context.clock.now(),
          {},
          write_options()};
}

columns::WriteOptions Flush::write_options() const {
  const auto& options = stream_.options;
  columns::WriteOptions out;
  const std::string id = new_uuid().substr(0, 8);
  const auto now = stream_.context.clock.now();
  const int64_t n = stream_.status.commits + 1;
  if (options.file_name.empty()) {
    out.file_name = "part-" + new_uuid();
  } else {
    std::string pattern = options.file_name;
    if (pattern.find("{id}") == std::string::npos) pattern += "_{id}";
    out.file_name = sources::filled_pattern(pattern, now, n, id);
  }
  if (!options.file_folder.empty()) {
    out.folder = stream_.context.lake.table_path(stream_.source.name) + "/" +
                 sources::filled_pattern(options.file_folder, now, n, id);
  }
  out.compression = options.compression;
  out.row_group_rows = kRowGroup;
  return out;
}

lake::Staged Flush::stage_rows(const lake::StageContext& stage, const std::string& rows_sql) const {
  const auto& decoder = stream_.decoder;
  if (!table_.head() && decoder.rows().rows() == 0) {
    throw Error(Code::data,
                fmt::format("source \"{}\": none of the first {} messages could be read: {}",
                            stream_.source.name, inbox_.size(), decoder.rejected().front().why),
                "see to `format`, or declare the columns", stream_.source.place);
  }
  auto staged = lake::stage_append(stage, decoder.select(rows_sql), stream_.parameters());
  if (staged.rows_written != decoder.good_rows()) {
    lake::discard(stream_.context.files, staged);
    throw Error(
        Code::corrupt,
        fmt::format("source \"{}\" does not come out even: {} messages hold {} rows, but "
                    "{} were written",
                    stream_.source.name, inbox_.size(), decoder.good_rows(), staged.rows_written),
        "nothing of it was committed: this is a bug, please report it");
  }
  return staged;
}

lake::CommitRequest Flush::request_of(lake::Staged staged) const {
  const auto& source = stream_.source;
  auto record = stream_.record();
  record.touched = staged.touched;
  record.quality_score = stream_.report.quality_score;
  auto request = lake::request_of(
      std::move(staged), new_table(stream_.context, source.name, source.common.description));
  if (!table_.head())
    request.metadata->configuration.try_emplace("delta.checkpointInterval", kCheckpointInterval);
  request.provenance = std::move(record);
  for (const auto& [partition, next] : inbox_.next()) {
    request.txns.push_back(stream_.txn(partition, next));
    request.expect_txn[stream_.app_id(partition)] = progress_.base(partition);
  }
  return request;
}

/// What waited is in the table.
void Flush::count() {
  auto& status = stream_.status;
  auto& report = stream_.report;
  progress_.committed(inbox_.next());
  status.messages += int64_t(inbox_.size());
  status.bytes += int64_t(inbox_.bytes());
  if (report.meter) {
    Usage taken;
    taken.bytes_read = int64_t(inbox_.bytes());
    report.meter->add(taken);
  }
  ++status.commits;
  inbox_.clear();
  report.changed = true;
  report.rows = status.rows;
  report.rejected = status.rejected;
  report.version = status.version;
}

}  // namespace windrow::tasks
