#include "server/server.h"

#include <future>

#include "app/app_fixture.h"
#include "clients/sqlite.h"
#include "history/schedule_state.h"

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
    app::Options project;
    project.folder = (folder_ / "p").string();
    out.projects.push_back(project);
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
