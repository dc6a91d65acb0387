#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/rows.h"
#include "tasks/stream/stream.h"

namespace windrow::tasks {

/// The table that a stream is read into, as far as a stream has to know: where it stands, and how
/// far its log says each partition was read. Looks at the log when it is told to.
class StreamTable {
 public:
  explicit StreamTable(Stream& stream) : stream_(stream) {}

  void load();
  /// This copy has committed, and nothing beside: what `load` would find, without a look.
  void moved_to(int64_t version, const std::vector<lake::Txn>& txns);
  /// Nothing: there is no table. Without its files where no check looks at them.
  const std::optional<lake::Snapshot>& head() const { return head_; }

  /// Nothing where the log does not know the partition.
  std::optional<int64_t> logged(const clients::KafkaPartition& partition) const;
  /// Of those among them that the log knows.
  clients::KafkaOffsets logged(const clients::KafkaOffsets& partitions) const;
  /// Whether the log knows any partition of it.
  bool knows(const std::string& topic) const;
  /// As the log says now: whether each partition was read up to there. Leaves what is loaded.
  bool has_all(const clients::KafkaOffsets& ends,
               const std::function<int64_t(const clients::KafkaPartition&)>& start) const;

  /// Commits where those partitions begin that the log does not know, before the first message is
  /// read: else a kill would let `latest` begin later the next time. Makes the table where its
  /// columns are declared; where they are not, the first rows do. Leaves it loaded.
  void commit_starts(const std::vector<clients::KafkaPartition>& partitions,
                     const std::function<int64_t(const clients::KafkaPartition&)>& start);

 private:
  std::vector<Column> declared_columns();
  bool make_table(lake::CommitRequest& request);

  Stream& stream_;
  std::optional<lake::Snapshot> head_;
};

}  // namespace windrow::tasks
