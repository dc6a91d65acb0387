#pragma once

#include <string>
#include <vector>

#include "project/source.h"

/// Private to sources/files: what becomes of a file that lacks a column which its source declares
/// (`missing_column`).
namespace windrow::sources {

/// Names of columns are the same whatever their case.
bool same_name(const std::string& one, const std::string& other);

/// Looks at the columns of one file. By the rule: nothing but a warning that names it (`null`),
/// Error(corrupt), which sets the file aside, or Error(data), which stops the source.
void check_columns(const project::Source& source, const std::string& file,
                   const std::vector<std::string>& columns, std::vector<std::string>& warnings);

/// `, NULL::BIGINT AS "id"` for each declared column that no file has.
std::string missing_columns(const project::Source& source, const std::vector<std::string>& columns);

}  // namespace windrow::sources
