#include "tasks/stream/beginning.h"

#include <fmt/format.h>

namespace windrow::tasks {

int64_t start_of(const Stream& stream, const StreamTable& table, clients::KafkaConsumer& consumer,
                 const clients::KafkaPartition& partition) {
  using Start = sources::KafkaOptions::Start;
  const auto& options = stream.options;
  const auto range = consumer.range(partition, kBrokerTimeout);
  // A partition that was added later begins at its first message whatever `start` says: `latest`
  // would lose what came before anybody looked.
  if (table.knows(partition.topic)) return range.first;
  switch (options.start) {
    case Start::earliest: return range.first;
    case Start::latest: return range.end;
    case Start::time:
      return consumer.offsets_at({partition}, options.start_ms, kBrokerTimeout).at(partition);
    case Start::offsets: {
      const auto found = options.start_offsets.find(partition.partition);
      return found == options.start_offsets.end() ? range.first : found->second;
    }
  }
  broken_invariant("start", __FILE__, __LINE__);
}

void refuse_shorter(const Stream& stream, const clients::KafkaPartition& partition, int64_t read,
                    int64_t end) {
  if (read <= end) return;
  throw Error(Code::data,
              fmt::format("{}/{} ends at {}, and \"{}\" has read up to {}", partition.topic,
                          partition.partition, end, stream.source.name, read),
              "was the topic made anew? read it into another source, or bring its messages back",
              stream.source.place);
}

int64_t position_of(const Stream& stream, const StreamTable& table,
                    clients::KafkaConsumer& consumer, const clients::KafkaPartition& partition) {
  const auto& source = stream.source;
  const auto logged = table.logged(partition);
  const int64_t known = logged ? *logged : start_of(stream, table, consumer, partition);
  const auto range = consumer.range(partition, kBrokerTimeout);
  refuse_shorter(stream, partition, known, range.end);
  if (known >= range.first) return known;
  if (!stream.options.skip_lost) {
    throw Error(Code::history_lost,
                fmt::format("{}/{} begins at {}: {} messages behind {} were removed by the topic's "
                            "retention before \"{}\" read them",
                            partition.topic, partition.partition, range.first, range.first - known,
                            known, source.name),
                "say `lost: skip` under `from` to go on without them", source.place);
  }
  stream.report.warnings.push_back(
      fmt::format("{} messages of {}/{} were gone before they were "
                  "read",
                  range.first - known, partition.topic, partition.partition));
  return range.first;
}

}  // namespace windrow::tasks
