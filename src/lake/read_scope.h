#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lake/actions.h"
#include "lake/schema.h"

namespace windrow::lake {

/// Which rows a commit has read: a union of boxes, each an intersection of conditions on columns.
/// It relies on having seen every row in there, so an append elsewhere may pass it.
struct ReadScope {
  /// `column` lies in [from, to], or [from, to) where the end is open. Bounds are texts of the
  /// column's type as in partition values and statistics; an absent one is no bound.
  struct Condition {
    Field column;
    std::optional<std::string> from, to;
    bool open_end = false;
    bool is_null = false;  ///< instead of bounds: the column is NULL
  };
  using Box = std::vector<Condition>;
  std::vector<Box> boxes;
  /// Log paths of the files of read_version that hold rows in there and that the commit keeps.
  std::vector<std::string> kept_files;
};
/// The box of one partition of a table with this schema.
ReadScope::Box partition_box(const Schema& schema, const PartitionValues& values);

}  // namespace windrow::lake
