#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sources/source_kind.h"

namespace windrow::sources {

/// What a source of the kind says under `from`.
struct KafkaFrom {
  std::string connection;
  std::vector<std::string> topics;
  std::string group;     ///< empty: `windrow-PROJECT`
  project::Value start;  ///< nothing: `earliest`
  std::string lost = "stop", assignment = "cooperative";
  uint64_t record_bytes_max = kRecordBytesMax;
};

/// Topics, which tasks/stream/ reads.
SourceKind kafka_kind();
project::ConnectionKind kafka_connection();

}  // namespace windrow::sources
