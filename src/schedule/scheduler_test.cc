#include "schedule/scheduler.h"

#include <gtest/gtest.h>

#include "schedule/memory.h"

namespace windrow::schedule {
namespace {

using namespace std::chrono_literals;

Time at(std::string_view text) { return *parse_time(text); }
std::string shown(Time t) { return iso(t).substr(5, t.time_since_epoch() % 1min == 0us ? 11 : 14); }

/// A scheduler with one project `p`, and what it decided as text.
class World {
 public:
  explicit World(std::vector<Schedule> schedules) { declare(std::move(schedules)); }

  void declare(std::vector<Schedule> schedules) {
    declared_ = schedules;
    scheduler.declare("p", std::move(schedules));
  }
  std::string step(std::string_view now, const std::vector<Observation>& observations = {}) {
    return step(at(now), observations);
  }
  std::string step(Time now, const std::vector<Observation>& observations = {}) {
    now_ = now;
    const Step step = scheduler.step(now, observations);
    for (const auto& memory : step.changed) memories[memory.schedule] = text(memory);
    wake = step.wake;
    std::string out;
    for (const auto& decision : step.decisions)
      out += (out.empty() ? "" : "; ") + std::visit([](const auto& d) { return say(d); }, decision);
    return out;
  }
  /// The process dies; another one begins with what was kept.
  void restart() {
    std::vector<Memory> kept;
    for (const auto& [id, text] : memories) kept.push_back(read_memory(text));
    scheduler = Scheduler(std::move(kept), now_);
    scheduler.declare("p", declared_);
  }
  static RunEnded over(std::string_view due, std::string_view ended, const std::string& name = "s",
                       RunEnded::Outcome outcome = RunEnded::Outcome::success) {
    return {"p/" + name, at(due), outcome, at(due), at(ended)};
  }

  Scheduler scheduler;
  std::map<std::string, std::string> memories;
  std::optional<Time> wake;

 private:
  static std::string say(const Start& d) {
    return "start " + d.fire.schedule.substr(2) + " " + shown(d.fire.due) + " [" +
           shown(d.fire.interval.start) + ", " + shown(d.fire.interval.end) + ")" +
           (d.fire.detail.empty() ? "" : " " + d.fire.detail);
  }
  static std::string say(const Skipped& d) {
    return "skip " + shown(d.first) + (d.count == 1 ? "" : ".." + shown(d.last)) + " (" +
           std::to_string(d.count) + ": " + d.reason + ")";
  }
  static std::string say(const Failed& d) { return "fail " + shown(d.fire.due) + ": " + d.reason; }
  static std::string say(const CancelRun& d) { return "cancel " + shown(d.due); }
  static std::string say(const DeadlineMissed& d) { return "late " + shown(d.due); }
  static std::string say(const Refused& d) { return "refused " + d.request + ": " + d.reason; }

  std::vector<Schedule> declared_;
  Time now_{};
};

Schedule hourly(const std::string& name = "s") {
  Schedule out;
  out.project = "p";
  out.name = name;
  out.trigger = OnCron{{Cron::parse("0 * * * *")}};
  return out;
}
Schedule by(Trigger trigger, const std::string& name = "s") {
  Schedule out = hourly(name);
  out.trigger = std::move(trigger);
  return out;
}

TEST(Scheduler, EachDueTimeOnce) {
  World world({hourly()});
  EXPECT_EQ(world.step("2026-01-01T00:30Z"), "");
  EXPECT_EQ(world.wake, at("2026-01-01T01:00Z"));
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "start s 01-01T01:00 [01-01T00:00, 01-01T01:00)");
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "");
  world.restart();
  EXPECT_EQ(world.step("2026-01-01T01:10Z"), "");
  ASSERT_EQ(world.scheduler.in_flight().size(), 1u);
  EXPECT_EQ(
      world.step("2026-01-01T01:20Z", {World::over("2026-01-01T01:00Z", "2026-01-01T01:20Z")}), "");
  EXPECT_TRUE(world.scheduler.in_flight().empty());
  EXPECT_EQ(world.step("2026-01-01T02:00:00.5Z"), "start s 01-01T02:00 [01-01T01:00, 01-01T02:00)");
}

TEST(Scheduler, WhatACrashBeforeTheRecordLosesIsDecidedAgain) {
  World world({hourly()});
  world.step("2026-01-01T00:30Z");
  const auto kept = world.memories;
  EXPECT_NE(world.step("2026-01-01T01:00Z"), "");
  world.memories = kept;
  world.restart();
  EXPECT_EQ(world.step("2026-01-01T01:00:02Z"), "start s 01-01T01:00 [01-01T00:00, 01-01T01:00)");
}

TEST(Scheduler, CatchUp) {
  Schedule schedule = hourly();
  const auto after_a_night = [&](CatchUp rule) {
    schedule.catchup = rule;
    schedule.max_active_runs = 3;
    World world({schedule});
    world.step("2026-01-01T00:30Z");
    world.restart();
    const std::string out = world.step("2026-01-01T05:30Z");
    return out + " | " + world.step("2026-01-01T06:00Z");
  };
  EXPECT_EQ(
      after_a_night(CatchUp::latest),
      "skip 01-01T01:00..01-01T04:00 (4: missed: nobody looked when it was due, and a later one "
      "runs); start s 01-01T05:00 [01-01T00:00, 01-01T05:00) | start s 01-01T06:00 "
      "[01-01T05:00, 01-01T06:00)");
  EXPECT_EQ(after_a_night(CatchUp::none),
            "skip 01-01T01:00..01-01T05:00 (5: missed: nobody looked when it was due) | start s "
            "01-01T06:00 [01-01T05:00, 01-01T06:00)");
  EXPECT_EQ(after_a_night(CatchUp::all),
            "start s 01-01T01:00 [01-01T00:00, 01-01T01:00); start s 01-01T02:00 [01-01T01:00, "
            "01-01T02:00); start s 01-01T03:00 [01-01T02:00, 01-01T03:00) | ");
}

TEST(Scheduler, CatchUpFromTheBeginning) {
  Schedule schedule = hourly();
  schedule.catchup = CatchUp::all;
  schedule.start = at("2025-12-31T23:00Z");
  schedule.end = at("2026-01-01T01:00Z");
  World world({schedule});
  EXPECT_EQ(world.step("2026-01-01T05:30Z"), "start s 12-31T23:00 [12-31T22:00, 12-31T23:00)");
  EXPECT_EQ(
      world.step("2026-01-01T05:31Z", {World::over("2025-12-31T23:00Z", "2026-01-01T05:31Z")}),
      "start s 01-01T00:00 [12-31T23:00, 01-01T00:00)");
  EXPECT_EQ(
      world.step("2026-01-01T05:32Z", {World::over("2026-01-01T00:00Z", "2026-01-01T05:32Z")}), "");
  EXPECT_FALSE(world.wake);
}

TEST(Scheduler, Overlap) {
  Schedule schedule = hourly();
  const auto while_one_runs = [&](Overlap rule) {
    schedule.overlap = rule;
    World world({schedule});
    world.step("2026-01-01T00:30Z");
    world.step("2026-01-01T01:00Z");
    std::string out = world.step("2026-01-01T02:00Z");
    out += " | " + world.step("2026-01-01T03:00Z");
    world.restart();
    out += " | " +
           world.step("2026-01-01T03:10Z", {World::over("2026-01-01T01:00Z", "2026-01-01T03:10Z")});
    out += " | " +
           world.step("2026-01-01T03:20Z", {World::over("2026-01-01T02:00Z", "2026-01-01T03:20Z")});
    return out + " | " + world.step("2026-01-01T04:00Z");
  };
  EXPECT_EQ(
      while_one_runs(Overlap::queue),
      " |  | start s 01-01T02:00 [01-01T01:00, 01-01T02:00) | start s 01-01T03:00 [01-01T02:00, "
      "01-01T03:00) | ");
  EXPECT_EQ(
      while_one_runs(Overlap::skip),
      "skip 01-01T02:00 (1: a run goes on) | skip 01-01T03:00 (1: a run goes on) |  |  | start s "
      "01-01T04:00 [01-01T01:00, 01-01T04:00)");
  EXPECT_EQ(while_one_runs(Overlap::replace),
            "cancel 01-01T01:00 | skip 01-01T02:00 (1: replaced by the run that was due "
            "2026-01-01T03:00:00Z) | start s 01-01T03:00 [01-01T01:00, 01-01T03:00) |  | cancel "
            "01-01T03:00");
}

TEST(Scheduler, TheClockGoesBack) {
  Schedule schedule = hourly();
  World world({schedule});
  world.step("2026-01-01T00:30Z");
  // A year too far: the last due time runs.
  EXPECT_EQ(world.step("2027-01-01T00:30Z").substr(0, 30), "skip 01-01T01:00..12-31T23:00 ");
  world.step("2027-01-01T00:31Z", {World::over("2027-01-01T00:00Z", "2027-01-01T00:31Z")});
  EXPECT_EQ(world.step("2026-01-01T00:32Z"), "");
  EXPECT_EQ(world.wake, at("2026-01-01T01:00Z"));
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "start s 01-01T01:00 [01-01T00:00, 01-01T01:00)");
  world.step("2026-01-01T01:05Z", {World::over("2026-01-01T01:00Z", "2026-01-01T01:05Z")});
  // By a few minutes: what has run does not run again.
  EXPECT_EQ(world.step("2026-01-01T00:55Z"), "");
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "");
  EXPECT_EQ(world.step("2026-01-01T02:00Z"), "start s 01-01T02:00 [01-01T01:00, 01-01T02:00)");
}

TEST(Scheduler, AfterAnEnd) {
  World world({by(AfterEnd{1h})});
  EXPECT_EQ(world.step("2026-01-01T00:30Z"), "start s 01-01T00:30 [01-01T00:30, 01-01T00:30)");
  EXPECT_EQ(world.step("2026-01-01T02:00Z", {World::over("2026-01-01T00:30Z", "2026-01-01T02:00Z",
                                                         "s", RunEnded::Outcome::failure)}),
            "");
  EXPECT_EQ(world.wake, at("2026-01-01T03:00Z"));
  EXPECT_EQ(world.step("2026-01-01T03:00Z"), "start s 01-01T03:00 [01-01T00:30, 01-01T03:00)");
}

TEST(Scheduler, AfterAnotherSchedule) {
  World world({hourly("ingest"), by(AfterSchedule{"p/ingest", 30min}, "transform"),
               by(AfterSchedule{"p/transform", 1h}, "aggregate"),
               by(AfterSchedule{"p/ingest", 0min, true}, "tidy")});
  EXPECT_TRUE(world.scheduler.problems().empty());
  world.step("2026-01-01T00:30Z");
  world.step("2026-01-01T01:00Z");
  EXPECT_EQ(world.step("2026-01-01T01:10Z",
                       {World::over("2026-01-01T01:00Z", "2026-01-01T01:10Z", "ingest")}),
            "start tidy 01-01T01:10 [01-01T00:00, 01-01T01:00) p/ingest of 2026-01-01T01:00:00Z");
  world.restart();
  EXPECT_EQ(
      world.step("2026-01-01T01:40Z"),
      "start transform 01-01T01:40 [01-01T00:00, 01-01T01:00) p/ingest of 2026-01-01T01:00:00Z");
  world.step("2026-01-01T01:50Z",
             {World::over("2026-01-01T01:40Z", "2026-01-01T01:50Z", "transform")});
  EXPECT_EQ(world.wake, at("2026-01-01T02:00Z"));
  EXPECT_EQ(world.step("2026-01-01T02:50Z"),
            "start ingest 01-01T02:00 [01-01T01:00, 01-01T02:00); start aggregate 01-01T02:50 "
            "[01-01T00:00, 01-01T01:00) p/transform of 2026-01-01T01:40:00Z");
}

TEST(Scheduler, CirclesAndWhatIsNotThere) {
  World world({by(AfterSchedule{"p/b", 0min}, "a"), by(AfterSchedule{"p/a", 0min}, "b"),
               by(AfterSchedule{"q/x", 0min}, "c"), hourly("d")});
  const auto problems = world.scheduler.problems();
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].message, "schedule \"c\" follows \"q/x\", which is not there");
  EXPECT_EQ(problems[1].message,
            "schedules follow each other in a circle: p/a after p/b after p/a");
  world.step("2026-01-01T00:30Z");
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "start d 01-01T01:00 [01-01T00:00, 01-01T01:00)");
  Schedule x = hourly("x");
  x.project = "q";
  world.scheduler.declare("q", {x});
  EXPECT_EQ(world.scheduler.problems().size(), 1u);
}

TEST(Scheduler, OnChange) {
  const auto table = [](int64_t version) { return TableSeen{{"p", "bronze.events"}, version, {}}; };
  World world({by(OnChange{{"bronze.events"}})});
  EXPECT_EQ(world.scheduler.tables_watched().size(), 1u);
  EXPECT_EQ(world.step("2026-01-01T00:30Z", {table(7)}), "");
  EXPECT_EQ(world.step("2026-01-01T00:31Z", {table(7)}), "");
  EXPECT_EQ(world.step("2026-01-01T00:32Z", {table(8)}),
            "start s 01-01T00:32 [01-01T00:30, 01-01T00:32) bronze.events: version 8");
  EXPECT_EQ(world.step("2026-01-01T00:33Z", {table(9)}), "");
  EXPECT_EQ(world.step("2026-01-01T00:34Z", {table(10)}), "");
  world.restart();
  EXPECT_EQ(world.step("2026-01-01T00:35Z", {table(10)}), "");
  EXPECT_EQ(
      world.step("2026-01-01T00:36Z", {World::over("2026-01-01T00:32Z", "2026-01-01T00:36Z")}),
      "start s 01-01T00:36 [01-01T00:32, 01-01T00:36) bronze.events: version 10");
}

TEST(Scheduler, Sensors) {
  World world({by(OnSensor{{"inbox"}})});
  EXPECT_EQ(world.step("2026-01-01T00:30Z", {SensorSeen{"p", "inbox", ""}}), "");
  EXPECT_EQ(world.step("2026-01-01T00:31Z", {SensorSeen{"p", "inbox", "a.csv"}}),
            "start s 01-01T00:31 [01-01T00:30, 01-01T00:31) inbox");
  EXPECT_EQ(world.step("2026-01-01T00:32Z", {SensorSeen{"p", "inbox", "a.csv"}}), "");
}

TEST(Scheduler, Freshness) {
  World world({by(Freshness{2h})});
  EXPECT_EQ(world.step("2026-01-01T00:00Z"), "start s 01-01T00:00 [01-01T00:00, 01-01T00:00)");
  // It took half an hour, so the next one begins half an hour before what it builds is too old.
  world.step("2026-01-01T00:30Z", {World::over("2026-01-01T00:00Z", "2026-01-01T00:30Z")});
  EXPECT_EQ(world.wake, at("2026-01-01T01:30Z"));
  world.step("2026-01-01T01:00Z", {FreshSeen{"p/s", at("2026-01-01T01:00Z")}});
  EXPECT_EQ(world.wake, at("2026-01-01T02:30Z"));
  EXPECT_NE(world.step("2026-01-01T02:30Z"), "");
  world.step("2026-01-01T02:40Z", {World::over("2026-01-01T02:30Z", "2026-01-01T02:40Z", "s",
                                               RunEnded::Outcome::failure)});
  EXPECT_EQ(world.wake, at("2026-01-01T02:52Z"));
}

TEST(Scheduler, Needs) {
  const auto movies = [](std::string_view complete_to) {
    return TableSeen{{"p", "bronze.movies"}, 1, at(complete_to)};
  };
  Schedule schedule = hourly();
  schedule.needs = {{"bronze.movies", false, -10min, {}}};
  schedule.needs_timeout = 20min;
  World world({schedule});
  world.step("2026-01-01T00:30Z", {movies("2026-01-01T00:30Z")});
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "");
  EXPECT_EQ(world.wake, at("2026-01-01T01:20Z"));
  EXPECT_EQ(world.step("2026-01-01T01:05Z", {movies("2026-01-01T00:50Z")}),
            "start s 01-01T01:00 [01-01T00:00, 01-01T01:00)");
  world.step("2026-01-01T01:30Z", {World::over("2026-01-01T01:00Z", "2026-01-01T01:30Z")});
  EXPECT_EQ(world.step("2026-01-01T02:00Z"), "");
  EXPECT_EQ(world.step("2026-01-01T02:20Z"),
            "fail 01-01T02:00: bronze.movies is complete to 2026-01-01T00:50:00Z, not to "
            "2026-01-01T01:50:00Z after 20m");
  schedule.otherwise = Otherwise::run;
  world.declare({schedule});
  EXPECT_EQ(world.step("2026-01-01T03:00Z"), "");
  EXPECT_EQ(world.step("2026-01-01T03:20Z"), "start s 01-01T03:00 [01-01T02:00, 01-01T03:00)");
}

TEST(Scheduler, ByHandAndPaused) {
  Schedule schedule = hourly();
  schedule.paused = true;
  World world({schedule});
  world.step("2026-01-01T00:30Z");
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "");
  EXPECT_EQ(world.step("2026-01-01T01:30Z", {Wanted{"p/s", "r1", {}, {{"days", "3"}}}}),
            "start s 01-01T01:30:00 [01-01T00:00, 01-01T01:00) r1");
  EXPECT_EQ(world.step("2026-01-01T01:31Z", {Wanted{"p/s", "r1", {}, {}}}), "");
  EXPECT_EQ(world.step("2026-01-01T01:31Z", {Wanted{"p/no", "r2", {}, {}}}),
            "refused r2: there is no schedule \"p/no\"");
  ASSERT_EQ(world.scheduler.in_flight().size(), 1u);
  EXPECT_EQ(world.scheduler.in_flight()[0].vars.at("days"), "3");
  world.step("2026-01-01T01:40Z",
             {RunEnded{"p/s", at("2026-01-01T01:30:00.000001Z"), RunEnded::Outcome::success,
                       at("2026-01-01T01:30Z"), at("2026-01-01T01:40Z")}});
  EXPECT_EQ(
      world.step("2026-01-01T03:30Z", {PauseSet{"p/s", false}}),
      "skip 01-01T01:00..01-01T02:00 (2: missed: nobody looked when it was due, and a later one "
      "runs); start s 01-01T03:00 [01-01T00:00, 01-01T03:00)");
  EXPECT_TRUE(world.scheduler.status("p/s")->schedule->paused);
  EXPECT_FALSE(world.scheduler.status("p/s")->paused);
}

TEST(Scheduler, Edits) {
  Schedule schedule = hourly();
  World world({schedule});
  world.step("2026-01-01T00:30Z");
  world.step("2026-01-01T01:00Z");
  world.step("2026-01-01T02:00Z");  // waits
  schedule.trigger = OnCron{{Cron::parse("*/10 * * * *")}};
  world.declare({schedule});
  EXPECT_EQ(world.step("2026-01-01T02:15Z"),
            "skip 01-01T01:00:00..01-01T02:00 (0: the schedule was changed)");
  EXPECT_EQ(
      world.step("2026-01-01T02:19Z", {World::over("2026-01-01T01:00Z", "2026-01-01T02:19Z")}), "");
  EXPECT_EQ(world.step("2026-01-01T02:20Z"), "start s 01-01T02:20 [01-01T01:00, 01-01T02:20)");
  // Changed while nobody looked: the new rule's times since then were missed.
  world.step("2026-01-01T02:25Z", {World::over("2026-01-01T02:20Z", "2026-01-01T02:25Z")});
  world.restart();
  schedule.trigger = Every{1h, 15min};
  world.declare({schedule});
  EXPECT_EQ(
      world.step("2026-01-01T04:30Z"),
      "skip 01-01T03:15 (1: missed: nobody looked when it was due, and a later one runs); start s "
      "01-01T04:15 [01-01T02:20, 01-01T04:15)");
  world.declare({});
  EXPECT_EQ(world.step("2026-01-01T05:30Z"), "");
  EXPECT_EQ(world.scheduler.in_flight().size(), 1u);
  EXPECT_FALSE(world.scheduler.status("p/s"));
  world.declare({schedule});
  EXPECT_EQ(
      world.step("2026-01-01T06:30Z", {World::over("2026-01-01T04:15Z", "2026-01-01T06:00Z")}), "");
}

TEST(Scheduler, JitterDeadlineCalendar) {
  Schedule schedule = hourly();
  schedule.jitter = 10min;
  schedule.deadline = 30min;
  World world({schedule});
  world.step("2026-01-01T00:30Z");
  EXPECT_EQ(world.step("2026-01-01T01:00Z"), "");
  const Time begin = at("2026-01-01T01:00Z") + jitter_of(schedule, at("2026-01-01T01:00Z"));
  EXPECT_EQ(world.wake, begin);
  world.restart();
  EXPECT_EQ(world.step(begin), "start s 01-01T01:00 [01-01T00:00, 01-01T01:00)");
  EXPECT_EQ(world.wake, at("2026-01-01T01:30Z"));
  EXPECT_EQ(world.step("2026-01-01T01:30Z"), "late 01-01T01:00");
  EXPECT_EQ(world.step("2026-01-01T01:31Z"), "");

  Schedule weekdays = by(OnChange{{"a.b"}});
  weekdays.calendar = CalendarUse{};
  World change({weekdays});
  change.step("2026-01-02T00:00Z", {TableSeen{{"p", "a.b"}, 1, {}}});
  EXPECT_EQ(change.step("2026-01-03T10:00Z", {TableSeen{{"p", "a.b"}, 2, {}}}), "");  // Saturday
  EXPECT_EQ(change.wake, at("2026-01-05"));
  EXPECT_EQ(change.step("2026-01-05"),
            "start s 01-05T00:00 [01-02T00:00, 01-05T00:00) a.b: version 2");
}

TEST(Memory, ReadsWhatItWrites) {
  Memory memory;
  memory.schedule = "p/s";
  memory.rule = "every 1h | UTC";
  memory.settled = memory.accepted = memory.covered = memory.forgotten = at("2026-01-01");
  memory.fired = {{at("2026-01-01"), at("2026-01-02")}};
  Fire fire;
  fire.schedule = "p/s";
  fire.cause = Fire::Cause::hand;
  fire.detail = "ü\"";
  fire.vars = {{"a", "1"}};
  fire.deadline = at("2026-01-03");
  memory.waiting = {fire};
  memory.running = {{fire, at("2026-01-01"), true}};
  memory.paused = false;
  memory.last_end = memory.fresh = memory.last_hand = at("2026-01-01");
  memory.last_failed = true;
  memory.durations = {1, 2};
  memory.versions = {{"a.b", -1}};
  memory.sensors = {{"x", "y"}};
  EXPECT_EQ(read_memory(text(memory)), memory);
  EXPECT_THROW(read_memory("{"), Error);
  EXPECT_THROW(read_memory("{\"version\": 2}"), Error);
  EXPECT_THROW(read_memory("{\"version\": 1}"), Error);
}

TEST(DueTimes, Every) {
  const auto dues = [](Duration period, Duration offset, const char* zone, std::string_view after,
                       int count) {
    Schedule s = by(Every{period, offset});
    s.zone = Zone(zone);
    std::string out;
    for (std::optional<Time> t = at(after); count-- > 0;) {
      t = next_due(s, *t);
      out += (out.empty() ? "" : ", ") + s.zone.text(*t);
    }
    return out;
  };
  EXPECT_EQ(
      dues(4h, 30min, "Europe/Berlin", "2026-03-28T20:00Z", 4),
      "2026-03-29 00:30 CET, 2026-03-29 04:30 CEST, 2026-03-29 08:30 CEST, 2026-03-29 12:30 CEST");
  EXPECT_EQ(dues(1h, 0h, "Europe/Berlin", "2026-10-24T23:30Z", 3),
            "2026-10-25 02:00 CEST, 2026-10-25 02:00 CET, 2026-10-25 03:00 CET");
  EXPECT_EQ(dues(2h, 0h, "Europe/Berlin", "2026-10-24T23:30Z", 2),
            "2026-10-25 02:00 CEST, 2026-10-25 04:00 CET");
  EXPECT_EQ(dues(48h, 6h, "America/New_York", "2026-03-06T00:00Z", 3),
            "2026-03-06 06:00 EST, 2026-03-08 06:00 EDT, 2026-03-10 06:00 EDT");
  EXPECT_EQ(dues(168h, 0h, "UTC", "2026-01-01", 1), "2026-01-05 00:00 UTC");  // Monday
  EXPECT_EQ(dues(7h, 0h, "Europe/Berlin", "1970-01-05", 2),
            "1970-01-05 08:00 CET, 1970-01-05 15:00 CET");
}

TEST(DueTimes, PreviousIsTheOneBefore) {
  for (const char* cron : {"0 * * * *", "30 2 * * *", "*/7 * * * * *", "0 0 29 2 *", "0 0 * * 5L",
                           "0 9 1 1 *", "* * 0 * * *"}) {
    Schedule s = by(OnCron{{Cron::parse(cron)}});
    s.zone = Zone("Europe/Berlin");
    Time t = at("2026-03-28T12:00Z");
    for (int i = 0; i < 50; ++i) {
      const auto next = next_due(s, t);
      ASSERT_TRUE(next);
      const auto previous = previous_due(s, *next);
      ASSERT_TRUE(previous) << cron;
      EXPECT_LE(*previous, t) << cron;
      EXPECT_EQ(next_due(s, *previous), *next) << cron;
      t = *next;
    }
  }
}

}  // namespace
}  // namespace windrow::schedule
