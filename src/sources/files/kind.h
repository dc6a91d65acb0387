#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sources/source_kind.h"

namespace windrow::sources {

/// What a source of files says under `from`.
struct FilesFrom {
  std::vector<std::string> files;  ///< paths, globs and URLs
  std::string changed = "append", corrupt = "set_aside", missing_column = "set_aside";
  int batch_files = 500;
  uint64_t unpacked_bytes_max = 0;  ///< 0: 1 GiB, or 200 times its size
  project::Value csv, fixed;        ///< mappings, held where they are used
  std::optional<std::string> pattern, nulls;
  int skip = 0;
  std::string sheet;
  uint64_t record_bytes_max = kRecordBytesMax;
};

/// Files of many formats, on local disk, in a home of files, or on a web server.
std::unique_ptr<Reader> files_reader(const project::Source& source, const Context& context);
SourceKind files_kind();

}  // namespace windrow::sources
