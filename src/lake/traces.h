#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "duck/forward.h"
#include "lake/row_removal.h"
#include "lake/table.h"

/// Where rows of a table can still be found after they were removed: in files of older versions, in
/// files that no version names, under deletion vectors, among changed rows, in the log itself.
namespace windrow::lake {

/// A data file in the table's folder that holds rows for which a condition is true, whatever a
/// deletion vector says of them.
struct HoldingFile {
  std::string path;    ///< absolute
  int64_t rows = 0;    ///< -1: it cannot be looked into, so it may
  bool live = false;   ///< of the snapshot
  bool named = false;  ///< by the log
  Time modified;
};
std::vector<HoldingFile> files_holding(storage::FileSystem& files, const Snapshot& snapshot,
                                       duck::Connection& connection, const std::string& condition);

struct Trace {
  std::string place;  ///< a file, or `version 3`
  std::string what;   ///< what of the rows is there; never the values
};
/// Everything that is left of rows for which `condition` is true; empty: nothing. With their key
/// also least and greatest values, partition values and conditions in the log, whatever its format;
/// without one these cannot be judged. Changes nothing.
std::vector<Trace> traces_of(storage::FileSystem& files, const std::string& table_path,
                             duck::Connection& connection, const std::string& condition,
                             const KeyValues& key);

/// Paths of those of the files with rows that the condition holds for, and how many there are of
/// them; what a deletion vector hides does not count.
std::map<std::string, int64_t> files_with(duck::Connection& connection, const Snapshot& snapshot,
                                          const std::vector<Add>& files,
                                          const std::string& condition);

}  // namespace windrow::lake
