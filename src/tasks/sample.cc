#include "tasks/sample.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "duck/quoting.h"
#include "lake/relation.h"
#include "lake/table.h"

namespace windrow::tasks {

std::optional<Sample> parse_sample(const std::string& text) {
  if (!text.ends_with('%')) return {};
  double percent = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto [read, error] = std::from_chars(text.data(), end, percent, std::chars_format::fixed);
  if (error != std::errc{} || read != end || !(percent > 0 && percent < 100)) return {};
  const auto parts = int64_t(std::llround(percent / 100 * double(kSampleParts)));
  if (parts < 1 || parts >= kSampleParts) return {};
  return Sample{fmt::format("{}%", double(parts) * 100 / double(kSampleParts)), parts};
}

lake::Relation thinned(const lake::Relation& rows, const lake::Snapshot& table,
                       const Sample& sample) {
  std::string columns;
  for (const auto& field : table.schema.fields)
    columns += (columns.empty() ? "" : ", ") + duck::quote_name(field.name);
  return lake::Relation("SELECT * FROM (") + rows +
         fmt::format(") WHERE hash({}) % {} < {}", columns, kSampleParts, sample.parts);
}

}  // namespace windrow::tasks
