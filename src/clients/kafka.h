#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// The one wrapper of librdkafka. Failures are Errors: unavailable (no broker answers), permission
/// (log-in or access refused, a certificate that is not trusted), not_found (no such topic),
/// configuration (a setting that librdkafka does not know).
namespace windrow::clients {

/// librdkafka's configuration properties by name.
using KafkaSettings = std::map<std::string, std::string>;

struct KafkaPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const KafkaPartition&) const = default;
};
/// The next offset to be read, of each partition.
using KafkaOffsets = std::map<KafkaPartition, int64_t>;

/// Views into memory that lives only during the call that they are given to.
struct KafkaMessage {
  const KafkaPartition* from = nullptr;
  int64_t offset = 0;
  int64_t timestamp_ms = -1;  ///< -1: none
  std::optional<std::string_view> key, value;
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;
};

/// What becomes of the partitions that the group gives this member. Called from within `consume`,
/// by its thread.
class KafkaAssignment {
 public:
  virtual ~KafkaAssignment() = default;
  /// New partitions: where to begin in each.
  virtual KafkaOffsets assigned(const std::vector<KafkaPartition>& partitions) = 0;
  /// They are taken away; `lost` where they may belong to another member already.
  virtual void revoked(const std::vector<KafkaPartition>& partitions, bool lost) = 0;
};

/// One member of a consumer group. One thread. Destroying it calls `revoked` no more.
class KafkaConsumer {
 public:
  virtual ~KafkaConsumer() = default;

  /// Of the cluster, as it calls itself.
  virtual std::string cluster(std::chrono::milliseconds timeout) = 0;
  virtual std::vector<KafkaPartition> partitions(const std::string& topic,
                                                 std::chrono::milliseconds timeout) = 0;
  struct Range {
    int64_t first = 0, end = 0;  ///< end: of the next message that will come
  };
  /// Asks the broker.
  virtual Range range(const KafkaPartition& partition, std::chrono::milliseconds timeout) = 0;
  /// The end as the last answers to fetches said; nothing before the first.
  virtual std::optional<int64_t> known_end(const KafkaPartition& partition) = 0;
  /// The first offset whose message is not before the time; the end where there is none.
  virtual KafkaOffsets offsets_at(const std::vector<KafkaPartition>& partitions, int64_t time_ms,
                                  std::chrono::milliseconds timeout) = 0;

  /// What the group has told (`commit`), of those of the partitions of which it has.
  virtual KafkaOffsets committed(const std::vector<KafkaPartition>& partitions,
                                 std::chrono::milliseconds timeout) = 0;

  /// Joins the group.
  virtual void subscribe(const std::vector<std::string>& topics) = 0;
  /// Reads these, without a group.
  virtual void assign(const KafkaOffsets& offsets) = 0;
  /// Goes on from these offsets, which must be of assigned partitions.
  virtual void seek(const KafkaOffsets& offsets) = 0;
  /// Nothing comes until `resume`; the group is served all the same by `consume`.
  virtual void pause() = 0;
  virtual void resume() = 0;

  /// Waits up to `timeout` for up to `max` messages; also serves the group. Gives how many came.
  /// Throws what `assigned` and `revoked` throw, after the group was answered. Each partition's
  /// messages come in order from where `assigned` (or `seek`) said, without a gap, as long as it is
  /// assigned; none of a partition that was taken away.
  virtual size_t consume(size_t max, std::chrono::milliseconds timeout,
                         const std::function<void(const KafkaMessage&)>& take) = 0;
  /// Tells the group, without waiting; what goes wrong is nobody's concern.
  virtual void commit(const KafkaOffsets& offsets) noexcept = 0;
  /// Leaves the group; `revoked` is called for what is still assigned.
  virtual void close() = 0;
};

/// By librdkafka. `assignment` may be nothing where `subscribe` is not used; it must outlive what
/// it is given to.
std::unique_ptr<KafkaConsumer> kafka_consumer(const KafkaSettings& settings,
                                              KafkaAssignment* assignment);

/// Sends messages, each once: the broker drops what is sent twice after an error.
class KafkaProducer {
 public:
  explicit KafkaProducer(const KafkaSettings& settings);
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;
  /// Makes a topic; false where it is there already.
  bool create_topic(const std::string& topic, int partitions, std::chrono::milliseconds timeout);
  /// Copies; blocks while the queue is full.
  void send(const std::string& topic, std::string_view key, std::string_view value);
  /// Waits until all of it has arrived; throws where some has not.
  void flush(std::chrono::milliseconds timeout);

  struct Impl;

 private:
  void check_arrival() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windrow::clients
