#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "clients/kafka.h"

namespace windrow::tasks {

/// How far one copy is in each partition that it reads, beside what the table's log said of it.
/// Pure: it asks neither Kafka nor the lake.
class StreamProgress {
 public:
  /// `position`: where reading begins. `logged`: what the log says; nothing: it does not know the
  /// partition.
  void begin(const clients::KafkaPartition& partition, int64_t position,
             std::optional<int64_t> logged);
  void give_up(const std::vector<clients::KafkaPartition>& partitions);
  void give_up_all();
  /// A commit of this copy has moved the log to here.
  void committed(const clients::KafkaOffsets& next);

  /// Where what waits began, of each partition that is read.
  const clients::KafkaOffsets& positions() const { return positions_; }
  bool reads(const clients::KafkaPartition& partition) const {
    return positions_.count(partition) > 0;
  }
  /// What the log said when reading began or when this copy last committed, and must still say when
  /// what waits is committed. Never taken from a later look at the log: it could be the work of
  /// another copy.
  std::optional<int64_t> base(const clients::KafkaPartition& partition) const {
    return bases_.at(partition);
  }

  /// Whether the log has moved from where what waits begins, or already to where it ends.
  enum class Moved { no, by_us, by_others };
  /// `next`: where each partition goes on behind what waits. `logged`: what the log says now, of
  /// those that it knows.
  Moved moved(const clients::KafkaOffsets& next, const clients::KafkaOffsets& logged) const;

  /// Up to where there is something to do, of all partitions of the topics; set once.
  void set_ends(clients::KafkaOffsets ends) { ends_ = std::move(ends); }
  const clients::KafkaOffsets& ends() const { return ends_; }
  bool beyond_end(const clients::KafkaPartition& partition, int64_t offset) const;
  /// Whether a partition that is read has not come to its end, counted with what waits.
  bool short_of_ends(const clients::KafkaOffsets& next) const;
  /// Ends of partitions that other copies read, or nobody.
  clients::KafkaOffsets ends_of_others() const;

  /// Messages between what is committed and the ends, as far as `known_end` knows those.
  int64_t lag(
      const std::function<std::optional<int64_t>(const clients::KafkaPartition&)>& known_end) const;

 private:
  clients::KafkaOffsets positions_, ends_;
  std::map<clients::KafkaPartition, std::optional<int64_t>> bases_;
};

}  // namespace windrow::tasks
