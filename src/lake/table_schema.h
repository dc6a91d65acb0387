#pragma once

#include <cstdint>
#include <string>

#include "duck/forward.h"
#include "lake/schema.h"
#include "storage/file_system.h"

namespace windrow::lake {

/// The schema of a version, as `Table::snapshot` has it and with its errors, but without the files:
/// what a table of many files costs, or a checkpoint of them, is spared.
Schema schema_at(storage::FileSystem& files, const std::string& table_path, int64_t version,
                 duck::Connection& connection);

}  // namespace windrow::lake
