#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "clients/kafka.h"
#include "clients/transport.h"
#include "project/connection.h"
#include "project/forward.h"
#include "project/source.h"

/// What a project says of a Kafka source, as typed values.
namespace windrow::sources {

struct KafkaOptions {
  std::string source;  ///< `bronze.raw_events`
  std::vector<std::string> topics;
  clients::KafkaSettings client;  ///< for a member of the group

  enum class Start { earliest, latest, time, offsets };
  Start start = Start::earliest;
  int64_t start_ms = 0;                      ///< Start::time
  std::map<int32_t, int64_t> start_offsets;  ///< Start::offsets, by partition
  bool skip_lost = false;

  size_t flush_rows = 100'000;
  size_t flush_bytes = 64'000'000;
  std::chrono::microseconds flush_every = std::chrono::seconds(60);

  std::string file_name, file_folder;  ///< patterns; empty: the default
  std::string compression = "snappy";

  std::string registry, registry_user, registry_password;
};

/// Error(configuration) with the place of what is wrong.
KafkaOptions kafka_options(const project::Project& project, const project::Source& source);
/// Only the connection, for programs that send.
clients::KafkaSettings kafka_settings(const project::Connection& connection);
/// Whom it asks first, and how. A cluster's other brokers are spoken to in the same way.
clients::Transport kafka_transport(const project::Connection& connection);

/// The name of a partition's progress in the table's log.
std::string kafka_app_id(const std::string& source, const std::string& cluster,
                         const clients::KafkaPartition& partition);

/// `{utc:%Y%m%d_%H%M%S}`, `{utc}`, `{n}` and `{id}` filled in; anything else in braces is an
/// Error(configuration).
std::string filled_pattern(const std::string& pattern, Time now, int64_t n, const std::string& id);

}  // namespace windrow::sources
