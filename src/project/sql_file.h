#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "project/yaml_reader.h"

namespace windrow::project {

/// The parts of a model's file: an optional header, `/* windrow` … `*/`, and one SELECT.
struct SqlFile {
  std::optional<std::string_view> header;  ///< the YAML inside
  Origin header_origin;
  std::string_view select;  ///< without comments around it and without a semicolon at the end
  Place begin;              ///< of the SELECT
};

/// Splits a text without copying; only strings, quoted names and comments of SQL are understood,
/// what stands in the SELECT is DuckDB's to judge. Reports a header that comes late or is not
/// closed, no SELECT, more than one.
SqlFile split_sql(std::string_view text, const std::string& file, Problems& problems);

}  // namespace windrow::project
