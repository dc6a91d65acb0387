#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "tasks/stream/flush.h"
#include "tasks/stream/inbox.h"
#include "tasks/stream/progress.h"
#include "tasks/stream/stream_table.h"

namespace windrow::tasks {

/// How a consumer is made: `clients::kafka_consumer`, or a test's.
using Consumers = std::function<std::unique_ptr<clients::KafkaConsumer>(
    const clients::KafkaSettings& settings, clients::KafkaAssignment* assignment)>;

/// As a `member` of the group an archiver shares the partitions with other copies, and waits for
/// what may pass; `alone` it reads all of them up to the ends of now, and fails.
enum class Reading { member, alone };

/// Reads a stream into its table. Its progress is in the table's log alone. The life of a partition
/// here:
///
///   assigned → its `txn` is read from the log (or a starting offset is committed there first)
///            → messages are taken from that offset on, and wait
///   flush    → dead letters are committed to their table, then rows with the new `txn`s, on
///              condition that each is still where this copy began
///   conflict → another copy was there: what waits is dropped, offsets are read from the log again
///   revoked  → what waits is committed before the partition is given up, where that is possible
///
/// So a copy that was stopped for an hour and wakes up cannot write: its condition no longer holds.
///
/// One thread. What it is given must outlive it.
class Archiver final : public clients::KafkaAssignment {
 public:
  Archiver(const Context& context, const project::Source& source, const IngestLimits& limits,
           Reading reading, Consumers consumers, Cancel& cancel, const IngestSink& sink,
           Report& report);

  /// Until a limit is reached or somebody asks to stop.
  void run();
  /// Messages behind what the table has.
  int64_t waiting();

 private:
  using Moment = std::chrono::steady_clock::time_point;

  clients::KafkaOffsets assigned(const std::vector<clients::KafkaPartition>& partitions) override;
  void revoked(const std::vector<clients::KafkaPartition>& partitions, bool lost) override;

  void read();
  void connect();
  std::vector<clients::KafkaPartition> all_partitions();
  void find_ends(const std::vector<clients::KafkaPartition>& partitions);
  void join(const std::vector<clients::KafkaPartition>& partitions);
  int64_t start(const clients::KafkaPartition& partition);
  int64_t begin(const clients::KafkaPartition& partition);
  void take();
  void seek_to_log();

  bool done();
  bool others_are_done();
  bool silent();

  bool flush();
  Flush::Outcome flush_once();
  void wait_in_group(std::chrono::microseconds wait);

  void tell(const std::string& phase, bool at_once);
  Moment now() const { return stream_.context.clock.steady(); }

  const IngestLimits limits_;
  const Reading reading_;
  const Consumers consumers_;
  Cancel& cancel_;
  const IngestSink& sink_;
  Stream stream_;
  StreamTable table_;
  StreamProgress progress_;
  Inbox inbox_;
  Flush flush_;
  std::unique_ptr<clients::KafkaConsumer> consumer_;
  /// The store does not answer: a partition that is taken away now does not wait for it too.
  bool store_away_ = false;
  bool seek_ = false;  ///< what is read has to go on from what the log says
  Moment begun_, last_commit_, told_, looked_;
  Moment heard_;  ///< when messages last came, or nothing could
};

}  // namespace windrow::tasks
