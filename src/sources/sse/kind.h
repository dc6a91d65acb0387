#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sources/source_kind.h"

namespace windrow::sources {

/// What a source of the kind says under `from`.
struct SseFrom {
  std::string connection;  ///< or a URL
  std::string path;
  std::vector<std::string> events;  ///< types that are kept; empty: all
  project::Duration listens = std::chrono::minutes(1), idle = std::chrono::seconds(5);
  uint64_t record_bytes_max = kRecordBytesMax;
};

/// Server-sent events.
std::unique_ptr<Reader> sse_reader(const project::Source& source, const Context& context);
SourceKind sse_kind();
/// What each row has beside what came, and the text of that.
std::vector<Column> sse_columns();

}  // namespace windrow::sources
