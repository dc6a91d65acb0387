#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/rows.h"
#include "project/connection.h"

namespace windrow::tasks {

struct SqlWork {
  std::vector<std::string> statements;
  bool transaction = true;
  bool read_only = false;  ///< nothing is written, and a file that is not there is not made
  /// The first of the last statement's rows are wanted, so many; 0: none.
  size_t rows = 0;
};

/// Runs statements on a connection: PostgreSQL, MySQL, SQLite, a DuckDB file; gives rows of the
/// last. A request to stop interrupts what runs. Columns have their names but on MySQL. Where a
/// connection is lost while it commits the error says that nobody knows whether it was done; it is
/// Error(data), so that nothing repeats it blindly.
Rows run_sql(const project::Connection& connection, const std::string& root, const SqlWork& work,
             Cancel& cancel);

}  // namespace windrow::tasks
