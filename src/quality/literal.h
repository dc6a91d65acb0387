#pragma once

#include <string>

#include "project/values.h"

/// Private to quality/: values of YAML as SQL and as JSON.
namespace windrow::quality {

/// Numbers keep every digit that was written; `.nan` and `.inf` are DOUBLE. Lists become SQL lists,
/// mappings structs.
std::string sql_of(const project::Value& value);
std::string json_of(const project::Value& value);

}  // namespace windrow::quality
