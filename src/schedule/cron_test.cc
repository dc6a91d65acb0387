#include "schedule/cron.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace windrow::schedule {
namespace {

Time at(std::string_view text) { return *parse_time(text); }

/// The next due times after a moment, on the clocks of the zone.
std::string next(const std::string& cron, const std::string& zone, std::string_view after,
                 int count) {
  const Cron expression = Cron::parse(cron);
  const Zone clocks(zone);
  std::string out;
  for (std::optional<Time> t = at(after); count > 0; --count) {
    t = expression.next(*t, clocks);
    if (!t) return out + "never";
    out += (out.empty() ? "" : ", ") + clocks.text(*t);
  }
  return out;
}

std::string wrong(const std::string& cron) {
  try {
    Cron::parse(cron);
  } catch (const Error& error) {
    return std::to_string(error.problem().place.column) + ": " + error.problem().message;
  }
  return "taken";
}

TEST(Cron, FieldsAndNames) {
  EXPECT_EQ(next("0 6 * * MON-FRI", "UTC", "2026-01-02T06:00Z", 2),
            "2026-01-05 06:00 UTC, 2026-01-06 06:00 UTC");
  EXPECT_EQ(
      next("*/20 * * * *", "UTC", "2026-01-01", 4),
      "2026-01-01 00:20 UTC, 2026-01-01 00:40 UTC, 2026-01-01 01:00 UTC, 2026-01-01 01:20 UTC");
  EXPECT_EQ(next("30 0 12 1 jan,JUL ?", "UTC", "2026-01-01T12:00:30Z", 1),
            "2026-07-01 12:00:30 UTC");
  EXPECT_EQ(next("0 0 * * 7", "UTC", "2026-01-01", 1), "2026-01-04 00:00 UTC");
  EXPECT_EQ(next("0 0 * * sat-sun", "UTC", "2026-01-01", 2),
            "2026-01-03 00:00 UTC, 2026-01-04 00:00 UTC");
  EXPECT_EQ(next("@hourly", "UTC", "2026-01-01T00:00:01Z", 1), "2026-01-01 01:00 UTC");
  EXPECT_EQ(next("@weekly", "UTC", "2026-01-01", 1), "2026-01-04 00:00 UTC");
  EXPECT_EQ(next("5/20 8-9 * * *", "UTC", "2026-01-01T08:30Z", 3),
            "2026-01-01 08:45 UTC, 2026-01-01 09:05 UTC, 2026-01-01 09:25 UTC");
}

TEST(Cron, DaysOfTheMonthAndTheWeek) {
  EXPECT_EQ(next("0 0 L * *", "UTC", "2028-01-31", 2),
            "2028-02-29 00:00 UTC, 2028-03-31 00:00 UTC");
  // 31 May 2026 is a Sunday.
  EXPECT_EQ(next("0 0 LW * *", "UTC", "2026-05-01", 1), "2026-05-29 00:00 UTC");
  // 15 August 2026 is a Saturday, 15 November a Sunday; 1 August a Saturday, the nearest day after.
  EXPECT_EQ(next("0 0 15W 8,11 *", "UTC", "2026-08-01", 2),
            "2026-08-14 00:00 UTC, 2026-11-16 00:00 UTC");
  EXPECT_EQ(next("0 0 1W 8 *", "UTC", "2026-07-01", 1), "2026-08-03 00:00 UTC");
  EXPECT_EQ(next("0 0 31W 5 *", "UTC", "2026-05-01", 1), "2026-05-29 00:00 UTC");
  EXPECT_EQ(next("0 0 * * 5L", "UTC", "2026-01-01", 2),
            "2026-01-30 00:00 UTC, 2026-02-27 00:00 UTC");
  EXPECT_EQ(next("0 0 * * FRI#3", "UTC", "2026-01-01", 1), "2026-01-16 00:00 UTC");
  // Both: either.
  EXPECT_EQ(
      next("0 0 13 * FRI", "UTC", "2026-01-01", 4),
      "2026-01-02 00:00 UTC, 2026-01-09 00:00 UTC, 2026-01-13 00:00 UTC, 2026-01-16 00:00 UTC");
  EXPECT_EQ(next("0 0 29 2 *", "UTC", "2096-03-01", 1), "2104-02-29 00:00 UTC");
  EXPECT_EQ(next("0 0 * 2 5#5", "UTC", "2026-01-01", 1), "2036-02-29 00:00 UTC");
}

TEST(Cron, WhenClocksChange) {
  // Berlin: 2026-03-29 02:00 is 03:00; 2026-10-25 03:00 CEST is 02:00 CET.
  const char* const berlin = "Europe/Berlin";
  EXPECT_EQ(next("30 2 * * *", berlin, "2026-03-28T12:00Z", 2),
            "2026-03-29 03:00 CEST, 2026-03-30 02:30 CEST");
  EXPECT_EQ(next("0,30 2 * * *", berlin, "2026-03-28T12:00Z", 2),
            "2026-03-29 03:00 CEST, 2026-03-30 02:00 CEST");
  EXPECT_EQ(next("30 2 * * *", berlin, "2026-10-24T12:00Z", 2),
            "2026-10-25 02:30 CEST, 2026-10-26 02:30 CET");
  EXPECT_EQ(
      next("*/30 2 * * *", berlin, "2026-10-24T12:00Z", 5),
      "2026-10-25 02:00 CEST, 2026-10-25 02:30 CEST, 2026-10-25 02:00 CET, 2026-10-25 02:30 CET, "
      "2026-10-26 02:00 CET");
  EXPECT_EQ(next("*/30 2 * * *", berlin, "2026-03-28T12:00Z", 1), "2026-03-30 02:00 CEST");
  EXPECT_EQ(next("0 * * * *", berlin, "2026-10-24T23:30Z", 3),
            "2026-10-25 02:00 CEST, 2026-10-25 02:00 CET, 2026-10-25 03:00 CET");
  // All hours written out are all hours.
  EXPECT_EQ(next("0 0-23 * * *", berlin, "2026-10-24T23:30Z", 2),
            "2026-10-25 02:00 CEST, 2026-10-25 02:00 CET");
  // From the second of two equal hours on.
  EXPECT_EQ(next("10 2 * * *", berlin, "2026-10-25T01:05Z", 1), "2026-10-26 02:10 CET");
  // Half an hour, on Lord Howe: 2026-10-04 02:00 is 02:30, 2026-04-05 02:00 is 01:30.
  EXPECT_EQ(next("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T16:00Z", 2),
            "2026-10-04 02:30 +11, 2026-10-05 02:15 +11");
  EXPECT_EQ(next("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T20:00Z", 2),
            "2026-04-05 01:45 +11, 2026-04-06 01:45 +1030");
  // A day that there never was.
  EXPECT_EQ(next("0 12 * * *", "Pacific/Apia", "2011-12-29T22:30Z", 2),
            "2011-12-31 00:00 +14, 2011-12-31 12:00 +14");
}

TEST(Cron, WhatIsRefused) {
  EXPECT_EQ(wrong("0 0 30 2 *"),
            "5: cron \"0 0 30 2 *\": no month that it names has such a day, so it never comes");
  EXPECT_EQ(
      wrong("0 0 31 4,6,9,11 *"),
      "5: cron \"0 0 31 4,6,9,11 *\": no month that it names has such a day, so it never comes");
  EXPECT_EQ(
      wrong("0 0 */2 * 1"),
      "5: cron \"0 0 */2 * 1\": \"*/2\" beside another restricted day field: some take days that "
      "are in both, others those that are in either");
  EXPECT_EQ(wrong("0 0 1 * */2").substr(0, 2), "9:");
  EXPECT_EQ(wrong("60 * * * *"), "1: cron \"60 * * * *\": \"60\" is none of the minutes");
  EXPECT_EQ(wrong("0 6 * * MON-FRY"),
            "13: cron \"0 6 * * MON-FRY\": \"FRY\" is none of the days of the week");
  EXPECT_EQ(wrong("0 22-2 * * *"), "3: cron \"0 22-2 * * *\": \"22-2\" goes backwards");
  EXPECT_EQ(wrong("*/0 * * * *"), "3: cron \"*/0 * * * *\": a step of 0");
  EXPECT_EQ(wrong("*/90 * * * *"), "3: cron \"*/90 * * * *\": a step of 90 goes past all minutes");
  EXPECT_EQ(wrong("0 0 * * L").substr(0, 2), "9:");
  EXPECT_EQ(wrong("0 0 * * 5#6").substr(0, 3), "11:");
  EXPECT_EQ(wrong("0 0 L-3 * *").substr(0, 2), "5:");
  EXPECT_EQ(wrong("1,,2 * * * *"), "3: cron \"1,,2 * * * *\": a value of the minutes is missing");
  EXPECT_EQ(wrong("1,* * * * *"), "3: cron \"1,* * * * *\": \"*\" in a list of minutes");
  EXPECT_EQ(wrong("hourly"),
            "1: cron \"hourly\": a cron expression has five fields, or six with seconds "
            "first, not 1");
  EXPECT_EQ(wrong("@fortnightly"), "1: cron \"@fortnightly\": \"@FORTNIGHTLY\" is not known");
  EXPECT_EQ(wrong("0 0 0 0 0 0 0").substr(0, 3), "13:");
  for (const char* text :
       {"", " ", "-1 * * * *", "1-2-3 * * * *", "99999999999 * * * *", "é * * * *", "* * 0 * *",
        "* * 32 * *", "* * * 13 *", "* * W * *", "* * * * #", "/5 * * * *", "5- * * * *",
        "*5 * * * *", "** * * * *", "1/2/3 * * * *", "? * * * *"}) {
    EXPECT_NE(wrong(text), "taken") << text;
  }
}

TEST(Cron, TheCalendarEnds) {
  EXPECT_EQ(next("0 0 1 1 *", "UTC", "9999-01-01", 1), "never");
  EXPECT_EQ(next("0 0 1 1 *", "Europe/Berlin", "9999-01-01", 1), "never");
  EXPECT_EQ(Cron::parse("* * * * *").next(Time::min(), Zone("Asia/Tokyo")).has_value(), true);
  EXPECT_FALSE(Cron::parse("* * * * *").next(Time::max(), Zone("Asia/Tokyo")));
}

}  // namespace
}  // namespace windrow::schedule
