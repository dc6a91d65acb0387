#pragma once

#include <string>
#include <vector>

#include "lake/actions.h"
#include "lake/schema.h"

/// A tag in `add.tags` of our files: files with the same value have the same columns, so a scan
/// need not open each of them to find out.
namespace windrow::lake {

inline constexpr std::string_view kSchemaTag = "WINDROW_SCHEMA";

std::string schema_tag(const Schema& schema, const std::vector<std::string>& partition_by);
/// Empty where the file has none.
std::string schema_tag_of(const Add& add);

}  // namespace windrow::lake
