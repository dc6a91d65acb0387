#pragma once

#include "tasks/stream/stream_table.h"

namespace windrow::tasks {

/// Where a partition begins that the log does not know.
int64_t start_of(const Stream& stream, const StreamTable& table, clients::KafkaConsumer& consumer,
                 const clients::KafkaPartition& partition);

/// Error(data) where the partition ends before what was read of it.
void refuse_shorter(const Stream& stream, const clients::KafkaPartition& partition, int64_t read,
                    int64_t end);

/// Where reading goes on: what the loaded log says. Where retention has removed messages from
/// there on, an Error(history_lost), or with `lost: skip` a warning and the first that is there.
/// Refuses a partition that is shorter.
int64_t position_of(const Stream& stream, const StreamTable& table,
                    clients::KafkaConsumer& consumer, const clients::KafkaPartition& partition);

}  // namespace windrow::tasks
