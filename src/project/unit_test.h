#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "project/values.h"

namespace windrow::project {

struct UnitTest {
  std::string name;  ///< file stem, with a number where a file holds several
  Text model;
  std::optional<Time> at;              ///< frozen `$run_time`
  std::optional<Time> start, end;      ///< `$start`, `$end`; default: the interval that holds `at`
  std::map<std::string, Value> given;  ///< table → list of rows
  std::map<std::string, Text> vars;
  Value expect;          ///< list of rows; only the columns they name are compared
  bool ordered = false;  ///< the order of the rows counts
  std::string file;
  Place place;
};

}  // namespace windrow::project
