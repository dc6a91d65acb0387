#include "schedule/turn.h"

#include <fmt/format.h>

#include <algorithm>

namespace windrow::schedule {

using namespace std::chrono_literals;

namespace {

/// Ranges of due times that have run which are remembered.
constexpr size_t kFiredMax = 64;
/// Skipped due times are counted up to here.
constexpr uint64_t kCountedMax = 100'000;

}  // namespace

void Turn::wake_at(std::optional<Time> t) {
  if (t && (!wake_ || *t < *wake_)) wake_ = t;
}

Time Turn::looked_to() const {
  return m_.accepted ? std::max(*m_.accepted, *m_.settled) : *m_.settled;
}

// --- how it begins ------------------------------------------------------------------------------

void Turn::begin(std::optional<Time> looked) {
  const std::string rule = rule_of(s_);
  if (!m_.settled) {
    const Time start = s_.start.value_or(now_) - 1us;
    m_.settled = s_.catchup == CatchUp::all ? std::min(start, now_) : now_;
    // The first interval begins at the last due time before it.
    m_.covered = by_clock(s_.trigger) ? previous_due(s_, std::max(start, *m_.settled) + 1us)
                                      : std::optional(now_);
  } else if (m_.rule != rule) {
    if (m_.accepted && *m_.accepted > *m_.settled)
      skip(*m_.settled + 1us, *m_.accepted, 0, "the schedule was changed");
    m_.accepted.reset();
    // The new rule holds for times at which nobody looked, not for those decided by the old one.
    if (looked) m_.settled = std::max(*m_.settled, std::min(*looked, now_));
  }
  m_.rule = rule;
}

void Turn::mind_the_clock() {
  // What has run is in `fired`; what was skipped becomes due in its time.
  m_.settled = std::min(*m_.settled, now_);
  if (m_.accepted) m_.accepted = std::min(*m_.accepted, now_);
  // Nothing that is counted from a time of a wrong clock may keep the schedule silent.
  for (auto* t : {&m_.last_end, &m_.fresh}) {
    if (*t) *t = std::min(**t, now_);
  }
  for (auto& fire : m_.waiting) {
    if (fire.since <= now_) continue;
    fire.not_before -= fire.since - now_;
    fire.since = now_;
  }
}

void Turn::end() {
  for (const auto& fire : m_.waiting)
    skip(fire.due, fire.due, 1, "the schedule is no longer declared");
  m_.waiting.clear();
  m_.rule = "not declared";  // should it come back, its rule holds from then on
}

// --- what has been -------------------------------------------------------------------------------

bool Turn::has_run(Time due) const {
  if (by_clock(s_.trigger) && m_.forgotten && due <= *m_.forgotten) return true;
  return std::any_of(m_.fired.begin(), m_.fired.end(),
                     [&](const auto& range) { return range.first <= due && due <= range.second; });
}

void Turn::mark_run(Time due, Time settled_before) {
  for (auto& range : m_.fired) {
    if (range.second != settled_before) continue;
    range.second = due;
    return;
  }
  const std::pair<Time, Time> one{due, due};
  m_.fired.insert(std::upper_bound(m_.fired.begin(), m_.fired.end(), one), one);
  if (m_.fired.size() <= kFiredMax) return;
  if (by_clock(s_.trigger))
    m_.forgotten =
        std::max(m_.forgotten.value_or(m_.fired.front().second), m_.fired.front().second);
  m_.fired.erase(m_.fired.begin());
}

void Turn::skip(Time first, Time last, uint64_t count, std::string reason) {
  decisions_.push_back(Skipped{s_.id(), first, last, count, std::move(reason)});
}

void Turn::skip_to(Time last, const std::string& reason) {
  const auto first = next_due(s_, *m_.settled);
  if (first && *first <= last) {
    uint64_t count = 0;
    for (auto due = first; due && *due <= last; due = next_due(s_, *due)) {
      if (++count > kCountedMax) break;
    }
    skip(*first, last, count > kCountedMax ? 0 : count, reason);
  }
  m_.settled = last;
  if (m_.accepted && *m_.accepted <= last) m_.accepted.reset();
}

std::string Turn::busy() const {
  return active() == 1 ? "a run goes on" : fmt::format("{} runs go on", active());
}

// --- taking up -----------------------------------------------------------------------------------

Time Turn::unused(Time due) const {
  const auto taken = [&](Time t) {
    const auto same = [&](const Fire& fire) { return fire.due == t; };
    // Due times of events are ranges of one; longer ones are of a rule that there was before.
    return std::any_of(m_.fired.begin(), m_.fired.end(),
                       [&](const auto& range) { return range.first == t || range.second == t; }) ||
           std::any_of(m_.waiting.begin(), m_.waiting.end(), same) ||
           std::any_of(m_.running.begin(), m_.running.end(),
                       [&](const Memory::Running& one) { return same(one.fire); });
  };
  while (taken(due)) due += 1us;
  return due;
}

Fire Turn::fire(Time due, Fire::Cause cause, std::string detail) const {
  Fire out;
  out.schedule = s_.id();
  out.due = due;
  out.cause = cause;
  out.detail = std::move(detail);
  out.since = now_;
  out.not_before = cause == Fire::Cause::hand ? now_ : due + jitter_of(s_, due);
  if (s_.deadline) out.deadline = due + *s_.deadline;
  auto start = m_.covered;
  if (!start || *start >= due) start = previous_due(s_, due);
  out.interval = {start.value_or(due), due};
  return out;
}

void Turn::take_clock(Time due) {
  const Time before = *m_.settled;
  m_.settled = due;
  if (m_.accepted && *m_.accepted <= due) m_.accepted.reset();
  if (has_run(due)) return;
  Fire made = fire(due, Fire::Cause::clock);
  mark_run(due, before);
  take(std::move(made));
}

void Turn::take(Fire made) {
  if (made.cause != Fire::Cause::hand) m_.covered = made.interval.end;
  m_.waiting.push_back(std::move(made));
  // Of runs that wait the newest stays, where newer ones replace.
  const size_t most = s_.overlap == Overlap::replace ? size_t(s_.max_active_runs) : kWaitingMax;
  const auto by_itself = [](const Fire& fire) { return fire.cause != Fire::Cause::hand; };
  while (size_t(std::count_if(m_.waiting.begin(), m_.waiting.end(), by_itself)) > most) {
    const auto oldest = std::find_if(m_.waiting.begin(), m_.waiting.end(), by_itself);
    skip(oldest->due, oldest->due, 1,
         s_.overlap == Overlap::replace
             ? "replaced by the run that was due " + iso(m_.waiting.back().due)
             : fmt::format("{} runs wait already", kWaitingMax));
    const Interval interval = oldest->interval;
    m_.waiting.erase(oldest);
    give_back(interval);
  }
}

void Turn::catch_up() {
  const Time line = now_ - kLateAfter;
  const auto first = next_due(s_, looked_to());
  if (!first || *first > line) return;
  const Time last = previous_due(s_, line + 1us).value_or(*first);
  const std::string reason = "missed: nobody looked when it was due";
  if (s_.catchup == CatchUp::all) {
    m_.accepted = last;
  } else if (s_.catchup == CatchUp::none) {
    skip_to(last, reason);
    m_.covered = last;
  } else {
    const auto newer = next_due(s_, last);
    const auto kept = newer && *newer <= now_ ? newer : last;
    const auto before = previous_due(s_, *kept);
    if (before && *before > *m_.settled) skip_to(*before, reason + ", and a later one runs");
    if (kept == last) m_.accepted = last;
  }
}

void Turn::look_at_clock() {
  catch_up();
  for (auto due = next_due(s_, looked_to()); due && *due <= now_; due = next_due(s_, looked_to())) {
    const bool behind = m_.accepted && *m_.accepted > *m_.settled;
    if (behind || s_.overlap == Overlap::queue) {
      m_.accepted = *due;
    } else if (!full() || s_.overlap == Overlap::replace || has_run(*due)) {
      take_clock(*due);
    } else {
      skip_to(*due, busy());
    }
  }
  while (m_.accepted && *m_.accepted > *m_.settled && !full()) {
    const auto due = next_due(s_, *m_.settled);
    if (!due || *due > *m_.accepted)
      m_.settled = *m_.accepted;
    else
      take_clock(*due);
  }
  wake_at(next_due(s_, looked_to()));
}

void Turn::look_at_end() {
  if (active() > 0) return;
  const auto* after = std::get_if<AfterEnd>(&s_.trigger);
  Time due = m_.last_end ? *m_.last_end + after->delay
                         : std::max(*m_.settled, s_.start.value_or(*m_.settled));
  take_at(due, Fire::Cause::after_end);
}

void Turn::look_at_freshness() {
  if (active() > 0) return;
  const Duration age = std::get<Freshness>(s_.trigger).age;
  Time due = std::max(*m_.settled, s_.start.value_or(*m_.settled));
  if (m_.fresh) {
    // As long as the longest of the last runs; a run that takes longer than the age goes on at
    // once.
    const Duration run =
        m_.durations.empty()
            ? Duration(0)
            : Duration(*std::max_element(m_.durations.begin(), m_.durations.end()));
    due = *m_.fresh + std::max(age - run, Duration(0));
  }
  if (m_.last_end) due = std::max(due, m_.last_failed ? *m_.last_end + age / 10 : *m_.last_end);
  take_at(due, Fire::Cause::freshness);
}

void Turn::take_at(Time due, Fire::Cause cause) {
  if (s_.calendar) {
    const auto open = s_.calendar->opens(due, s_.zone);
    if (!open) return;
    due = *open;
  }
  if (s_.end && due >= *s_.end) return;
  if (due > now_) return wake_at(due);
  take_event(due, cause, {});
}

void Turn::take_event(Time when, Fire::Cause cause, const std::string& what) {
  const Time due = unused(when);
  mark_run(due, due);
  m_.settled = std::max(*m_.settled, due);
  take(fire(due, cause, what));
}

template <class Seen>
void Turn::happened(Fire::Cause cause, const std::string& what, Seen seen) {
  if (s_.end && now_ >= *s_.end) return;
  Time open = std::max(now_, s_.start.value_or(now_));
  if (s_.calendar) {
    const auto found = s_.calendar->opens(open, s_.zone);
    if (!found) return;
    open = *found;
  }
  if (open > now_) return wake_at(open);
  if (full() && s_.overlap == Overlap::queue) return;  // it is still so when the run is over
  seen();
  if (full() && s_.overlap == Overlap::skip) return skip(now_, now_, 1, what + ": " + busy());
  take_event(now_, cause, what);
}

void Turn::note_tables() {
  for (const auto& table : std::get<OnChange>(s_.trigger).tables) {
    const auto found = world_.tables.find({s_.project, table});
    if (found != world_.tables.end()) m_.versions.emplace(table, found->second.version);
  }
}

void Turn::look_at_changes() {
  std::string what;
  std::map<std::string, int64_t> now = m_.versions;
  for (const auto& table : std::get<OnChange>(s_.trigger).tables) {
    const auto found = world_.tables.find({s_.project, table});
    if (found == world_.tables.end() || found->second.version == now[table]) continue;
    now[table] = found->second.version;
    what += fmt::format("{}{}: version {}", what.empty() ? "" : ", ", table, now[table]);
  }
  if (!what.empty()) happened(Fire::Cause::change, what, [&] { m_.versions = now; });
}

void Turn::look_at_sensors() {
  std::string what;
  std::map<std::string, std::string> now = m_.sensors;
  for (const auto& sensor : std::get<OnSensor>(s_.trigger).sensors) {
    const auto found = world_.sensors.find({s_.project, sensor});
    if (found == world_.sensors.end() || found->second.token == now[sensor]) continue;
    now[sensor] = found->second.token;
    if (found->second.token.empty()) continue;
    what += (what.empty() ? "" : ", ") + sensor;
    if (!found->second.text.empty()) what += ": " + found->second.text;
  }
  if (!what.empty()) happened(Fire::Cause::sensor, what, [&] { m_.sensors = now; });
}

void Turn::follow(const Fire& other, Time ended) {
  const auto& after = std::get<AfterSchedule>(s_.trigger);
  const Time due = unused(ended + after.delay);
  Fire made = fire(due, Fire::Cause::after, other.schedule + " of " + iso(other.due));
  made.interval = other.interval;
  if (s_.calendar) {
    const auto open = s_.calendar->opens(made.not_before, s_.zone);
    if (!open) return skip(due, due, 1, "its calendar does not open again");
    made.not_before = *open;
  }
  if ((s_.start && due < *s_.start) || (s_.end && due >= *s_.end)) return;
  mark_run(due, due);
  if (paused() && s_.catchup == CatchUp::none) return skip(due, due, 1, "the schedule is paused");
  if (paused() && s_.catchup == CatchUp::latest) {
    for (const auto& fire : m_.waiting) {
      if (fire.cause != Fire::Cause::after) continue;
      skip(fire.due, fire.due, 1, "the schedule was paused, and a later one runs");
      made.interval.start = std::min(made.interval.start, fire.interval.start);
    }
    std::erase_if(m_.waiting, [](const Fire& fire) { return fire.cause == Fire::Cause::after; });
  } else if (!paused() && full() && s_.overlap == Overlap::skip) {
    return skip(due, due, 1, busy());
  }
  take(std::move(made));
}

void Turn::want(const Wanted& wanted) {
  const auto known = [&](const Fire& fire) {
    return fire.cause == Fire::Cause::hand && fire.detail == wanted.request;
  };
  if (std::any_of(m_.waiting.begin(), m_.waiting.end(), known) ||
      std::any_of(m_.running.begin(), m_.running.end(),
                  [&](const auto& one) { return known(one.fire); }))
    return;
  if (m_.waiting.size() >= kWaitingMax) {
    decisions_.push_back(
        Refused{s_.id(), wanted.request, fmt::format("{} runs of it wait already", kWaitingMax)});
    return;
  }
  // Clocks are due at whole seconds: nothing by hand has the name of one.
  Time due = now_.time_since_epoch() % 1s == Duration(0) ? now_ + 1us : now_;
  if (m_.last_hand && *m_.last_hand >= due && *m_.last_hand < due + 1s) due = *m_.last_hand + 1us;
  m_.last_hand = due;
  Fire made = fire(due, Fire::Cause::hand, wanted.request);
  made.vars = wanted.vars;
  if (wanted.interval) {
    made.interval = *wanted.interval;
  } else if (const auto last = previous_due(s_, now_ + 1us)) {
    made.interval = {previous_due(s_, *last).value_or(*last), *last};
  }
  take(std::move(made));
}

// --- starting ------------------------------------------------------------------------------------

std::string Turn::missing(const Fire& fire) const {
  for (const auto& need : s_.needs) {
    const Time bound = need.bound(fire.interval);
    const auto found = world_.tables.find({s_.project, need.table});
    const bool known = found != world_.tables.end() && found->second.complete_to.has_value();
    if (known && *found->second.complete_to >= bound) continue;
    return need.table +
           (known ? " is complete to " + iso(*found->second.complete_to) + ", not to "
                  : std::string(" is not complete to ")) +
           iso(bound);
  }
  return {};
}

Turn::Ready Turn::look_at_needs(const Fire& fire) {
  if (fire.cause == Fire::Cause::hand || s_.needs.empty()) return Ready::yes;
  const std::string what = missing(fire);
  if (what.empty()) return Ready::yes;
  if (!s_.needs_timeout) return Ready::waits;
  const Time until = std::max(fire.since, fire.not_before) + *s_.needs_timeout;
  if (now_ < until) {
    wake_at(until);
    return Ready::waits;
  }
  const std::string reason = what + " after " + duration_text(*s_.needs_timeout);
  if (s_.otherwise == Otherwise::run) return Ready::yes;
  if (s_.otherwise == Otherwise::skip) {
    skip(fire.due, fire.due, 1, reason);
    give_back(fire.interval);
  } else {
    decisions_.push_back(Failed{fire, reason});
    failed_.push_back(fire);
  }
  let_go();
  return Ready::gone;
}

void Turn::give_back(const Interval& interval) {
  for (auto& fire : m_.waiting) {
    if (fire.cause == Fire::Cause::hand || fire.interval.start != interval.end) continue;
    fire.interval.start = interval.start;
    return;
  }
  if (m_.covered == interval.end) m_.covered = interval.start;
}

void Turn::let_go() {
  m_.last_end = now_;
  m_.last_failed = true;
}

void Turn::drop(Time due) {
  const auto one = std::find_if(m_.waiting.begin(), m_.waiting.end(),
                                [&](const Fire& fire) { return fire.due == due; });
  if (one == m_.waiting.end()) return;
  skip(due, due, 1, "canceled before it began");
  const Fire fire = *one;
  m_.waiting.erase(one);
  if (fire.cause == Fire::Cause::hand) return;
  let_go();
  give_back(fire.interval);
}

void Turn::set_paused(std::optional<bool> paused) {
  const bool before = this->paused();
  m_.paused = paused;
  if (!before || this->paused()) return;
  for (auto& fire : m_.waiting) fire.since = now_;  // time-outs begin anew
}

bool Turn::look_at_waiting(bool by_itself) {
  const size_t taken_up = active();
  std::stable_sort(m_.waiting.begin(), m_.waiting.end(),
                   [](const Fire& a, const Fire& b) { return a.due < b.due; });
  std::vector<Fire> kept;
  size_t wanting = 0;  // runs that could start if others made room
  for (auto& fire : m_.waiting) {
    const bool hand = fire.cause == Fire::Cause::hand;
    Ready ready = hand || by_itself ? Ready::yes : Ready::waits;
    if (ready == Ready::yes && fire.not_before > now_) {
      wake_at(fire.not_before);
      ready = Ready::waits;
    }
    if (ready == Ready::yes) ready = look_at_needs(fire);
    if (ready == Ready::yes && m_.running.size() < size_t(s_.max_active_runs)) {
      decisions_.push_back(Start{fire});
      m_.running.push_back({std::move(fire), now_});
    } else if (ready != Ready::gone) {
      if (ready == Ready::yes && !hand) ++wanting;
      kept.push_back(std::move(fire));
    }
  }
  m_.waiting = std::move(kept);
  if (s_.overlap != Overlap::replace) wanting = 0;
  for (auto& running : m_.running) {
    if (wanting == 0) break;
    --wanting;
    if (running.canceling) continue;
    running.canceling = true;
    decisions_.push_back(
        CancelRun{s_.id(), running.fire.due, "replaced by a run that is due later"});
  }
  return active() < taken_up;
}

void Turn::look_at_deadlines() {
  const auto look = [&](Fire& fire) {
    if (!fire.deadline || fire.late_told) return;
    if (now_ < *fire.deadline) return wake_at(*fire.deadline);
    fire.late_told = true;
    decisions_.push_back(DeadlineMissed{s_.id(), fire.due, *fire.deadline});
  };
  for (auto& fire : m_.waiting) look(fire);
  for (auto& running : m_.running) look(running.fire);
}

void Turn::look_at_triggers() {
  if (by_clock(s_.trigger)) look_at_clock();
  if (std::holds_alternative<AfterEnd>(s_.trigger)) look_at_end();
  if (std::holds_alternative<Freshness>(s_.trigger)) look_at_freshness();
  if (std::holds_alternative<OnChange>(s_.trigger)) look_at_changes();
  if (std::holds_alternative<OnSensor>(s_.trigger)) look_at_sensors();
}

void Turn::look(bool by_itself) {
  const bool fires = by_itself && !paused();
  if (std::holds_alternative<OnChange>(s_.trigger)) note_tables();
  if (fires) look_at_triggers();
  // What is gone makes room for what waits behind it.
  if (look_at_waiting(fires) && fires) {
    look_at_triggers();
    look_at_waiting(fires);
  }
  look_at_deadlines();
}

}  // namespace windrow::schedule
