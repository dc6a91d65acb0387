#pragma once

#include <any>
#include <string>
#include <utility>
#include <vector>

#include "project/checks.h"
#include "project/values.h"

namespace windrow::project {

struct Source {
  std::string name;
  Common common;
  std::string kind;    ///< the first key of `from`
  Value from;          ///< the mapping under `from`, as it stands there
  std::any own;        ///< kinds.h: the same as its kind of source alone reads it
  std::string format;  ///< json, csv, …
  std::string raw;     ///< column that keeps each record's text as it came; empty: none
  std::vector<ColumnDeclaration> columns;
  std::vector<Check> checks;
  std::string on_new_column = "add";    ///< add, ignore, reject, stop
  std::string on_bad_value = "reject";  ///< streams: reject, null, stop
  std::string explode;                  ///< streams: path of a list; empty: none
  /// Partition column → SQL expression over the table's columns (empty: the column itself).
  std::vector<std::pair<std::string, std::string>> partition_by;
  std::string retention_column;  ///< empty: what partitions say
  std::string ingest = "run";    ///< streams: run, always
  Value flush, files;
  std::string file;
  Place place;
};

}  // namespace windrow::project
