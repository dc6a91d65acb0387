#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interval.h"

/// What of a backfill is done, what failed, and which part comes next. Pure: parts are built and
/// what became of them is told by somebody else. All of it is ranges, however many intervals there
/// are.
namespace windrow::plan {

/// Intervals of a table that could not be built.
struct BackfillFailure {
  Interval range;  ///< contiguous, all for the same reason
  Problem problem;
  std::string because;  ///< it was not tried, as this asset failed; empty: it failed itself
  bool operator==(const BackfillFailure&) const = default;
};

/// What is to be built of one table. The three sets of whole intervals do not overlap.
struct BackfillTable {
  std::string asset;
  Grain grain;
  IntervalSet total = {};
  IntervalSet done = {};
  std::vector<BackfillFailure> failures = {};  ///< in the order of time

  IntervalSet failed() const;
  IntervalSet left() const { return total - done - failed(); }
};

class Backfill {
 public:
  enum class Order { oldest, newest };
  struct Settings {
    Order order = Order::oldest;
    /// A part may reach over intervals that are done: they are not built again.
    bool over_gaps = false;
    /// Units of the first part; the next ones are larger or smaller, by how long it took.
    int first = 100;
  };
  /// A range of time that is built by one run.
  struct Part {
    Interval range;
    std::string asset;  ///< it alone; empty: all
    bool operator==(const Part&) const = default;
  };
  /// Why a table was not built in a part.
  struct Fault {
    std::string asset;
    Problem problem;
    std::string because;              ///< as in a failure
    std::optional<Grain> grain = {};  ///< of the table, which may be none of those that were given
  };
  /// Failures in a row after which nobody believes that the next part will do better, and kept ones
  /// after which nobody reads them.
  static constexpr int kInARowMax = 10;
  static constexpr size_t kFailuresMax = 1000;

  Backfill(std::vector<BackfillTable> tables, Settings settings);

  /// Nothing: all was given. Parts that were given do not overlap, but for those of one asset.
  std::optional<Part> next();
  /// Everything in it is built.
  void done(const Part& part, std::chrono::microseconds elapsed);
  /// Some of it is not: smaller parts of it come next, until what fails is one interval, which then
  /// counts as failed; also of a table of which it was not to be built.
  void failed(const Part& part, const std::vector<Fault>& faults);
  /// It was not built, and comes again.
  void give_back(const Part& part);
  /// Once nothing is left: what was not tried since something failed that was mended meanwhile is
  /// left again. False where there is none; true at most once.
  bool reconsider();

  bool hopeless() const { return in_a_row_ >= kInARowMax || failures() > kFailuresMax; }
  const std::vector<BackfillTable>& tables() const { return tables_; }
  /// The interval that parts consist of: the coarsest grain of the tables.
  const Grain& unit() const { return unit_; }

 private:
  BackfillTable* table(const std::string& asset);
  const Grain& unit_of(const Part& part);
  size_t failures() const;
  void plan_parts();
  Interval cut_oldest() const;
  Interval cut_newest() const;
  void halve(const Part& part);
  void settle(BackfillTable& table, const Interval& range, const Fault* fault);
  /// Tables that failed themselves, whether or not they were to be built.
  void take_in(const std::vector<Fault>& faults);

  std::vector<BackfillTable> tables_;
  const Settings settings_;
  Grain unit_;
  IntervalSet left_;         ///< in units, that no part was given of
  IntervalSet failed_;       ///< in units, in which something failed
  std::deque<Part> pieces_;  ///< of parts that failed
  int size_;
  int in_a_row_ = 0;
  bool reconsidered_ = false;
};

}  // namespace windrow::plan
