#include <gtest/gtest.h>

#include "project/project_fixture.h"

namespace windrow::project {
namespace {

using schedule::CatchUp;
using schedule::Overlap;

class Schedules : public ProjectFixture {
 protected:
  Schedules() { model("bronze.movies"); }

  /// windrow.yaml with these schedules.
  void schedules(const std::string& text, const std::string& more = "") {
    write("windrow.yaml",
          "project: p\ntimezone: Europe/Berlin\nvars: {days: {type: int, default: 3}}\n" + more +
              "schedules:\n" + text);
  }
  /// What is wrong with schedules; the project itself must load.
  std::string wrong() {
    std::string out;
    for (const auto& problem : load_project().schedule_problems)
      out += problem.place.text() + ": " + problem.message +
             (problem.hint.empty() ? "" : " -- " + problem.hint) + "\n";
    return out;
  }
  std::string names() {
    std::string out;
    for (const auto& one : load_project().schedules) out += (out.empty() ? "" : " ") + one.name;
    return out;
  }
};

TEST_F(Schedules, AreTypedValues) {
  write("calendars/germany.ics",
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nSUMMARY:Weihnachten\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n");
  write("calendars/own.yaml", "2026-12-24: Betriebsfeier\n");
  write("sensors/inbox.yaml", "sensor: inbox\nfile: /in/*\n");
  write(
      "schedules/closing.yaml",
      "schedule: closing\ncron: '0 10 * * *'\ncalendar: {name: germany, days: first, hours: true}\n"
      "needs: {bronze.movies: complete to $end - 1h, timeout: 4h, otherwise: skip}\n");
  schedules(
      "  ingest: {every: 4h, offset: 15m, jitter: 5m, deadline: 1h, tags: nightly}\n"
      "  transform: {after: {schedule: ingest, delay: 30m, on: end}}\n"
      "  other: {after: films/ingest}\n"
      "  changed: {on_change: bronze.movies, overlap: replace, max_active_runs: 2}\n"
      "  fresh: {freshness: 2h, paused: true}\n"
      "  files: {sensor: inbox}\n"
      "  again: {after_end: 1h}\n"
      "  hand: {select: bronze.movies, vars: {days: 7}}\n"
      "  twice: {cron: ['@daily', '0 12 * * MON#1'], timezone: Asia/Tokyo, start: 2026-01-01,\n"
      "          end: 2027-01-01T00:00Z, catchup: all}\n",
      "calendars:\n  germany: {holidays: [calendars/germany.ics, calendars/own.yaml, 2026-12-31], "
      "weekend: [sun], hours: 09:00-17:30}\n");
  const Project project = load_project();
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(names(), "again changed closing files fresh hand ingest other transform twice");
  const auto find = [&](const char* name) {
    for (const auto& one : project.schedules) {
      if (one.name == name) return one;
    }
    return schedule::Schedule();
  };
  std::string triggers;
  for (const auto& one : project.schedules) triggers += text_of(one.trigger) + "\n";
  EXPECT_EQ(triggers,
            "1h after its end\nchange of bronze.movies\ncron 0 10 * * *\nsensor inbox\n"
            "never older than 2h\nby hand\nevery 4h + 15m\nafter films/ingest\n"
            "after p/ingest + 30m, however it ends\ncron @daily, 0 12 * * MON#1\n");
  EXPECT_EQ(find("ingest").zone.name(), "Europe/Berlin");
  EXPECT_EQ(find("ingest").id(), "p/ingest");
  EXPECT_EQ(find("ingest").tags, std::vector<std::string>{"nightly"});
  EXPECT_EQ(find("twice").start, parse_time("2025-12-31T15:00Z"));  // by its own clocks
  EXPECT_EQ(find("twice").catchup, CatchUp::all);
  EXPECT_EQ(find("changed").overlap, Overlap::replace);
  EXPECT_TRUE(find("fresh").paused);
  EXPECT_EQ(find("hand").vars.at("days"), "7");
  const auto closing = find("closing");
  ASSERT_EQ(closing.needs.size(), 1u);
  EXPECT_EQ(closing.needs[0].shift, -std::chrono::hours(1));
  EXPECT_EQ(closing.otherwise, schedule::Otherwise::skip);
  EXPECT_EQ(closing.place.text(), "schedules/closing.yaml:1:11");
  ASSERT_TRUE(closing.calendar);
  const auto& holidays = closing.calendar->calendar.holidays;
  ASSERT_EQ(holidays.size(), 3u);
  EXPECT_EQ(holidays[0].second, "Betriebsfeier");
  EXPECT_EQ(holidays[1].second, "Weihnachten");
  EXPECT_TRUE(closing.calendar->business_hours);
  EXPECT_EQ(closing.calendar->nth, 1);
}

TEST_F(Schedules, WhatIsWrongWithOneKeepsNothingElseFromBeingRead) {
  write("schedules/broken.yaml", "schedule: broken\ncron: [\n");
  write("schedules/empty.yaml", "");
  schedules(
      "  a: {cron: '0 0 30 2 *'}\n"
      "  b: {cron: \"0 25 * * *\"}\n"
      "  c: {cron: '@hourly', every: 1h}\n"
      "  d: {every: 1h, offset: 2h, jiter: 1m}\n"
      "  e: {after: nobody}\n"
      "  f: {after: g}\n"
      "  g: {after: f}\n"
      "  h: {on_change: bronze.movie}\n"
      "  i: {sensor: inbox}\n"
      "  j: {calendar: nowhere}\n"
      "  k: {vars: {day: 3}}\n"
      "  l: {vars: {days: soon}}\n"
      "  m: {cron: '@daily', start: yesterday}\n"
      "  n: {cron: '@daily', start: 2026-01-02, end: 2026-01-01}\n"
      "  o: {cron: '0 6 * * *', calendar: {name: late, hours: true}}\n"
      "  p: {needs: {bronze.movies: complete, movies: complete to $end}}\n"
      "  q: {cron: '@daily', calendar: {name: late, days: 24}}\n"
      "  2r: {cron: '@daily'}\n"
      "  good: {cron: '@daily'}\n"
      "  s: {cron: '@daily', calendar: torn}\n",
      "calendars: {late: {hours: 09:00-17:00}, torn: {holidays: [calendars/no.ics, christmas]}}\n");
  EXPECT_EQ(names(), "good");
  EXPECT_EQ(
      wrong(),
      "windrow.yaml:4:77: \"holidays\": expected a date, or a file such as calendars/holidays.ics, "
      "found \"christmas\" -- files of holidays lie in calendars/, as .ics or .yaml\n"
      "windrow.yaml:6:18: cron \"0 0 30 2 *\": no month that it names has such a day, so it never "
      "comes\n"
      "windrow.yaml:7:16: cron \"0 25 * * *\": \"25\" is none of the hours -- they go from 0 to "
      "23\n"
      "windrow.yaml:8:6: a schedule has one of cron and every, not both -- make two schedules of "
      "it\n"
      "windrow.yaml:9:30: unknown key \"jiter\" in \"d\" -- did you mean \"jitter\"?\n"
      "windrow.yaml:9:26: \"offset\" is not less than \"every\"\n"
      "windrow.yaml:18:30: \"start\": expected a date or time such as 2025-10-17 or "
      "2025-10-17T14:00:00Z, found \"yesterday\"\n"
      "windrow.yaml:19:47: \"end\" is not after \"start\"\n"
      "windrow.yaml:21:30: \"bronze.movies\": expected a condition such as complete to $end, or "
      "complete to $end - 1h, found \"complete\"\n"
      "windrow.yaml:21:40: \"movies\" is no table -- tables are named layer.table; beside them "
      "there is timeout and otherwise\n"
      "windrow.yaml:22:52: \"days\": expected business, holidays, all, first, last, or a number "
      "such as 3 or -2, found \"24\"\n"
      "windrow.yaml:23:3: \"2r\" cannot be the name of a schedule -- names have letters, digits "
      "and underscores, and do not begin with a digit\n"
      "schedules/broken.yaml:3:1: not valid YAML: end of sequence flow not found\n"
      "schedules/empty.yaml:1:1: the file is empty\n"
      "windrow.yaml:10:14: schedule \"e\" names schedule \"nobody\", which is not there\n"
      "windrow.yaml:13:18: schedule \"h\" names table \"bronze.movie\", which is not there -- did "
      "you mean \"bronze.movies\"?\n"
      "windrow.yaml:14:15: schedule \"i\" names sensor \"inbox\", which is not there\n"
      "windrow.yaml:15:17: schedule \"j\" names calendar \"nowhere\", which is not there\n"
      "windrow.yaml:16:14: schedule \"k\" names variable \"day\", which is not there -- did you "
      "mean \"days\"?\n"
      "windrow.yaml:17:20: schedule \"l\" gives variable \"days\" \"soon\", which is no int\n"
      "windrow.yaml:20:3: schedule \"o\" is never due: cron 0 6 * * * and its calendar or end do "
      "not meet\n"
      "windrow.yaml:11:3: schedules follow each other in a circle: f after g after f -- one of "
      "them needs another trigger\n");
}

TEST_F(Schedules, ComeOnce) {
  write("schedules/a.yaml", "- {schedule: a, cron: '@daily'}\n- {schedule: b, cron: '@daily'}\n");
  schedules("  A: {cron: '@hourly'}\n");
  EXPECT_EQ(names(), "A b");
  EXPECT_EQ(wrong(),
            "schedules/a.yaml:1:14: schedule \"a\" is declared twice: also in windrow.yaml:5:3\n");
}

TEST_F(Schedules, SensorsAreTypedValues) {
  write("sensors/files.yaml",
        "- {sensor: inbox, file: /in/*.csv, at_rest: 5s, poll: 1m}\n"
        "- {sensor: jobs, http: {url: 'http://h/j', headers: {A: b}}, path: '$.a[0].b', equals: "
        "1}\n");
  schedules("  a: {sensor: [inbox, moved]}\n",
            "sensors: {moved: {table: bronze.movies, of: rows}}\n");
  const Project project = load_project();
  EXPECT_EQ(wrong(), "");
  ASSERT_EQ(project.sensors.size(), 3u);
  EXPECT_EQ(project.sensor("inbox")->at_rest, std::chrono::seconds(5));
  EXPECT_EQ(project.sensor("inbox")->poll, std::chrono::minutes(1));
  EXPECT_EQ(project.sensor("jobs")->subject.value, "http://h/j");
  EXPECT_EQ(project.sensor("jobs")->equals, "1");
  EXPECT_EQ(project.sensor("moved")->of, Sensor::Of::rows);
}

TEST_F(Schedules, WrongSensorsAreToldWithTheirPlacesAndStopNoOther) {
  write("sensors/all.yaml",
        "- {sensor: a, file: '/in/[a/*.csv'}\n"
        "- {sensor: b, file: 'ftp://h/x'}\n"
        "- {sensor: c, file: /in/a**/b, lag: 3}\n"
        "- {sensor: d, http: 'http://h/', path: '$.a[x]'}\n"
        "- {sensor: e, http: {url: 'http://h/', timeout: 1s}, equals: x}\n"
        "- {sensor: f, sql: SELECT 1}\n"
        "- {sensor: g, table: bronze.movie}\n"
        "- {sensor: h, kafka: t, on: nobody, lag: 0}\n"
        "- {sensor: i, file: /in/*, table: bronze.movies}\n"
        "- {sensor: j, files: /in/*}\n"
        "- {sensor: k, file: /in/*, poll: 1ms}\n"
        "- {sensor: k, file: /in/*}\n"
        "- {sensor: good, file: /in/*}\n");
  schedules("  x: {sensor: a}\n  y: {sensor: good}\n  z: {sensor: god}\n");
  EXPECT_EQ(names(), "y");
  EXPECT_EQ(
      wrong(),
      "sensors/all.yaml:1:26: \"file\": \"[\" is not closed -- write \\[ where the name has that "
      "character\n"
      "sensors/all.yaml:2:22: \"file\": files cannot be looked for at \"ftp://\" -- on disk, "
      "s3://, "
      "hdfs:// and webhdfs:// they can\n"
      "sensors/all.yaml:3:37: \"lag\" belongs to a sensor with \"kafka\"\n"
      "sensors/all.yaml:3:26: \"file\": \"**\" stands for whole folders -- write /**/ or *\n"
      "sensors/all.yaml:4:45: \"path\": expected a number from 0, found \"x\" -- a path such as "
      "$.state or $.jobs[0].id\n"
      "sensors/all.yaml:5:49: \"timeout\": a sensor is looked at again anyway -- `timeout:` beside "
      "`http:` says how long one look may take\n"
      "sensors/all.yaml:5:62: \"equals\" needs a \"path\" -- path: $.state\n"
      "sensors/all.yaml:6:3: key \"on\" is missing: which connection is looked at -- `table:` "
      "looks "
      "at a table of the lake\n"
      "sensors/all.yaml:8:42: \"lag\": expected a whole number of at least 1, found \"0\"\n"
      "sensors/all.yaml:8:42: \"lag\" is that of a \"group\" -- group: NAME\n"
      "sensors/all.yaml:9:3: a sensor looks at one thing, not at file and table -- make several of "
      "it: a schedule may name a list\n"
      "sensors/all.yaml:10:15: unknown key \"files\" -- did you mean \"file\"?\n"
      "sensors/all.yaml:10:3: a sensor needs one of file, table, sql, http, kafka or project\n"
      "sensors/all.yaml:11:34: \"poll\": less than a second -- what changes on local disk is told, "
      "and is not waited for\n"
      "sensors/all.yaml:7:22: sensor \"g\" names table \"bronze.movie\", which is not there -- did "
      "you mean \"bronze.movies\"?\n"
      "sensors/all.yaml:8:29: sensor \"h\" names connection \"nobody\", which is not there\n"
      "sensors/all.yaml:12:12: sensor \"k\" is declared twice: also in sensors/all.yaml:11:12\n"
      "windrow.yaml:7:15: schedule \"z\" names sensor \"god\", which is not there -- did you mean "
      "\"good\"?\n");
}

}  // namespace
}  // namespace windrow::project
