#pragma once

#include "tasks/stream/stream_table.h"

namespace windrow::tasks {

/// Where a partition begins that the log does not know.
int64_t start_of(const Stream& stream, const StreamTable& table, clients::KafkaConsumer& consumer,
                 const clients::KafkaPartition& partition);

/// Where reading goes on: what the loaded log says. Where retention has removed messages from
/// there on, an Error(history_lost), or with `lost: skip` a warning and the first that is there.
/// Error(data) where the partition ends before what was read of it.
int64_t position_of(const Stream& stream, const StreamTable& table,
                    clients::KafkaConsumer& consumer, const clients::KafkaPartition& partition);

}  // namespace windrow::tasks
