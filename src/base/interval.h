#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace windrow {

/// Half-open: start belongs to it, end does not. Empty when start >= end.
struct Interval {
  Time start;
  Time end;

  bool empty() const { return start >= end; }
  bool contains(Time t) const { return start <= t && t < end; }
  bool overlaps(const Interval& o) const { return start < o.end && o.start < end; }
  std::string text() const;  ///< `[2025-10-17T00:00:00Z, 2025-10-18T00:00:00Z)`
  bool operator==(const Interval&) const = default;
};

/// A set of points in time, kept as sorted, disjoint, non-touching, non-empty intervals.
class IntervalSet {
 public:
  IntervalSet() = default;
  IntervalSet(std::initializer_list<Interval> parts);
  explicit IntervalSet(const std::vector<Interval>& parts);

  void add(Interval part);
  void add(const IntervalSet& other);
  void remove(Interval part);
  void remove(const IntervalSet& other);

  bool empty() const { return parts_.empty(); }
  bool contains(const Interval& part) const;
  bool overlaps(const Interval& part) const;
  const std::vector<Interval>& parts() const { return parts_; }
  /// From the first start to the last end. Must not be empty.
  Interval hull() const;

  friend IntervalSet operator|(IntervalSet a, const IntervalSet& b) {
    a.add(b);
    return a;
  }
  friend IntervalSet operator-(IntervalSet a, const IntervalSet& b) {
    a.remove(b);
    return a;
  }
  friend IntervalSet operator&(const IntervalSet& a, const IntervalSet& b);
  bool operator==(const IntervalSet&) const = default;
  std::string text() const;

 private:
  std::vector<Interval> parts_;
};

/// The unit an interval model is built in: `5m`, `hour`, `day`, `week` (from Monday), `month`,
/// `quarter`, `year`, by the clocks of a time zone: a day may have 23 or 25 hours, and the hour
/// that comes twice is one interval, whatever the unit is, as is the hour after a missing one
/// (local_time.h). The calendar ends with the years 1 and 9999.
class Grain {
 public:
  enum class Unit { minute, hour, day, week, month, quarter, year };

  /// `zone` is an IANA name. Throws Error(configuration) where it is unknown.
  Grain(Unit unit, int count, std::string_view zone);
  /// Reads `hour`, `day`, `15m`, `6h`, …; nothing where it is not a grain (count must divide the
  /// next larger unit).
  static std::optional<Grain> parse(std::string_view text, std::string_view zone);

  Time floor(Time t) const;  ///< start of the interval that holds t
  Time next(Time t) const;   ///< start of the interval after the one that holds t
  Time ceil(Time t) const;   ///< t itself where it is a start, else next(t)
  Interval around(Time t) const { return {floor(t), next(t)}; }
  /// Whole intervals that the part touches.
  Interval widen(const Interval& part) const;
  IntervalSet widen(const IntervalSet& set) const;
  /// The single intervals of a widened part, in order.
  std::vector<Interval> split(const Interval& part) const;
  size_t count(const IntervalSet& set) const;

  std::string text() const;
  /// Short label of one interval: `2025-10-17` for a day, `2025-10-17T14` for an hour, `2025-10`
  /// for a month.
  std::string label(const Interval& one) const;
  std::string_view zone() const { return zone_; }
  bool operator==(const Grain&) const = default;

 private:
  Unit unit_;
  int count_;
  std::string zone_;
};

/// True where the name is an IANA time zone that this machine knows.
bool known_zone(std::string_view zone);

}  // namespace windrow
