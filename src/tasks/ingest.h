#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/progress.h"
#include "observe/event.h"
#include "project/forward.h"

namespace windrow::tasks {

struct Context;
struct Report;

/// When an ingest ends by itself; with none of them it goes on until it is stopped.
struct IngestLimits {
  std::optional<int64_t> batches;                     ///< commits
  bool until_caught_up = false;                       ///< the ends of the start are reached
  std::optional<std::chrono::microseconds> duration;  ///< after which what came is committed
};

using IngestSink = std::function<void(const observe::StreamStatus&)>;

/// Reads a Kafka topic into its table. Each commit holds the rows and, as `txn`, where every
/// partition in it goes on, and demands that nobody has moved that meanwhile: whatever is killed,
/// late or doubled, each message is in the table exactly once.
void ingest_stream(const Context& context, const project::Source& source,
                   const IngestLimits& limits, Cancel& cancel, const IngestSink& sink,
                   Report& report);

/// For a run: reads up to the ends of now, without joining the group.
void ingest_waiting(const Context& context, const project::Source& source, Cancel& cancel,
                    const ProgressSink& progress, Report& report);
/// How much waits, in words.
std::optional<std::string> pending_stream(const Context& context, const project::Source& source);

}  // namespace windrow::tasks
