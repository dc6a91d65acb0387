#include <gtest/gtest.h>

#include <cstdlib>
#include <queue>
#include <random>

#include "schedule/memory.h"
#include "schedule/scheduler.h"

// Weeks and years of many schedules in many zones: runs of random length that fail, processes that
// die between deciding and doing, clocks that jump, files that are edited. What a seed finds it
// finds again: WINDROW_SIMULATION="SEED SCHEDULES DAYS" runs that one alone.
namespace windrow::schedule {
namespace {

using namespace std::chrono_literals;

const char* const kZones[] = {"UTC",
                              "Europe/Berlin",
                              "Europe/London",
                              "Europe/Dublin",
                              "Europe/Lisbon",
                              "Europe/Istanbul",
                              "Europe/Moscow",
                              "Europe/Chisinau",
                              "America/New_York",
                              "America/Chicago",
                              "America/Denver",
                              "America/Phoenix",
                              "America/Los_Angeles",
                              "America/Anchorage",
                              "America/Halifax",
                              "America/St_Johns",
                              "America/Sao_Paulo",
                              "America/Santiago",
                              "America/Asuncion",
                              "America/Havana",
                              "America/Mexico_City",
                              "America/Godthab",
                              "Africa/Cairo",
                              "Africa/Casablanca",
                              "Africa/Johannesburg",
                              "Africa/Lagos",
                              "Asia/Tokyo",
                              "Asia/Shanghai",
                              "Asia/Kolkata",
                              "Asia/Kathmandu",
                              "Asia/Tehran",
                              "Asia/Beirut",
                              "Asia/Jerusalem",
                              "Asia/Gaza",
                              "Australia/Sydney",
                              "Australia/Adelaide",
                              "Australia/Lord_Howe",
                              "Pacific/Auckland",
                              "Pacific/Chatham",
                              "Pacific/Apia"};

const Time kBegin = *parse_time("2026-02-20T00:00Z");

struct Plan {
  uint64_t seed = 1;
  int schedules = 30, days = 40;
  bool jumps = true;
  double crash = 0.01;  ///< of a step
};

class Simulation {
 public:
  explicit Simulation(const Plan& plan) : plan_(plan), random_(plan.seed) {
    for (int i = 0; i < plan.schedules; ++i) declared_.push_back(some_schedule(i));
    for (int i = 0; i < 5; ++i) push(Event::commit, kBegin + some(1min, 2h), i);
    push(Event::poke, kBegin + some(1h, 12h));
    if (plan.jumps) push(Event::jump, kBegin + some(1h, 240h));
  }

  void run() {
    start_process();
    const Time end = kBegin + plan_.days * 24h;
    while (true) {
      // The process looks when it said it would, a little late, or when something happens.
      std::optional<Time> wake;
      if (alive_ && wake_) wake = std::max(true_now_, *wake_ - offset_) + some(0us, 2s);
      const bool event = !events_.empty() && (!wake || events_.top().at <= *wake);
      if (!event && !wake) break;
      const Time next = event ? events_.top().at : *wake;
      if (next > end) break;
      true_now_ = std::max(true_now_, next);
      if (event) {
        const Event one = events_.top();
        events_.pop();
        happen(one);
      } else {
        step();
      }
      if (::testing::Test::HasFatalFailure()) {
        ADD_FAILURE() << "seed " << plan_.seed << " at " << iso(true_now_) << ", clock "
                      << iso(wall());
        return;
      }
    }
    may_crash_ = false;
    if (!alive_) start_process();
    step();
    check_end();
  }

  size_t starts() const { return starts_; }
  size_t crashes() const { return crashes_; }
  size_t skips() const { return skips_; }
  size_t jumps() const { return jumps_; }

 private:
  struct Event {
    enum Kind { over, commit, poke, jump, restart } kind;
    Time at;
    int which = 0;  ///< table
    std::string schedule;
    Time due{};
    bool operator<(const Event& o) const { return at > o.at; }
  };
  struct Run {
    Fire fire;
    Time began;
    std::optional<Time> ended;  ///< on the clock of then
    RunEnded::Outcome outcome = RunEnded::Outcome::success;
    bool began_really = false, told = false;
  };
  /// What happened to one schedule, over all that was recorded.
  struct Life {
    std::map<Time, Run> runs;
    std::vector<Skipped> skipped;
    std::vector<Time> failed;
    size_t running = 0;
    Time first_seen{};
    bool edited = false, by_hand = false;
    std::set<std::string> parents;
  };

  // --- chance ------------------------------------------------------------------------------------

  uint64_t some(uint64_t below) { return random_() % below; }
  Duration some(Duration least, Duration most) {
    return least + Duration(int64_t(random_() % uint64_t((most - least).count() + 1)));
  }
  bool chance(double p) { return double(random_() >> 11) * 0x1p-53 < p; }

  Trigger some_trigger(int i) {
    switch (some(i < 3 ? 4 : 10)) {
      case 0: return Every{Duration(some(12) * 1h + 1h), Duration(some(60) * 1min)};
      case 1: return Every{Duration(some(4) * 25min + 25min), 0min};
      case 2:
      case 3:
      case 4: {
        static const char* const kCrons[] = {
            "30 2 * * *",      "*/30 1-3 * * *", "0 * * * *",      "15 0 * * *",
            "0 6 * * MON-FRI", "0 0 L * *",      "0 12 15W * *",   "0 3 * * SUN#2",
            "5,35 2,14 * * *", "0 0 1 */2 *",    "45 59 23 * * *", "*/20 0-4 * * SAT,SUN"};
        OnCron out{{Cron::parse(kCrons[some(std::size(kCrons))])}};
        if (chance(0.2)) out.expressions.push_back(Cron::parse(kCrons[some(std::size(kCrons))]));
        return out;
      }
      case 5: return AfterEnd{some(10min, 6h)};
      case 6: return OnChange{{table(int(some(5))), table(int(some(5)))}};
      case 7: return Freshness{some(1h, 12h)};
      case 8: return OnSensor{{"sensor" + std::to_string(some(5))}};
      default:
        return AfterSchedule{"p/s" + std::to_string(some(uint64_t(i))), some(0h, 3h), chance(0.3)};
    }
  }
  static std::string table(int i) { return "bronze.t" + std::to_string(i); }

  Schedule some_schedule(int i) {
    Schedule out;
    out.project = "p";
    out.name = "s" + std::to_string(i);
    out.trigger = some_trigger(i);
    out.zone = Zone(kZones[some(std::size(kZones))]);
    out.catchup = CatchUp(some(3));
    out.overlap = Overlap(some(3));
    out.max_active_runs = int(1 + some(3));
    if (chance(0.2)) out.jitter = some(1min, 20min);
    if (chance(0.2)) out.deadline = some(10min, 2h);
    if (chance(0.15)) {
      CalendarUse use;
      use.days = CalendarUse::Days(some(3));
      if (chance(0.3)) {
        use.calendar.hours = {8h, 20h};
        use.business_hours = true;
      }
      out.calendar = use;
    }
    if (by_clock(out.trigger) && !next_due(out, kBegin)) out.calendar.reset();  // never due
    if (chance(0.2)) {
      out.needs = {{table(int(some(5))), chance(0.3), -some(0h, 2h), {}}};
      if (chance(0.9)) out.needs_timeout = some(10min, 5h);
      out.otherwise = Otherwise(some(3));
    }
    if (chance(0.1)) out.start = kBegin - some(0h, 100h);
    if (chance(0.1)) out.end = kBegin + some(100h, 1000h);
    return out;
  }

  // --- the world ---------------------------------------------------------------------------------

  Time wall() const { return true_now_ + offset_; }
  void push(Event::Kind kind, Time at, int which = 0, std::string schedule = {}, Time due = {}) {
    events_.push({kind, at, which, std::move(schedule), due});
  }
  const Schedule* declared(const std::string& id) const {
    for (const auto& one : declared_) {
      if (one.id() == id) return &one;
    }
    return nullptr;
  }

  void happen(const Event& event) {
    switch (event.kind) {
      case Event::over: {
        Run& run = lives_[event.schedule].runs.at(event.due);
        if (run.ended) return;
        run.ended = wall();
        if (run.outcome == RunEnded::Outcome::success && chance(0.1))
          run.outcome = RunEnded::Outcome::failure;
        if (!alive_) return;  // told after the restart
        return step({told(event.schedule, run)});
      }
      case Event::commit: {
        auto& seen = tables_[event.which];
        seen = TableSeen{{"p", table(event.which)}, seen.version + 1, wall() - some(0h, 2h)};
        push(Event::commit, true_now_ + some(1min, 10h), event.which);
        if (alive_) step({seen});
        return;
      }
      case Event::poke: return poke();
      case Event::jump: return jump(event.which);
      case Event::restart: return start_process();
    }
  }

  RunEnded told(const std::string& id, Run& run) {
    pending_told_.emplace_back(id, run.fire.due);
    return {id, run.fire.due, run.outcome, run.began, *run.ended};
  }

  /// A person: pauses, wants a run, edits, or a sensor sees something.
  void poke() {
    push(Event::poke, true_now_ + some(1h, 24h));
    Schedule& schedule = declared_[some(declared_.size())];
    const std::string id = schedule.id();
    switch (some(6)) {
      case 0:
        if (alive_) step({PauseSet{id, chance(0.5)}});
        return;
      case 1:
        if (alive_) step({PauseSet{id, {}}});
        return;
      case 2: {
        lives_[id].by_hand = true;
        if (alive_) step({Wanted{id, "request " + std::to_string(++requests_), {}, {}}});
        return;
      }
      case 3: {
        lives_[id].edited = true;
        const int i = std::stoi(schedule.name.substr(1));
        schedule = some_schedule(i);
        schedule.start.reset();
        if (alive_) declare(), step();
        return;
      }
      case 4:
        sensors_["sensor" + std::to_string(some(5))] = "saw " + std::to_string(++requests_);
        if (alive_) step(as_it_is());
        return;
      default:
        if (alive_ && !scheduler_.in_flight().empty()) {
          // Somebody cancels a run.
          const auto flight = scheduler_.in_flight();
          const Fire& fire = flight[some(flight.size())];
          cancel(fire.schedule, fire.due);
        }
    }
  }

  void jump(int back) {
    if (back != 0) {
      offset_ = 0us;
      push(Event::jump, true_now_ + some(1h, 500h));
    } else {
      ++jumps_;
      static constexpr Duration kJumps[] = {3min, -3min, 1h, -1h, 26h, -26h, 365 * 24h, -365 * 24h};
      // A year of minutes to catch up with takes a while.
      offset_ = kJumps[some(chance(0.2) ? 8 : 6)];
      push(Event::jump, true_now_ + some(1min, 5h), 1);
    }
    if (alive_) step();
  }

  void cancel(const std::string& id, Time due) {
    Run& run = lives_[id].runs.at(due);
    if (run.ended) return;
    run.outcome = RunEnded::Outcome::canceled;
    push(Event::over, true_now_ + some(0s, 1min), 0, id, due);
  }

  // --- the process -------------------------------------------------------------------------------

  void declare() {
    scheduler_.declare("p", declared_);
    for (const auto& schedule : declared_) {
      if (!lives_.contains(schedule.id()) || lives_[schedule.id()].first_seen == Time{})
        lives_[schedule.id()].first_seen = wall();
    }
  }

  std::vector<Observation> as_it_is() const {
    std::vector<Observation> out;
    for (const auto& [i, seen] : tables_) out.push_back(seen);
    for (const auto& [name, token] : sensors_) out.push_back(SensorSeen{"p", name, token});
    return out;
  }

  void start_process() {
    std::vector<Memory> memories;
    for (const auto& [id, text] : disk_) memories.push_back(read_memory(text));
    scheduler_ = Scheduler(std::move(memories), disk_last_step_);
    declare();
    alive_ = true;
    auto observations = as_it_is();
    for (const auto& fire : scheduler_.in_flight()) {
      Run& run = lives_[fire.schedule].runs.at(fire.due);
      if (!run.began_really) begin(fire);
      if (run.ended) observations.push_back(told(fire.schedule, run));
    }
    step(observations);
  }

  void die() {
    ++crashes_;
    alive_ = false;
    pending_told_.clear();
    push(Event::restart, true_now_ + (chance(0.8) ? some(1s, 10min) : some(10min, 40h)));
  }

  void step(const std::vector<Observation>& observations = {}) {
    const Step step = scheduler_.step(wall(), observations);
    wake_ = step.wake;
    ASSERT_TRUE(!step.wake || *step.wake > wall());
    if (may_crash_ && chance(plan_.crash)) return die();  // before anything was written
    // One transaction.
    for (const auto& memory : step.changed) disk_[memory.schedule] = text(memory);
    disk_last_step_ = step.now;
    for (const auto& [id, due] : pending_told_) {
      lives_[id].runs.at(due).told = true;
      --lives_[id].running;
      note_followers(id, due);
    }
    pending_told_.clear();
    for (const auto& decision : step.decisions)
      std::visit([this](const auto& one) { record(one); }, decision);
    if (::testing::Test::HasFatalFailure()) return;
    if (may_crash_ && chance(plan_.crash)) return die();  // written, and not done
    for (const auto& decision : step.decisions) {
      if (const auto* start = std::get_if<Start>(&decision)) begin(start->fire);
      if (const auto* one = std::get_if<CancelRun>(&decision)) cancel(one->schedule, one->due);
    }
  }

  void record(const Start& start) {
    const std::string& id = start.fire.schedule;
    const Schedule* schedule = declared(id);
    Life& life = lives_[id];
    ++starts_;
    ASSERT_TRUE(schedule) << id;
    ASSERT_TRUE(life.runs.emplace(start.fire.due, Run{start.fire, wall(), {}}).second)
        << id << " runs twice at " << iso(start.fire.due);
    ++life.running;
    ASSERT_TRUE(life.edited || life.running <= size_t(schedule->max_active_runs)) << id;
    const auto status = scheduler_.status(id);
    const bool hand = start.fire.cause == Fire::Cause::hand;
    ASSERT_TRUE(hand || !status->paused) << id;
    ASSERT_LE(start.fire.interval.start, start.fire.interval.end) << id;
    if (!plan_.jumps && !life.edited) {
      ASSERT_GE(wall(), start.fire.due + (hand ? -1us : jitter_of(*schedule, start.fire.due)))
          << id;
      ASSERT_TRUE(!by_clock(schedule->trigger) || hand ||
                  start.fire.interval.end == start.fire.due);
    }
    if (!hand && !life.edited && schedule->otherwise != Otherwise::run) {
      for (const auto& need : schedule->needs) {
        for (const auto& [i, seen] : tables_) {
          if (seen.name.table != need.table) continue;
          ASSERT_GE(*seen.complete_to, need.bound(start.fire.interval)) << id;
        }
      }
    }
  }
  void record(const Skipped& skipped) {
    ++skips_;
    ASSERT_FALSE(skipped.reason.empty());
    ASSERT_LE(skipped.first, skipped.last);
    lives_[skipped.schedule].skipped.push_back(skipped);
  }
  void record(const Failed& failed) {
    lives_[failed.fire.schedule].failed.push_back(failed.fire.due);
  }
  void record(const CancelRun& one) {
    ASSERT_TRUE(lives_[one.schedule].runs.contains(one.due));
    ASSERT_FALSE(lives_[one.schedule].runs.at(one.due).told);
  }
  void record(const DeadlineMissed& missed) {
    ASSERT_TRUE(told_late_.emplace(missed.schedule, missed.due).second) << missed.schedule;
  }
  void record(const Refused&) {}

  void begin(const Fire& fire) {
    Run& run = lives_[fire.schedule].runs.at(fire.due);
    ASSERT_FALSE(run.began_really);
    run.began_really = true;
    run.began = wall();
    push(Event::over, true_now_ + (chance(0.9) ? some(1s, 30min) : some(1h, 10h)), 0, fire.schedule,
         fire.due);
  }

  /// A run that ended well is one due time of each that follows.
  void note_followers(const std::string& id, Time due) {
    const Run& run = lives_[id].runs.at(due);
    for (const auto& schedule : declared_) {
      const auto* after = std::get_if<AfterSchedule>(&schedule.trigger);
      if (!after || after->schedule != id || lives_[schedule.id()].edited) continue;
      if (schedule.end || schedule.start) continue;
      if (run.outcome != RunEnded::Outcome::success && !after->any_end) continue;
      followed_.emplace_back(schedule.id(), id + " of " + iso(due), *run.ended + after->delay);
    }
  }

  // --- what must hold in the end -----------------------------------------------------------------

  bool was_skipped(const Life& life, Time due) const {
    for (const auto& one : life.skipped) {
      if (one.first <= due && due <= one.last) return true;
    }
    return std::find(life.failed.begin(), life.failed.end(), due) != life.failed.end();
  }

  void check_end() {
    if (::testing::Test::HasFatalFailure()) return;
    for (const auto& schedule : declared_) {
      const std::string id = schedule.id();
      const Life& life = lives_[id];
      const auto status = scheduler_.status(id);
      ASSERT_TRUE(status) << id;
      if (!life.edited && by_clock(schedule.trigger)) check_due_times(schedule, life, *status);
      check_intervals(schedule, life);
      const bool idle = status->memory->running.empty() && status->memory->waiting.empty();
      if (status->paused || schedule.calendar || schedule.end || !idle) continue;
      if (const auto* change = std::get_if<OnChange>(&schedule.trigger)) {
        for (const auto& name : change->tables) {
          for (const auto& [i, seen] : tables_) {
            if (seen.name.table != name) continue;
            ASSERT_EQ(status->memory->versions.at(name), seen.version);
          }
        }
      }
      if (std::holds_alternative<AfterEnd>(schedule.trigger) ||
          std::holds_alternative<Freshness>(schedule.trigger)) {
        ASSERT_TRUE(status->next) << id;
        ASSERT_GT(*status->next, wall()) << id;
        ASSERT_LT(*status->next, wall() + 13h) << id;
      }
    }
    for (const auto& [id, parent, due] : followed_) {
      if (lives_[id].edited) continue;
      const Life& life = lives_[id];
      const Memory& memory = *scheduler_.status(id)->memory;
      size_t found = 0;
      for (const auto& [at, run] : life.runs) found += run.fire.detail == parent;
      for (const auto& fire : memory.waiting) found += fire.detail == parent;
      if (found == 0) {
        // Skipped at its due time, or a few microseconds after where that name was taken.
        for (const auto& one : life.skipped) found += due <= one.first && one.first < due + 1ms;
        found = std::min<size_t>(found, 1);
        for (const Time t : life.failed) found += due <= t && t < due + 1ms;
        found = std::min<size_t>(found, 1);
      }
      ASSERT_LE(found, 1u) << id << " after " << parent;
      ASSERT_TRUE(plan_.jumps || found == 1) << id << " after " << parent;
    }
  }

  void check_due_times(const Schedule& schedule, const Life& life, const Status& status) {
    const std::string id = schedule.id();
    const Memory& memory = *status.memory;
    const Time begin = schedule.catchup == CatchUp::all && schedule.start
                           ? std::min(*schedule.start - 1us, life.first_seen)
                           : life.first_seen;
    for (auto due = next_due(schedule, begin); due && *due <= *memory.settled;
         due = next_due(schedule, *due)) {
      const bool waits = std::any_of(memory.waiting.begin(), memory.waiting.end(),
                                     [&](const Fire& fire) { return fire.due == *due; });
      const bool ran = life.runs.contains(*due), skipped = was_skipped(life, *due);
      ASSERT_TRUE(ran || skipped || waits) << id << " lost " << iso(*due);
      ASSERT_TRUE(plan_.jumps || int(ran) + int(skipped) + int(waits) == 1) << id << iso(*due);
    }
    for (const auto& [due, run] : life.runs) {
      if (run.fire.cause != Fire::Cause::clock) continue;
      ASSERT_EQ(next_due(schedule, due - 1us), due) << id << " was not due " << iso(due);
    }
    if (status.paused) return;
    const Time looked = status.behind ? *memory.accepted : *memory.settled;
    const auto next = next_due(schedule, looked);
    ASSERT_TRUE(!next || *next > wall()) << id << " was forgotten at " << iso(*next);
  }

  void check_intervals(const Schedule& schedule, const Life& life) {
    if (plan_.jumps || life.edited || schedule.catchup == CatchUp::none) return;
    if (!by_clock(schedule.trigger)) return;
    // A run that failed for its needs lies between.
    std::optional<Time> end;
    for (const auto& [due, run] : life.runs) {
      if (run.fire.cause != Fire::Cause::clock) continue;
      const bool between = end && run.fire.interval.start > *end;
      ASSERT_TRUE(!between ||
                  std::count(life.failed.begin(), life.failed.end(), run.fire.interval.start) > 0)
          << schedule.id() << " left out what was before " << iso(run.fire.interval.start);
      end = run.fire.interval.end;
    }
  }

  const Plan plan_;
  std::mt19937_64 random_;
  std::vector<Schedule> declared_;
  std::priority_queue<Event> events_;
  Time true_now_ = kBegin;
  Duration offset_{};
  std::map<int, TableSeen> tables_;
  std::map<std::string, std::string> sensors_;
  int requests_ = 0;

  Scheduler scheduler_;
  bool alive_ = false, may_crash_ = true;
  std::optional<Time> wake_;
  std::map<std::string, std::string> disk_;
  std::optional<Time> disk_last_step_;

  std::map<std::string, Life> lives_;
  std::vector<std::pair<std::string, Time>> pending_told_;
  std::vector<std::tuple<std::string, std::string, Time>> followed_;
  std::set<std::pair<std::string, Time>> told_late_;
  size_t starts_ = 0, skips_ = 0, crashes_ = 0, jumps_ = 0;
};

void simulate(const Plan& plan) {
  Simulation simulation(plan);
  simulation.run();
  const std::string what =
      "seed " + std::to_string(plan.seed) + ": " + std::to_string(simulation.starts()) + " runs, " +
      std::to_string(simulation.skips()) + " skipped, " + std::to_string(simulation.crashes()) +
      " crashes, " + std::to_string(simulation.jumps()) + " jumps";
  if (std::getenv("WINDROW_SIMULATION")) std::printf("%s\n", what.c_str());
  if (::testing::Test::HasFatalFailure()) ADD_FAILURE() << what;
}

TEST(Simulation, SomeWeeks) {
  if (const char* asked = std::getenv("WINDROW_SIMULATION")) {
    Plan plan;
    ASSERT_EQ(std::sscanf(asked, "%lu %d %d", &plan.seed, &plan.schedules, &plan.days), 3);
    plan.jumps = plan.seed % 2 == 0;
    return simulate(plan);
  }
  for (uint64_t seed = 1; seed <= 6 && !HasFatalFailure(); ++seed) {
    Plan plan;
    plan.seed = seed;
    plan.jumps = seed % 2 == 0;
    simulate(plan);
  }
}

}  // namespace
}  // namespace windrow::schedule
