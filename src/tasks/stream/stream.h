#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/rows.h"
#include "duck/forward.h"
#include "sources/kafka/decoder.h"
#include "sources/kafka/options.h"
#include "tasks/context.h"
#include "tasks/ingest.h"

namespace windrow::tasks {

/// Flushes are many and small: a checkpoint with each tenth would cost more than they do.
inline constexpr const char* kCheckpointInterval = "50";
/// How long a broker may take to answer.
inline constexpr std::chrono::milliseconds kBrokerTimeout{15'000};
/// A commit that others were faster with is made again so often.
inline constexpr int kConflictsMax = 100;

/// A source that is opened for one copy: what all that work on it share. One thread.
struct Stream {
  Stream(const Context& context, const project::Source& source, Cancel& cancel, Report& report);

  /// The name of a partition's progress in the log.
  std::string app_id(const clients::KafkaPartition& partition) const;
  lake::Txn txn(const clients::KafkaPartition& partition, int64_t offset) const;
  /// What the source's expressions may name.
  Parameters parameters() const;
  /// Whether a commit has to be looked at with the table that it makes.
  bool has_checks() const;
  /// What each commit of the source's table says of itself.
  lake::Provenance record() const;
  /// Others have moved the table away each time.
  [[noreturn]] void too_many_conflicts() const;

  duck::Connection& connection() const { return session->connection(); }

  const Context& context;
  const project::Source& source;
  const sources::KafkaOptions options;
  sources::Decoder decoder;
  std::unique_ptr<lake::DuckRows> session;
  std::vector<std::string> partition_by;
  std::string cluster;  ///< as it calls itself; empty until it was asked
  observe::StreamStatus status;
  Report& report;
};

}  // namespace windrow::tasks
