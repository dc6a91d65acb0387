#pragma once

#include <memory>

#include "base/time.h"
#include "storage/aws_credentials.h"
#include "storage/file_system.h"
#include "storage/s3_options.h"

namespace windrow::storage {

/// Buckets of S3 and of servers that speak as it does, as `s3://bucket/key`.
///
/// Folders are beginnings of keys: `make_folder` does nothing, a folder is there while a key is
/// below it. `put_if_absent` is a PUT with `If-None-Match: *`, which the server decides: one that
/// does not know this header must not hold a lake.
std::shared_ptr<FileSystem> s3_file_system(S3Options options, Environment environment,
                                           std::function<void(std::string_view)> learn = {});
/// With a world of one's own, for tests. Both must outlive it.
std::shared_ptr<FileSystem> s3_file_system(S3Options options, Environment environment,
                                           clients::HttpClient& http, const Clock& clock,
                                           std::function<void(std::string_view)> learn = {});

}  // namespace windrow::storage
