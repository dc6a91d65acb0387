#include "base/interval.h"

#include <algorithm>

#include "base/error.h"

namespace windrow {

std::string Interval::text() const { return "[" + iso(start) + ", " + iso(end) + ")"; }

IntervalSet::IntervalSet(std::initializer_list<Interval> parts) {
  for (const auto& part : parts) add(part);
}

IntervalSet::IntervalSet(const std::vector<Interval>& parts) {
  for (const auto& part : parts) add(part);
}

void IntervalSet::add(Interval part) {
  if (part.empty()) return;
  // The first one that ends at or after the new start may touch it; so may those after it that
  // start by its end.
  auto first = std::lower_bound(parts_.begin(), parts_.end(), part.start,
                                [](const Interval& p, Time t) { return p.end < t; });
  auto last = first;
  while (last != parts_.end() && last->start <= part.end) {
    part.start = std::min(part.start, last->start);
    part.end = std::max(part.end, last->end);
    ++last;
  }
  parts_.insert(parts_.erase(first, last), part);
}

void IntervalSet::add(const IntervalSet& other) {
  if (&other == this) return;
  if (parts_.empty()) {
    parts_ = other.parts_;
    return;
  }
  for (const auto& part : other.parts_) add(part);
}

void IntervalSet::remove(Interval part) {
  if (part.empty()) return;
  auto first = std::lower_bound(parts_.begin(), parts_.end(), part.start,
                                [](const Interval& p, Time t) { return p.end <= t; });
  std::vector<Interval> kept;
  auto last = first;
  while (last != parts_.end() && last->start < part.end) {
    if (last->start < part.start) kept.push_back({last->start, part.start});
    if (last->end > part.end) kept.push_back({part.end, last->end});
    ++last;
  }
  const auto at = parts_.erase(first, last);
  parts_.insert(at, kept.begin(), kept.end());
}

void IntervalSet::remove(const IntervalSet& other) {
  if (&other == this) {
    parts_.clear();
    return;
  }
  for (const auto& part : other.parts_) remove(part);
}

bool IntervalSet::contains(const Interval& part) const {
  if (part.empty()) return true;
  auto found = std::upper_bound(parts_.begin(), parts_.end(), part.start,
                                [](Time t, const Interval& p) { return t < p.end; });
  return found != parts_.end() && found->start <= part.start && part.end <= found->end;
}

bool IntervalSet::overlaps(const Interval& part) const {
  if (part.empty()) return false;
  auto found = std::upper_bound(parts_.begin(), parts_.end(), part.start,
                                [](Time t, const Interval& p) { return t < p.end; });
  return found != parts_.end() && found->start < part.end;
}

Interval IntervalSet::hull() const {
  WINDROW_INVARIANT(!parts_.empty());
  return {parts_.front().start, parts_.back().end};
}

IntervalSet operator&(const IntervalSet& a, const IntervalSet& b) {
  IntervalSet out;
  auto i = a.parts_.begin();
  auto j = b.parts_.begin();
  while (i != a.parts_.end() && j != b.parts_.end()) {
    const Interval both{std::max(i->start, j->start), std::min(i->end, j->end)};
    if (!both.empty()) out.parts_.push_back(both);
    (i->end < j->end) ? void(++i) : void(++j);
  }
  return out;
}

std::string IntervalSet::text() const {
  std::string out;
  for (const auto& part : parts_) out += (out.empty() ? "" : " ") + part.text();
  return out.empty() ? "nothing" : out;
}

}  // namespace windrow
