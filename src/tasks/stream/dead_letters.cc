#include "tasks/stream/dead_letters.h"

#include <algorithm>

#include "tasks/audit.h"

namespace windrow::tasks {

using clients::KafkaOffsets;

namespace {

constexpr const char* kColumns =
    "topic, CAST(\"partition\" AS INTEGER) AS \"partition\", \"offset\", kafka_time, error, "
    "\"key\", content";

duck::RowBuffer empty_letters() {
  using duck::BufferKind;
  duck::RowBuffer out;
  for (const auto& [name, kind] :
       std::initializer_list<std::pair<const char*, BufferKind>>{{"topic", BufferKind::text},
                                                                 {"partition", BufferKind::integer},
                                                                 {"offset", BufferKind::integer},
                                                                 {"kafka_time", BufferKind::time},
                                                                 {"error", BufferKind::text},
                                                                 {"key", BufferKind::bytes},
                                                                 {"content", BufferKind::bytes}})
    out.add_column(name, kind);
  return out;
}

/// Those at or above what is `known` of their partition; `next` is where each goes on behind them.
void fill(duck::RowBuffer& rows, const Stream& stream, const sources::Messages& messages,
          const KafkaOffsets& known, KafkaOffsets& next) {
  for (const auto& rejected : stream.decoder.rejected()) {
    const auto& message = messages.all()[rejected.message];
    const auto& from = messages.partitions()[message.from];
    const auto above = known.find(from);
    if (above != known.end() && message.offset < above->second) continue;  // there already
    const size_t row = rows.add_row();
    rows.column(0).set_text(row, from.topic);
    rows.column(1).set_integer(row, from.partition);
    rows.column(2).set_integer(row, message.offset);
    if (message.timestamp_ms >= 0) rows.column(3).set_integer(row, message.timestamp_ms * 1000);
    rows.column(4).set_text(row, rejected.why);
    if (message.key) rows.column(5).set_text(row, *message.key);
    if (message.value) rows.column(6).set_text(row, *message.value);
    auto& end = next[from];
    end = std::max(end, message.offset + 1);
  }
}

/// How far the table of dead letters knows each of these partitions.
KafkaOffsets known_of(const Stream& stream, const std::optional<lake::Snapshot>& letters,
                      const KafkaOffsets& partitions) {
  KafkaOffsets out;
  if (!letters) return out;
  for (const auto& [partition, ignored] : partitions) {
    const auto found = letters->txns.find(stream.app_id(partition));
    if (found != letters->txns.end()) out[partition] = found->second.version;
  }
  return out;
}

}  // namespace

bool keep_rejected(Stream& stream, const sources::Messages& messages) {
  if (stream.decoder.rejected().empty()) return true;
  const auto& context = stream.context;
  const std::string asset = stream.source.name + "_rejected";
  const auto at = stage_at(context, *stream.session, asset);
  const auto known = known_of(stream, at.current, messages.next());
  auto rows = empty_letters();
  KafkaOffsets next;
  fill(rows, stream, messages, known, next);
  if (rows.rows() == 0) return true;
  const duck::BufferTable table(stream.connection(), rows);
  auto staged =
      lake::stage_append(at, std::string("SELECT ") + kColumns + " FROM " + table.sql(), {});
  auto record = record_of(context, asset, "rejected");
  record.touched = staged.touched;
  const auto paths = staged.written_paths;
  auto request = lake::request_of(
      std::move(staged),
      new_table(context, asset, "messages of " + stream.source.name + " that could not be read"));
  request.provenance = std::move(record);
  for (const auto& [partition, offset] : next) {
    request.txns.push_back(stream.txn(partition, offset));
    const auto from = known.find(partition);
    request.expect_txn[stream.app_id(partition)] =
        from == known.end() ? std::nullopt : std::optional(from->second);
  }
  if (!commit(context, asset, std::move(request), paths)) return false;
  stream.status.rejected += int64_t(rows.rows());
  return true;
}

}  // namespace windrow::tasks
