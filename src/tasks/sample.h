#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace windrow::lake {
class Relation;
struct Snapshot;
}  // namespace windrow::lake

namespace windrow::tasks {

/// A part of the rows of what another environment lends: those whose hash lies in it, so that the
/// same rows are in it whenever they are read, and one that changes may come or go.
struct Sample {
  std::string text;   ///< `1%`, as records have it: one share has one text
  int64_t parts = 0;  ///< of kSampleParts
};
inline constexpr int64_t kSampleParts = 1'000'000;
/// Smaller tables are read whole: what a sample joins with should be there.
inline constexpr int64_t kRowsReadWhole = 10'000;

/// `1%` or `0.5%`, more than 0 and less than 100; nothing where the text is none.
std::optional<Sample> parse_sample(const std::string& text);

/// Those of a table's rows, with its columns.
lake::Relation thinned(const lake::Relation& rows, const lake::Snapshot& table,
                       const Sample& sample);

}  // namespace windrow::tasks
