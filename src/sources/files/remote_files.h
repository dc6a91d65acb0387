#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "clients/http.h"
#include "sources/files/found_file.h"
#include "storage/file_system.h"

/// Private to sources/files: files that are not on local disk.
namespace windrow::sources {

bool on_http(const std::string& path);
/// `s3://…`, `hdfs://…`: read in place, through `storage`.
bool in_storage(const std::string& path);

/// As `find_files`, in a home of files. The version is made of size, time and version tag.
std::vector<FoundFile> find_in_storage(storage::FileSystem& files, const std::string& pattern);
/// One file on a web server. Its version is made of ETag, time and length; where the server tells
/// none of them, of the content, which is then read for it.
FoundFile find_on_http(clients::HttpClient& http, const std::string& url, Cancel* cancel);
/// Fetches it. Tried a few times; Error where it does not come whole.
void download(clients::HttpClient& http, const std::string& url, const std::string& to,
              Cancel* cancel);

/// Path below a pattern's fixed part, held against its parts: `*` and `?` stay within a folder,
/// `**` is any depth.
bool matches_parts(const std::vector<std::string>& pattern, const std::vector<std::string>& path);

}  // namespace windrow::sources
