#include "plan/batches.h"

#include <algorithm>

namespace windrow::plan {

namespace {

// A commit takes some ten milliseconds, and a batch's work is what a kill may cost.
constexpr int64_t kRowsOfFirst = 5'000'000;
constexpr int kFirstUnknown = 25;
constexpr std::chrono::microseconds kBatchTime = std::chrono::seconds(15);
constexpr double kStep = 4;  // from one batch to the next

}  // namespace

Batches::Batches(IntervalSet stale, const Grain& grain, Sizes sizes)
    : grain_(grain),
      stale_(std::move(stale)),
      occupied_(sizes.occupied ? *sizes.occupied & stale_ : stale_),
      fixed_(sizes.most.has_value()),
      limit_(sizes.limit),
      most_(sizes.most.value_or(kFirstUnknown)),
      occupied_count_(grain.count(occupied_)) {
  if (!fixed_ && sizes.rows) {
    const int64_t each =
        std::max<int64_t>(1, *sizes.rows / int64_t(std::max<size_t>(1, occupied_count_)));
    most_ = int(std::clamp<int64_t>(kRowsOfFirst / each, 1, limit_));
  }
  most_ = std::clamp(most_, 1, limit_);
}

Interval Batches::from(Time start) const {
  const Time last = stale_.parts()[part_].end;
  const auto& rows = occupied_.parts();
  auto found = std::upper_bound(rows.begin(), rows.end(), start,
                                [](Time t, const Interval& part) { return t < part.end; });
  Time end = start;
  for (int n = 0; end < last;) {
    while (found != rows.end() && found->end <= end) ++found;
    if (found == rows.end() || found->start >= last) {
      end = last;
    } else if (found->start > end) {
      end = found->start;
    } else if (n++ == most_) {
      break;
    } else {
      end = grain_.next(end);
    }
  }
  return {start, std::min(end, last)};
}

std::optional<Interval> Batches::next() {
  if (part_ == stale_.parts().size()) return {};
  const auto& part = stale_.parts()[part_];
  const Interval out = from(at_.value_or(part.start));
  at_ = out.end;
  if (out.end == part.end) {
    ++part_;
    at_.reset();
  }
  return out;
}

void Batches::took(std::chrono::microseconds elapsed) {
  if (fixed_) return;
  const double wanted = double(kBatchTime.count()) / double(std::max<int64_t>(1, elapsed.count()));
  const double next = double(most_) * std::clamp(wanted, 1 / kStep, kStep);
  most_ = int(std::clamp(next, 1.0, double(limit_)));
}

double Batches::share() const {
  double all = 0, given = 0;
  for (size_t i = 0; i < stale_.parts().size(); ++i) {
    const auto& part = stale_.parts()[i];
    all += double((part.end - part.start).count());
    const Time end = i < part_ ? part.end : i == part_ && at_ ? *at_ : part.start;
    given += double((end - part.start).count());
  }
  return all > 0 ? given / all : 1;
}

size_t Batches::count() const {
  Batches left = *this;
  size_t out = 0;
  while (left.next()) ++out;
  return out;
}

}  // namespace windrow::plan
