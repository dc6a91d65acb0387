#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "duck/duck.h"

/// Parquet files of which something is known before they are opened.
namespace windrow::duck {

/// What a query asks of the rows of a scan: `column`, as the files call it, lies in [from, to], or
/// [from, to) where the end is open; or it is NULL. Bounds are texts of the column's type, points
/// in time in UTC with a Z.
struct ScanCondition {
  std::string column;
  std::optional<std::string> from, to;
  bool open_end = false;
  bool is_null = false;
};

/// Knows files before they are opened. Immutable.
class FileGuide {
 public:
  virtual ~FileGuide() = default;
  /// For each path: false only where it is certain that no row of the file meets all conditions.
  virtual std::vector<bool> may_hold(const std::vector<std::string>& paths,
                                     const std::vector<ScanCondition>& conditions) const = 0;
};

/// What guided scans are called in SQL: read_parquet with two more parameters, both optional.
/// - `guide = 'KEY'`: which files are not opened.
/// - `moments = 'STRUCT("a" TIMESTAMPTZ, …)'`: columns, by their names in the files, of which each
///   TIMESTAMP WITH TIME ZONE is one, whatever a file says. Times that do not say of what zone they
///   are (INT96, and those of writers that leave it out) are of UTC; DuckDB would take them for
///   local ones of the session's zone. Without it times are as the file has them.
inline constexpr const char* kGuidedParquet = "windrow_parquet";

/// Makes windrow_parquet known to every connection of the database. Files that the guide of a
/// scan's key rules out are not opened. `load` is called while a query is planned, from any thread;
/// nothing: every file may hold what is asked for.
void add_guided_parquet(Database& database,
                        std::function<std::shared_ptr<const FileGuide>(std::string_view key)> load);

/// Of one scan of a query: the paths of its files, and of those that would be opened.
struct FilesRead {
  std::string key;
  std::vector<std::string> there, read;
};
/// Plans a SELECT without running it, and tells which files it would open: one entry a scan.
std::vector<FilesRead> files_read(Connection& connection, std::string_view select,
                                  const Parameters& parameters = {});

}  // namespace windrow::duck
