#include "server/server.h"

#include <filesystem>
#include <future>
#include <thread>

#include "app/app_fixture.h"
#include "base/zone.h"
#include "clients/sqlite.h"
#include "history/schedule_state.h"
#include "server/control.h"

namespace windrow::server {
namespace {

/// A server over a project on disk, in simulated time: a day takes as long as its runs.
class ServerTest : public app::ProjectTest {
 protected:
  ServerTest() {
    write("p/models/gold/a.sql", "SELECT $run_time AS at");
    write("p/windrow.yaml",
          "project: p\ntimezone: Europe/Berlin\nschedules: {hourly: {cron: \"0 * * * *\"}}\n");
  }

  Options options() const {
    Options out;
    for (const auto& name : names_) {
      app::Options project;
      project.folder = (folder_ / name).string();
      out.projects.push_back(project);
    }
    return out;
  }

  /// Serves until `enough` says so of what was told last.
  std::vector<Told> serve(const Clock& clock, const std::function<bool(const Told&)>& enough) {
    std::vector<Told> out;
    Cancel stop;
    Server server(options(), app::App::open, secrets_, clock, [&](const Told& told) {
      out.push_back(told);
      if (enough(told)) stop.request();
    });
    server.serve(stop);
    return out;
  }

  static std::vector<Told> only(const std::vector<Told>& all, const std::string& event) {
    std::vector<Told> out;
    for (const auto& told : all)
      if (told.event == event) out.push_back(told);
    return out;
  }

  std::vector<std::string> names_{"p"};
};

TEST_F(ServerTest, FiresEachHourOfADayOfTwentyFive) {
  const SimulatedClock clock(*parse_time("2026-10-24T21:30:00Z"));
  int ended = 0;
  const auto told =
      serve(clock, [&](const Told& line) { return line.event == "ended" && ++ended == 25; });
  const auto fires = only(told, "fires");
  ASSERT_GE(fires.size(), 25u);
  for (size_t i = 0; i < 25; ++i)
    EXPECT_EQ(fires[i].due, *parse_time("2026-10-24T22:00:00Z") + std::chrono::hours(i));
  for (const auto& line : only(told, "ended")) EXPECT_EQ(line.status, "done");
  EXPECT_EQ(told.back().event, "stopped");
}

TEST_F(ServerTest, SaysBeforeADeadlineThatItWillBeMissed) {
  write("p/windrow.yaml",
        "project: p\nschedules: {hourly: {cron: \"0 * * * *\", deadline: 30m}}\n");
  // Ten rounds, so five minutes.
  write("p/tasks/wait.yaml",
        "task: wait\nsql: SELECT 1\nrepeat_until: {sql: SELECT false, max: 10, delay: 30s}\n");
  {
    const SimulatedClock clock(*parse_time("2026-06-01T00:59:00Z"));
    const auto told = serve(clock, [](const Told& line) { return line.event == "ended"; });
    EXPECT_TRUE(only(told, "late_expected").empty());  // nobody knows how long it takes
  }
  {
    clients::Sqlite history((folder_ / "p/.windrow/history.db").string(),
                            clients::Sqlite::Mode::existing);
    history.execute(
        "UPDATE tasks SET status = 'done', started = ended - 7200000000 WHERE asset = 'task.wait'");
  }
  const SimulatedClock clock(*parse_time("2026-06-01T01:59:00Z"));
  const auto told = serve(clock, [](const Told& line) { return line.event == "ended"; });
  const auto late = only(told, "late_expected");
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0].next, parse_time("2026-06-01T02:30:00Z"));
  EXPECT_LT(late[0].at, *parse_time("2026-06-01T02:01:00Z"));
  EXPECT_EQ(std::chrono::floor<std::chrono::minutes>(*late[0].expected),
            *parse_time("2026-06-01T04:00:00Z"));
  EXPECT_EQ(late[0].text, "task.wait usually takes 2h");
}

TEST_F(ServerTest, GoesOnWhereTheLastOneEnded) {
  {
    const SimulatedClock clock(*parse_time("2026-06-01T00:30:00Z"));
    int ended = 0;
    serve(clock, [&](const Told& line) { return line.event == "ended" && ++ended == 3; });
  }
  history::ScheduleState state((folder_ / "p/.windrow/history.db").string(), "dev");
  const auto before = state.fires("hourly", 100);
  ASSERT_GE(before.size(), 3u);
  // Twelve hours later: of what was missed the last is caught up, the others are skipped.
  const SimulatedClock clock(*parse_time("2026-06-01T15:30:00Z"));
  int ended = 0;
  const auto told =
      serve(clock, [&](const Told& line) { return line.event == "ended" && ++ended == 2; });
  ASSERT_FALSE(only(told, "fires").empty());
  EXPECT_EQ(only(told, "fires")[0].due, *parse_time("2026-06-01T15:00:00Z"));
  ASSERT_EQ(only(told, "skipped").size(), 1u);
  EXPECT_EQ(only(told, "skipped")[0].due, before[0].due + std::chrono::hours(1));
}

TEST_F(ServerTest, NothingFiresThatCannotBeWrittenDown) {
  const SimulatedClock clock(*parse_time("2026-06-01T00:30:00Z"));
  const auto path = (folder_ / "p/.windrow/history.db").string();
  int trouble = 0;
  bool mended = false;
  const auto told = serve(clock, [&](const Told& line) {
    if (line.event == "serving") {
      clients::Sqlite(path, clients::Sqlite::Mode::existing)
          .execute(
              "CREATE TRIGGER full BEFORE INSERT ON fires BEGIN SELECT RAISE(ABORT, 'full'); END");
    }
    if (line.event == "trouble" && ++trouble == 1) {
      EXPECT_FALSE(line.problems.empty());
      clients::Sqlite(path, clients::Sqlite::Mode::existing).execute("DROP TRIGGER full");
      mended = true;
    }
    if (line.event == "fires") {
      EXPECT_TRUE(mended);
    }
    return line.event == "ended";
  });
  EXPECT_EQ(only(told, "fires").size(), 1u);
  EXPECT_EQ(only(told, "fires")[0].due, *parse_time("2026-06-01T01:00:00Z"));
  EXPECT_EQ(trouble, 2) << "that it failed, and that it goes on";
}

/// Three projects with hours of their own: each asset is worked on in its hours, over a week with
/// the night in which clocks go back.
TEST_F(ServerTest, EachClassHasItsHoursOfTheNight) {
  struct Class {
    std::string name, from, to, extra;
  };
  const std::vector<Class> classes{{"critical", "00:00", "02:00", "priority: 9"},
                                   {"regular", "02:00", "05:00", "priority: 0"},
                                   {"low", "05:00", "06:00", "priority: -9"}};
  names_.clear();
  for (const auto& each : classes) {
    names_.push_back(each.name);
    write(each.name + "/windrow.yaml",
          "project: " + each.name +
              "\ntimezone: Europe/Berlin\nweight: " + (each.name == "critical" ? "20" : "1") +
              "\nschedules: {nightly: {cron: \"30 21 * * *\"}}\n");
    for (int i = 0; i < 5; ++i) {
      write(each.name + "/tasks/t" + std::to_string(i) + ".yaml",
            "task: t" + std::to_string(i) + "\nsql: SELECT 1\n" + each.extra +
                "\nwindow: {from: \"" + each.from + "\", to: \"" + each.to + "\"}\n");
    }
  }
  const SimulatedClock clock(*parse_time("2026-10-20 20:00", "Europe/Berlin"));
  int ended = 0;
  const auto told =
      serve(clock, [&](const Told& line) { return line.event == "ended" && ++ended == 21; });
  for (const auto& line : only(told, "ended")) EXPECT_EQ(line.status, "done");
  const Zone zone("Europe/Berlin");
  for (const auto& each : classes) {
    clients::Sqlite history((folder_ / each.name / ".windrow/history.db").string(),
                            clients::Sqlite::Mode::existing);
    int tasks = 0;
    for (const auto& row : history.query("SELECT started FROM tasks WHERE status = 'done'")) {
      ++tasks;
      const auto clock_then =
          zone.text(time_from_micros(std::get<int64_t>(row.at(0)))).substr(11, 5);
      EXPECT_GE(clock_then, each.from) << each.name;
      EXPECT_LT(clock_then, each.to) << each.name;
    }
    EXPECT_EQ(tasks, 35) << each.name;
  }
}

/// With one slot: a model that is built day by day, and something urgent that comes meanwhile.
TEST_F(ServerTest, AModelGivesWayAtACommitAndGoesOn) {
  constexpr int kDays = 60;
  std::string rows;
  for (int i = 0; i < kDays; ++i) {
    const auto at = *parse_time("2025-01-01T10:00:00Z") + std::chrono::hours(24 * i);
    rows += "{\"ts\": \"" + iso(at).substr(0, 19) + "\", \"n\": 1}\n";
  }
  write("p/data/a.ndjson", rows);
  write("p/windrow.yaml",
        "project: p\nbegin: 2025-01-01\nend: 2025-03-02\nschedules:\n"
        "  history: {cron: \"0 3 1 1 *\", select: +silver.daily}\n"
        "  alarm: {cron: \"0 4 1 1 *\", select: task.alarm}\n");
  write("p/sources/events.yaml",
        "source: bronze.events\nfrom: {files: \"data/*.ndjson\"}\nformat: json\n"
        "columns: {ts: timestamp, n: bigint}\n");
  write("p/models/silver/daily.sql",
        "/* windrow\nbuild: {interval: {column: day, grain: day, batch: 1}}\n*/\n"
        "SELECT date_trunc('day', ts) AS day, sum(n) AS n FROM bronze.events\n"
        "WHERE ts >= $start AND ts < $end GROUP BY ALL\n");
  write("p/tasks/alarm.yaml", "task: alarm\nsql: SELECT 1\npriority: 9\n");
  const auto clock = system_clock();
  const auto log = folder_ / "p/lake/silver/daily/_delta_log";
  const auto commits = [&] {
    int out = 0;
    std::error_code none;
    for (const auto& each : std::filesystem::directory_iterator(log, none))
      out += each.path().extension() == ".json";
    return out;
  };
  Cancel stop;
  std::vector<Told> told;
  std::thread other;
  {
    auto how = options();
    how.jobs = 1;
    Server server(how, app::App::open, secrets_, *clock, [&](const Told& line) {
      told.push_back(line);
      if (only(told, "ended").size() == 2) stop.request();
      if (line.event != "serving") return;
      other = std::thread([&] {
        const auto channel = Channel::open((folder_ / "p/.windrow").string());
        const auto trigger = [&](const std::string& schedule) {
          channel->ask("{\"do\": \"trigger\", \"schedule\": \"" + schedule + "\"}", {}, stop);
        };
        trigger("history");
        for (int i = 0; i < 6000 && commits() < 5; ++i)
          stop.wait_for(std::chrono::milliseconds(10));
        trigger("alarm");
      });
    });
    server.serve(stop);
  }
  other.join();
  ASSERT_EQ(only(told, "ended").size(), 2u);
  EXPECT_EQ(only(told, "ended")[0].schedule, "alarm") << "though it came later";
  for (const auto& line : only(told, "ended")) EXPECT_EQ(line.status, "done");
  EXPECT_EQ(commits(), kDays) << "each day once";
  clients::Sqlite history((folder_ / "p/.windrow/history.db").string(),
                          clients::Sqlite::Mode::existing);
  const auto task = history.query(
      "SELECT attempts, intervals, rows, reasons FROM tasks WHERE asset = 'silver.daily'");
  ASSERT_EQ(task.size(), 1u);
  EXPECT_EQ(std::get<int64_t>(task[0][0]), 1);
  EXPECT_EQ(std::get<int64_t>(task[0][1]), kDays);
  EXPECT_EQ(std::get<int64_t>(task[0][2]), kDays);
  EXPECT_NE(std::get<std::string>(task[0][3]).find("gave way to task.alarm of run "),
            std::string::npos);
}

TEST_F(ServerTest, TwoServersOfOneProject) {
  const auto clock = system_clock();
  const Server one(options(), app::App::open, secrets_, *clock, [](const Told&) {});
  try {
    const Server two(options(), app::App::open, secrets_, *clock, [](const Told&) {});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::usage);
    EXPECT_NE(error.problem().message.find("process " + std::to_string(::getpid())),
              std::string::npos);
  }
}

}  // namespace
}  // namespace windrow::server
