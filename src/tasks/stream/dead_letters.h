#pragma once

#include "tasks/stream/stream.h"

namespace windrow::tasks {

/// Commits the messages that the decoder has set aside to `<source>_rejected`, with a `txn` of
/// their own, before the offsets move on: a flush that is made again finds those that are there
/// already, and drops them. `messages` are those that were decoded. False: another copy was faster.
bool keep_rejected(Stream& stream, const sources::Messages& messages);

}  // namespace windrow::tasks
