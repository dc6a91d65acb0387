#pragma once

#include <memory>

#include "storage/file_system.h"
#include "storage/webhdfs_options.h"

namespace windrow::clients {
class HttpClient;
}

namespace windrow::storage {

/// HDFS over WebHDFS, as `webhdfs://host:9870/path`, `swebhdfs://…` (https) and `hdfs://cluster/…`.
///
/// Every write goes to a file `.tmp-…` in the same folder, whole, and then gets its name by a
/// rename: `put` with the option to replace, `put_if_absent` without, which the name node decides.
/// A bare create would not do: it shows an empty file until it is closed. The temporary name is
/// used once, so a rename that was lost on the way is told from one that was done: its source is
/// gone.
std::shared_ptr<FileSystem> webhdfs_file_system(WebHdfsOptions options);
/// With a client of one's own, for tests. It must outlive the file system.
std::shared_ptr<FileSystem> webhdfs_file_system(WebHdfsOptions options, clients::HttpClient& http);

}  // namespace windrow::storage
