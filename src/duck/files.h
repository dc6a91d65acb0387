#pragma once

#include "duck/duck.h"
#include "storage/file_system.h"

namespace windrow::duck {

/// From now on every path that begins with one of the prefixes of `files` (`s3://`) is read and
/// written through `files`, in ranges and pieces: read_parquet, read_csv, read_json with globs,
/// COPY … TO. An error of `files` comes out of the statement with its own code and hint. `files`
/// must outlive the database.
///
/// Local files DuckDB reads by itself; a named pipe or a socket among them is an Error(data)
/// instead of a wait without end.
///
/// A file is written whole or not at all: it appears when the statement has closed it.
void attach_files(Database& database, storage::FileSystem& files);

}  // namespace windrow::duck
