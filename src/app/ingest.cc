#include <exception>

#include "app/run_record.h"
#include "app/work.h"
#include "base/clock.h"
#include "observe/stream_metrics.h"
#include "tasks/ingest.h"

namespace windrow::app {

namespace {

/// One decodes and writes, librdkafka has its own; with more, DuckDB's would spend most of their
/// time on waiting for each other.
constexpr int kThreads = 1;
constexpr std::chrono::microseconds kStoreWait = std::chrono::milliseconds(200);
constexpr std::chrono::microseconds kStoreWaitMost = std::chrono::seconds(10);

}  // namespace

/// A stream outlives a store that does not answer, also where it begins then.
void Work::wait_for_lake(RunRecord& record) {
  auto wait = kStoreWait;
  while (true) {
    try {
      lake();
      return;
    } catch (const Error& error) {
      if (!retryable(error.code())) throw;
      observe::StreamStatus status;
      status.phase = "waiting for the store";
      status.problem = error.problem().message;
      record.moved(0, status);
    }
    if (clock_.sleep(wait, cancel_)) cancel_.check();
    wait = std::min(wait * 2, kStoreWaitMost);
  }
}

RunResult Work::ingest(const IngestOptions& options, const std::string& id,
                       const observe::Listener& listener) {
  const size_t asset = source_named(options.source);
  const auto* source = project_.source(graph_.assets[asset].name);
  std::optional<observe::StreamMetricsFile> metrics;
  if (!options.metrics_file.empty()) metrics.emplace(options.metrics_file, source->name, clock_);
  RunRecord record(
      *workspace_, *services_, id, {asset},
      [&](const observe::Event& event) {
        if (metrics) metrics->told(event);
        if (listener) listener(event);
      },
      clock_.steady());
  RunOptions told;
  told.command = options.command;
  record.begin(told);
  Meter meter;
  record.report(0).meter = &meter;
  run::Outcome outcome;
  outcome.attempts = 1;
  outcome.started = clock_.now();
  std::exception_ptr failure;
  try {
    const CpuScope cpu(&meter);
    wait_for_lake(record);
    const auto world = tables();
    const auto inside = services_->open_inside(kThreads);
    const auto task_context = context(*world, choices({}), id, *inside);
    tasks::ingest_stream(
        task_context, *source, options.limits, cancel_,
        [&](const observe::StreamStatus& now) { record.moved(0, now); }, record.report(0));
    outcome.status = run::Status::done;
  } catch (const Error& error) {
    failure = std::current_exception();
    outcome.problem = error.problem();
    outcome.status = error.code() == Code::canceled ? run::Status::canceled : run::Status::failed;
  } catch (const std::exception& error) {
    failure = std::current_exception();
    outcome.problem = Problem{Code::internal, error.what(), "", {}};
    outcome.status = run::Status::failed;
  }
  outcome.ended = clock_.now();
  outcome.usage = meter.usage();
  record.finished(0, outcome);
  auto result = record.end(std::string(run::name_of(outcome.status)));
  if (failure) std::rethrow_exception(failure);
  const auto& warnings = result.tasks.at(0).warnings;
  result.warnings.insert(result.warnings.end(), warnings.begin(), warnings.end());
  return result;
}

}  // namespace windrow::app
