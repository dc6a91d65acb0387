#pragma once

#include <memory>
#include <string>

#include "project/reading.h"
#include "sources/source_kind.h"

namespace windrow::sources {

/// What a source of the kind says under `from`.
struct RestFrom {
  std::string connection;    ///< or a URL
  project::Value resources;  ///< held when the source is opened
  project::Duration every{0};
  int passes = 3;  ///< a list that moved is read so often
  std::string incomplete = "warn", keep = "records";
  uint64_t record_bytes_max = kRecordBytesMax;
};

/// REST APIs.
std::unique_ptr<Reader> rest_reader(const project::Source& source, const Context& context);
SourceKind rest_kind();
/// What each row has beside what came, and the text of that.
std::vector<Column> rest_columns();
project::ConnectionKind rest_connection();

/// Of a path of requests: what is put into it is percent-encoded, as in a whole URL.
std::string encoded_path(const project::Node& written, std::string path, project::Reading& reading);
/// For SourceKind::settle: the text as it came, and partitions by when it came.
void settle_extracted(project::Source& source);

}  // namespace windrow::sources
