#include "plan/backfill.h"

#include <algorithm>
#include <utility>

namespace windrow::plan {

namespace {

// What a kill may cost where nothing but the backfill's record says what is done.
constexpr std::chrono::microseconds kPartTime = std::chrono::seconds(30);
constexpr double kGrowth = 10;
constexpr int kPartMax = 100'000;
constexpr std::chrono::microseconds kTick(1);

/// Of all tables; a week reaches over months, so there may be none that the others fit into: then
/// intervals at the seams are built by two parts.
Grain coarsest(const std::vector<BackfillTable>& tables) {
  const auto length = [](const BackfillTable& table) {
    const auto one = table.grain.around(table.total.empty() ? Time{} : table.total.hull().start);
    return one.end - one.start;
  };
  return std::max_element(tables.begin(), tables.end(),
                          [&](const auto& a, const auto& b) { return length(a) < length(b); })
      ->grain;
}

}  // namespace

IntervalSet BackfillTable::failed() const {
  IntervalSet out;
  for (const auto& failure : failures) out.add(failure.range);
  return out;
}

Backfill::Backfill(std::vector<BackfillTable> tables, Settings settings)
    : tables_(std::move(tables)),
      settings_(settings),
      unit_(coarsest(tables_)),
      size_(settings.first) {
  plan_parts();
}

void Backfill::plan_parts() {
  left_ = failed_ = {};
  for (const auto& each : tables_) {
    left_.add(unit_.widen(each.left()));
    failed_.add(unit_.widen(each.failed()));
  }
}

BackfillTable* Backfill::table(const std::string& asset) {
  const auto found = std::find_if(tables_.begin(), tables_.end(),
                                  [&](const auto& each) { return each.asset == asset; });
  return found == tables_.end() ? nullptr : &*found;
}

const Grain& Backfill::unit_of(const Part& part) {
  return part.asset.empty() ? unit_ : table(part.asset)->grain;
}

size_t Backfill::failures() const {
  size_t out = 0;
  for (const auto& each : tables_) out += each.failures.size();
  return out;
}

Interval Backfill::cut_oldest() const {
  const auto& parts = left_.parts();
  Interval out{parts.front().start, parts.front().start};
  int n = 0;
  for (size_t i = 0; i < parts.size() && n < size_; ++i) {
    const auto& part = parts[i];
    if (i > 0 && (!settings_.over_gaps || failed_.overlaps({out.end, part.start}))) break;
    Time at = part.start;
    for (; at < part.end && n < size_; ++n) at = unit_.next(at);
    out.end = at;
  }
  return out;
}

Interval Backfill::cut_newest() const {
  const auto& parts = left_.parts();
  Interval out{parts.back().end, parts.back().end};
  int n = 0;
  for (size_t i = parts.size(); i-- > 0 && n < size_;) {
    const auto& part = parts[i];
    const bool first = i + 1 == parts.size();
    if (!first && (!settings_.over_gaps || failed_.overlaps({part.end, out.start}))) break;
    Time at = part.end;
    for (; at > part.start && n < size_; ++n) at = unit_.floor(at - kTick);
    out.start = at;
  }
  return out;
}

std::optional<Backfill::Part> Backfill::next() {
  if (!pieces_.empty()) {
    auto out = std::move(pieces_.front());
    pieces_.pop_front();
    return out;
  }
  if (left_.empty()) return {};
  const auto range = settings_.order == Order::oldest ? cut_oldest() : cut_newest();
  left_.remove(range);
  return Part{range, ""};
}

void Backfill::give_back(const Part& part) { pieces_.push_front(part); }

void Backfill::done(const Part& part, std::chrono::microseconds elapsed) {
  in_a_row_ = 0;
  for (auto& each : tables_) {
    if (part.asset.empty() || each.asset == part.asset) settle(each, part.range, nullptr);
  }
  if (!part.asset.empty()) return;
  const auto units = double(unit_.count(IntervalSet{part.range}));
  const double wanted =
      units * double(kPartTime.count()) / double(std::max<int64_t>(1, elapsed.count()));
  size_ = int(std::clamp(wanted, std::max(1.0, size_ / kGrowth),
                         std::min<double>(kPartMax, size_ * kGrowth)));
}

void Backfill::halve(const Part& part) {
  const auto& unit = unit_of(part);
  const size_t half = unit.count(IntervalSet{part.range}) / 2;
  Time middle = part.range.start;
  for (size_t i = 0; i < half; ++i) middle = unit.next(middle);
  Part first{{part.range.start, middle}, part.asset}, second{{middle, part.range.end}, part.asset};
  if (settings_.order == Order::newest) std::swap(first, second);
  pieces_.push_front(std::move(second));
  pieces_.push_front(std::move(first));
}

void Backfill::settle(BackfillTable& table, const Interval& range, const Fault* fault) {
  const IntervalSet here = table.total & IntervalSet{table.grain.widen(range)};
  if (!fault) {
    table.done.add(here);
    return;
  }
  auto& all = table.failures;
  const auto not_built = here - table.done - table.failed();
  for (const auto& part : not_built.parts()) all.push_back({part, fault->problem, fault->because});
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.range.start < b.range.start; });
  for (size_t i = 1; i < all.size();) {
    auto& before = all[i - 1];
    if (before.range.end == all[i].range.start && before.problem == all[i].problem &&
        before.because == all[i].because) {
      before.range.end = all[i].range.end;
      all.erase(all.begin() + int64_t(i));
    } else {
      ++i;
    }
  }
}

void Backfill::take_in(const std::vector<Fault>& faults) {
  for (const auto& fault : faults) {
    if (fault.because.empty() && fault.grain && !table(fault.asset))
      tables_.push_back({fault.asset, *fault.grain});
  }
}

void Backfill::failed(const Part& part, const std::vector<Fault>& faults) {
  if (unit_of(part).count(IntervalSet{part.range}) > 1) {
    halve(part);
    return;
  }
  take_in(faults);
  bool itself = false;
  std::vector<Part> closer;
  for (auto& each : tables_) {
    if (!part.asset.empty() && each.asset != part.asset) continue;
    const auto fault = std::find_if(faults.begin(), faults.end(),
                                    [&](const auto& f) { return f.asset == each.asset; });
    if (fault == faults.end()) {
      settle(each, part.range, nullptr);
    } else if (fault->because.empty() && each.grain.count(IntervalSet{part.range}) > 1) {
      closer.push_back({part.range, each.asset});
    } else {
      if (fault->because.empty()) {
        itself = true;
        each.total.add(each.grain.widen(IntervalSet{part.range}));
      }
      settle(each, part.range, &*fault);
    }
  }
  failed_.add(unit_.widen(part.range));
  if (itself) ++in_a_row_;
  for (const auto& each : closer) halve(each);
}

bool Backfill::reconsider() {
  if (std::exchange(reconsidered_, true)) return false;
  bool out = false;
  for (auto& each : tables_) {
    out = std::erase_if(each.failures,
                        [&](const BackfillFailure& failure) {
                          const auto* cause = table(failure.because);
                          return cause &&
                                 !cause->failed().overlaps(cause->grain.widen(failure.range));
                        }) > 0 ||
          out;
  }
  if (out) plan_parts();
  return out;
}

}  // namespace windrow::plan
