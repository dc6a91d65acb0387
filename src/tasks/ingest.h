#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "tasks/context.h"

namespace windrow::tasks {

/// When an ingest ends by itself; with none of them it goes on until it is stopped.
struct IngestLimits {
  std::optional<int64_t> batches;                     ///< commits
  bool until_caught_up = false;                       ///< the ends of the start are reached
  std::optional<std::chrono::microseconds> duration;  ///< after which what came is committed
};

/// What a stream did so far and how it stands.
struct IngestStatus {
  std::string phase;  ///< joining, reading, writing, waiting, waiting for the store, done
  int64_t rows = 0, rejected = 0, messages = 0, bytes = 0;  ///< committed; bytes of messages
  int64_t files = 0, file_bytes = 0, commits = 0;
  int64_t conflicts = 0;     ///< commits that another copy was faster with
  int64_t lag = -1;          ///< messages between what is committed and the ends; -1: unknown
  int64_t partitions = 0;    ///< that this copy reads
  int64_t waiting = 0;       ///< messages read and not yet committed
  double flush_seconds = 0;  ///< of the last commit, from its first byte on
  double since_commit_seconds = 0;
  int64_t version = -1;
  std::string problem;  ///< why it waits; empty: it does not
};
using IngestSink = std::function<void(const IngestStatus&)>;

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
