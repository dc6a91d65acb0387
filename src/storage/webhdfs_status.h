#pragma once

#include <functional>
#include <optional>
#include <string>

#include "storage/file_system.h"
#include "storage/webhdfs_client.h"

namespace windrow::storage {

/// Nothing where there is no such file or folder.
std::optional<FileInfo> webhdfs_status(WebHdfsClient& client, const WebHdfsPath& path);

/// What is in a folder, in HDFS's order (which takes bytes as signed); paths are names only. Empty
/// where the folder is not there or is a file.
std::vector<FileInfo> webhdfs_list(WebHdfsClient& client, const WebHdfsPath& folder);

/// Bytes that the cluster still takes; nothing where it does not say.
std::optional<uint64_t> webhdfs_space(WebHdfsClient& client, const WebHdfsPath& path);

/// True, false, or nothing: `{"boolean": …}`.
std::optional<bool> webhdfs_boolean(std::string_view body);

}  // namespace windrow::storage
