#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "columns/parquet_files.h"
#include "duck/duck.h"

namespace windrow::duck {

/// Runs a SELECT and streams its rows into new Parquet files, in memory bounded by the database's
/// limit for any number of rows and partitions. An empty result writes no file. On any failure or
/// interrupt the files it began are removed. Nothing is made durable here: that is the committer's
/// part (FileSystem::sync).
std::vector<columns::WrittenFile> write_parquet(Connection& connection, const std::string& select,
                                                const Parameters& parameters,
                                                const columns::WriteOptions& options,
                                                const ProgressSink& progress = {});

}  // namespace windrow::duck
