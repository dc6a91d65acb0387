#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "sources/source.h"

/// Whether a batch comes out even: each record that the source holds is a row, is set aside, or was
/// passed over by a declared rule.
namespace windrow::tasks {

using CountByOrigin = std::map<std::string, int64_t>;

/// How many records of the parts that were counted are in neither place; below 0: there are more
/// than there should be. `set_aside` may tell of parts that nobody counted: files that are set
/// aside whole.
int64_t missing(const sources::Batch& batch, int64_t rows, const CountByOrigin& set_aside);

/// Names the parts that do not come out even, with what they hold and what was found. `rows_of`:
/// the rows by part, where that can be told.
Error uneven(const std::string& source, const sources::Batch& batch, int64_t rows,
             const CountByOrigin& set_aside, const std::optional<CountByOrigin>& rows_of);

}  // namespace windrow::tasks
