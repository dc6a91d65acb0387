#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/time.h"
#include "clients/kafka.h"
#include "tasks/stream/archiver.h"

/// For tests: a broker in memory, and consumers to which a test does what a group would.
namespace windrow::tasks {

class FakeConsumer;

/// Topics and what they hold. Time passes where a consumer waits, and nowhere else.
class FakeBroker {
 public:
  struct Log {
    int64_t first = 0;  ///< what retention has left
    std::vector<std::string> values;
    int64_t end() const { return int64_t(values.size()); }
  };
  explicit FakeBroker(FakeClock& clock) : clock(clock) {}

  /// What each call of `consume` begins with, one after the other.
  using Steps = std::deque<std::function<void(FakeConsumer&)>>;
  /// `gives`: what the group gives to its member; nothing: every partition.
  Consumers consumers(Steps& steps, std::optional<std::vector<clients::KafkaPartition>> gives = {});

  FakeClock& clock;
  std::map<clients::KafkaPartition, Log> logs;
  clients::KafkaOffsets told;  ///< the group's offsets, for lag monitors
  int calls = 0;               ///< of `consume`
  int joins = 0;               ///< consumers that were made
};

class FakeConsumer final : public clients::KafkaConsumer {
 public:
  using Partition = clients::KafkaPartition;
  using Offsets = clients::KafkaOffsets;
  using Timeout = std::chrono::milliseconds;

  FakeConsumer(FakeBroker& broker, clients::KafkaAssignment* assignment, FakeBroker::Steps& steps,
               std::optional<std::vector<Partition>> gives)
      : broker_(broker), assignment_(assignment), steps_(steps), gives_(std::move(gives)) {}

  // --- what a test does ---
  void give(const std::vector<Partition>& partitions) {
    for (const auto& [each, offset] : assignment_->assigned(partitions)) next_[each] = offset;
  }
  void take_away(const std::vector<Partition>& partitions, bool lost) {
    assignment_->revoked(partitions, lost);
    for (const auto& each : partitions) next_.erase(each);
  }
  bool paused() const { return paused_; }
  bool reads(const Partition& partition) const { return next_.count(partition) > 0; }

  // --- what a consumer does ---
  std::string cluster(Timeout) override { return "fake"; }
  std::vector<Partition> partitions(const std::string& topic, Timeout) override {
    std::vector<Partition> out;
    for (const auto& [each, log] : broker_.logs) {
      if (each.topic == topic) out.push_back(each);
    }
    return out;
  }
  Range range(const Partition& partition, Timeout) override {
    const auto& log = broker_.logs.at(partition);
    return {log.first, log.end()};
  }
  std::optional<int64_t> known_end(const Partition& partition) override {
    return broker_.logs.at(partition).end();
  }
  Offsets offsets_at(const std::vector<Partition>&, int64_t, Timeout) override {
    throw Error(Code::internal, "not in these tests");
  }
  Offsets committed(const std::vector<Partition>&, Timeout) override { return broker_.told; }
  void subscribe(const std::vector<std::string>& topics) override {
    joining_.emplace();
    for (const auto& topic : topics) {
      for (const auto& each : partitions(topic, {})) joining_->push_back(each);
    }
    if (gives_) joining_ = gives_;
  }
  void assign(const Offsets& offsets) override { next_ = offsets; }
  void seek(const Offsets& offsets) override {
    for (const auto& [each, offset] : offsets) next_.at(each) = offset;
  }
  void pause() override { paused_ = true; }
  void resume() override { paused_ = false; }

  size_t consume(size_t max, Timeout timeout,
                 const std::function<void(const clients::KafkaMessage&)>& take) override {
    if (++broker_.calls > 10'000) throw Error(Code::internal, "this goes on for ever");
    if (joining_) give(*std::exchange(joining_, std::nullopt));
    if (!steps_.empty()) {
      const auto step = std::move(steps_.front());
      steps_.pop_front();
      step(*this);
    }
    const size_t taken = paused_ ? 0 : hand_out(max, take);
    if (taken == 0) broker_.clock.advance(std::max(timeout, Timeout(1)));
    return taken;
  }
  void commit(const Offsets& offsets) noexcept override {
    for (const auto& [each, offset] : offsets) broker_.told[each] = offset;
  }
  void close() override {
    std::vector<Partition> all;
    for (const auto& [each, offset] : next_) all.push_back(each);
    take_away(all, false);
  }

 private:
  size_t hand_out(size_t max, const std::function<void(const clients::KafkaMessage&)>& take) {
    size_t taken = 0;
    for (auto& [partition, at] : next_) {
      const auto log = broker_.logs.find(partition);
      const auto& values = log->second.values;
      for (; taken < max && at < int64_t(values.size()); ++taken, ++at) {
        clients::KafkaMessage message;
        message.from = &log->first;  // stays where it is
        message.offset = at;
        message.value = values[size_t(at)];
        take(message);
      }
    }
    return taken;
  }

  FakeBroker& broker_;
  clients::KafkaAssignment* assignment_;
  FakeBroker::Steps& steps_;
  std::optional<std::vector<Partition>> gives_;
  std::optional<std::vector<Partition>> joining_;
  Offsets next_;
  bool paused_ = false;
};

inline Consumers FakeBroker::consumers(Steps& steps,
                                       std::optional<std::vector<clients::KafkaPartition>> gives) {
  return [this, &steps, gives](const auto&, clients::KafkaAssignment* assignment) {
    if (++joins > 8) throw Error(Code::internal, "this goes on for ever");
    return std::make_unique<FakeConsumer>(*this, assignment, steps, gives);
  };
}

}  // namespace windrow::tasks
