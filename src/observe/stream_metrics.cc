#include "observe/stream_metrics.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace windrow::observe {

std::string metrics_text(const std::string& source, const StreamStatus& s) {
  std::string out;
  const auto add = [&](const char* name, const char* type, const char* help, double value) {
    out += fmt::format(
        "# HELP windrow_ingest_{0} {1}\n# TYPE windrow_ingest_{0} {2}\n"
        "windrow_ingest_{0}{{source=\"{3}\"}} {4:.15g}\n",
        name, help, type, source, value);
  };
  add("rows_total", "counter", "Rows committed.", double(s.rows));
  add("messages_total", "counter", "Messages whose offsets are committed.", double(s.messages));
  add("bytes_total", "counter", "Bytes of these messages.", double(s.bytes));
  add("rejected_total", "counter", "Messages set aside as unreadable.", double(s.rejected));
  add("files_total", "counter", "Parquet files committed.", double(s.files));
  add("file_bytes_total", "counter", "Bytes of these files.", double(s.file_bytes));
  add("commits_total", "counter", "Commits made.", double(s.commits));
  add("conflicts_total", "counter", "Commits that another copy was faster with.",
      double(s.conflicts));
  add("lag_messages", "gauge", "Messages behind what is committed.", double(s.lag));
  add("waiting_messages", "gauge", "Messages read and not yet committed.", double(s.waiting));
  add("partitions", "gauge", "Partitions that this copy reads.", double(s.partitions));
  add("flush_seconds", "gauge", "How long the last commit took.", s.flush_seconds);
  add("since_commit_seconds", "gauge", "Time since the last commit.", s.since_commit_seconds);
  add("up", "gauge", "0 while it waits for the broker or the store.", s.problem.empty() ? 1 : 0);
  return out;
}

void StreamMetricsFile::told(const Event& event) {
  if (const auto* moved = std::get_if<StreamMoved>(&event.what)) {
    last_ = *moved;
    const auto now = clock_.steady();
    if (written_ && now - *written_ < std::chrono::seconds(1)) return;
    written_ = now;
    write();
  } else if (std::holds_alternative<RunEnded>(event.what)) {
    write();
  }
}

void StreamMetricsFile::write() {
  const std::string beside = path_ + ".tmp";
  {
    std::ofstream file(beside, std::ios::trunc);
    file << metrics_text(last_.source, last_.status);
    if (!file.flush().good()) return;
  }
  std::error_code ignored;
  std::filesystem::rename(beside, path_, ignored);
}

}  // namespace windrow::observe
