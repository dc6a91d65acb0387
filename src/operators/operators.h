#pragma once

#include "columns/operator.h"

/// The operators that windrow brings with it.
namespace windrow::operators {

/// `session_id` and `session_start` of each row: a session is the rows of one key with no more than
/// a gap between one and the next. See docs/operators.md.
const columns::Operator& sessions();

}  // namespace windrow::operators
