#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "app/app_impl.h"
#include "base/id.h"
#include "base/version.h"
#include "tasks/ingest.h"

namespace windrow::app {

namespace {

/// One decodes and writes, librdkafka has its own; with more, DuckDB's would spend most of their
/// time on waiting for each other.
constexpr int kThreads = 1;
constexpr std::chrono::microseconds kStoreWait = std::chrono::milliseconds(200);
constexpr std::chrono::microseconds kStoreWaitMost = std::chrono::seconds(10);

/// Metrics of one stream, as text for Prometheus.
std::string metrics_text(const std::string& source, const tasks::IngestStatus& s) {
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

/// Whole or not at all for whoever reads it; a disk that is full stops no stream.
void write_metrics(const std::string& path, const std::string& text) {
  const std::string beside = path + ".tmp";
  {
    std::ofstream file(beside, std::ios::trunc);
    file << text;
    if (!file.good()) return;
  }
  std::error_code ignored;
  std::filesystem::rename(beside, path, ignored);
}

history::Task task_of(const history::Run& run, const std::string& source,
                      const tasks::IngestStatus& status, const tasks::Report& report,
                      const Problem* problem, const Secrets& secrets) {
  history::Task task;
  task.run = run.id;
  task.asset = source;
  task.kind = "source";
  task.status = run.status;
  task.attempts = 1;
  task.started = run.started;
  task.ended = run.ended;
  task.rows = status.rows;
  task.version = status.version;
  task.rejected = status.rejected;
  task.quality_score = report.quality_score;
  task.reasons = "[]";
  if (problem) {
    task.error_code = std::string(name_of(problem->code));
    task.error = secrets.redact(problem->message);
    task.hint = secrets.redact(problem->hint);
  }
  return task;
}

}  // namespace

/// A stream outlives a store that does not answer, also where it begins then.
void AppImpl::wait_for_lake(const tasks::IngestSink& sink) {
  auto wait = kStoreWait;
  while (true) {
    try {
      lake();
      return;
    } catch (const Error& error) {
      if (!retryable(error.code())) throw;
      tasks::IngestStatus status;
      status.phase = "waiting for the store";
      status.problem = secrets_.redact(error.problem().message);
      if (sink) sink(status);
    }
    if (cancel_.wait_for(wait)) cancel_.check();
    wait = std::min(wait * 2, kStoreWaitMost);
  }
}

IngestResult AppImpl::ingest(const IngestOptions& options, const tasks::IngestSink& sink) {
  const auto* source = project_.source(graph_.assets[source_named(options.source)].name);
  const auto begun = clock_.steady();
  wait_for_lake(sink);
  IngestResult result;
  result.run = new_ordered_uuid(clock_.now());
  const auto world = tables();
  const auto inside = open_inside(kThreads);
  const auto task_context = context(*world, choices({}), result.run, *inside);
  observe::Log log(project_.state_folder() + "/logs/" + result.run + ".jsonl", secrets_, clock_);
  log.write("info", "ingest.started", {{"source", source->name}, {"run", result.run}});
  history::Run entry{result.run,
                     environment_.name,
                     secrets_.redact(options.command),
                     std::string(kVersion),
                     "",
                     clock_.now(),
                     {},
                     "running",
                     1,
                     0};
  history().begin(entry);
  int64_t commits = 0;
  std::string problem;
  auto written = std::chrono::steady_clock::time_point();
  const tasks::IngestSink told = [&](const tasks::IngestStatus& status) {
    result.status = status;
    result.status.problem = secrets_.redact(status.problem);
    if (status.commits > commits) {
      log.write("info", "ingest.committed",
                {{"version", status.version},
                 {"rows", status.rows},
                 {"rejected", status.rejected},
                 {"lag", status.lag},
                 {"seconds", status.flush_seconds}});
      commits = status.commits;
    }
    if (result.status.problem != problem) {
      problem = result.status.problem;
      log.write(problem.empty() ? "info" : "warn",
                problem.empty() ? "ingest.goes_on" : "ingest.waits",
                {{"phase", status.phase}, {"error", problem}});
    }
    const auto now = clock_.steady();
    if (!options.metrics_file.empty() && now - written >= std::chrono::seconds(1)) {
      written = now;
      write_metrics(options.metrics_file, metrics_text(source->name, status));
    }
    if (sink) sink(result.status);
  };
  tasks::Report report;
  const auto remember = [&](const std::string& status, const Problem* problem) {
    entry.ended = clock_.now();
    entry.status = status;
    entry.failed = problem ? 1 : 0;
    history().add(task_of(entry, source->name, result.status, report, problem, secrets_));
    end_record(entry, log, result.warnings);
  };
  try {
    tasks::ingest_stream(task_context, *source, options.limits, cancel_, told, report);
  } catch (const Error& error) {
    log.write("error", "ingest.failed", {{"error", error.problem().message}});
    remember(error.code() == Code::canceled ? "canceled" : "failed", &error.problem());
    throw;
  }
  remember("done", nullptr);
  for (const auto& warning : report.warnings) result.warnings.push_back(secrets_.redact(warning));
  if (!options.metrics_file.empty())
    write_metrics(options.metrics_file, metrics_text(source->name, result.status));
  result.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady() - begun);
  log.write("info", "ingest.ended", {{"rows", result.status.rows}});
  return result;
}

}  // namespace windrow::app
