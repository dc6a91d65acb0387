#pragma once

#include "cli/session.h"
#include "duck/forward.h"
#include "storage/file_system.h"

namespace windrow::lake {
class Table;
}  // namespace windrow::lake

namespace windrow::cli {

/// `table diff`.
int diff_table(Session& session, storage::FileSystem& files, const lake::Table& table,
               duck::Connection& connection);

}  // namespace windrow::cli
