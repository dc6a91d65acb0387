#include "schedule/calendar.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "schedule/days.h"

namespace windrow::schedule {
namespace {

Day day(std::string_view text) { return day_at(*parse_time(text)); }
std::string text(Day day) { return iso(midnight_of(day)).substr(0, 10); }

Calendar germany() {
  Calendar out;
  out.name = "germany";
  out.holidays = {{day("2026-01-01"), "Neujahr"},
                  {day("2026-04-03"), "Karfreitag"},
                  {day("2026-04-06"), "Ostermontag"},
                  {day("2026-05-01"), "Tag der Arbeit"}};
  out.hours = {std::chrono::hours(9), std::chrono::hours(17)};
  return out;
}

TEST(Calendar, BusinessDays) {
  const Calendar calendar = germany();
  EXPECT_TRUE(calendar.is_business_day(day("2026-01-02")));
  EXPECT_FALSE(calendar.is_business_day(day("2026-01-01")));
  EXPECT_FALSE(calendar.is_business_day(day("2026-01-03")));  // Saturday
  EXPECT_EQ(text(*calendar.business_day_of_month(day("2026-01-15"), 1)), "2026-01-02");
  EXPECT_EQ(text(*calendar.business_day_of_month(day("2026-04-15"), 3)), "2026-04-07");
  EXPECT_EQ(text(*calendar.business_day_of_month(day("2026-05-15"), -1)), "2026-05-29");
  EXPECT_FALSE(calendar.business_day_of_month(day("2026-02-15"), 21));
}

TEST(Calendar, WhatAScheduleKeeps) {
  const Zone berlin("Europe/Berlin");
  CalendarUse use{germany(), CalendarUse::Days::business, 0, true};
  EXPECT_TRUE(use.keeps(*parse_time("2026-01-02T08:00Z"), berlin));   // 09:00
  EXPECT_FALSE(use.keeps(*parse_time("2026-01-02T16:00Z"), berlin));  // 17:00
  // Good Friday evening → Tuesday morning, by then in summer time.
  EXPECT_EQ(berlin.text(*use.opens(*parse_time("2026-04-02T18:00Z"), berlin)),
            "2026-04-07 09:00 CEST");
  use.days = CalendarUse::Days::nth;
  use.nth = -1;
  EXPECT_EQ(berlin.text(*use.opens(*parse_time("2026-05-02"), berlin)), "2026-05-29 09:00 CEST");
  use.nth = 23;
  EXPECT_EQ(berlin.text(*use.opens(*parse_time("2026-04-01"), berlin)), "2026-07-31 09:00 CEST");
  use.nth = 25;
  EXPECT_FALSE(use.opens(*parse_time("2026-04-01"), berlin));
  use.days = CalendarUse::Days::holidays;
  use.business_hours = false;
  EXPECT_EQ(berlin.text(*use.opens(*parse_time("2026-04-02T12:00Z"), berlin)),
            "2026-04-03 00:00 CEST");
}

std::string holidays(const std::string& event, std::string_view until = "2030-01-01") {
  std::string out;
  for (const auto& [one, name] :
       read_icalendar("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n" + event +
                          "END:VEVENT\r\nEND:VCALENDAR\r\n",
                      "holidays.ics", day(until)))
    out += (out.empty() ? "" : ", ") + text(one) + (name.empty() ? "" : " " + name);
  return out;
}

TEST(ICalendar, EventsOfWholeDays) {
  EXPECT_EQ(
      holidays("DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Wei\r\n "
               "hnachten\\, alle\r\n"),
      "2026-12-24 Weihnachten, alle, 2026-12-25 Weihnachten, alle, 2026-12-26 Weihnachten, alle");
  EXPECT_EQ(holidays("DTSTART:20261224T120000Z\r\nSUMMARY:no day\r\n"), "");
  EXPECT_EQ(holidays("DTSTART;VALUE=DATE:20261224\r\nSTATUS:CANCELLED\r\n"), "");
  EXPECT_EQ(holidays("DTSTART;VALUE=DATE:20280229\r\nDURATION:P2D\r\n"), "2028-02-29, 2028-03-01");
}

TEST(ICalendar, Repeated) {
  EXPECT_EQ(holidays("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;COUNT=3\r\n"),
            "2026-01-01, 2027-01-01, 2028-01-01");
  // Thanksgiving.
  EXPECT_EQ(holidays("DTSTART;VALUE=DATE:20261126\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\r\n",
                     "2028-12-31"),
            "2026-11-26, 2027-11-25, 2028-11-23");
  EXPECT_EQ(holidays("DTSTART;VALUE=DATE:20260131\r\nRRULE:FREQ=MONTHLY;UNTIL=20260630\r\n"),
            "2026-01-31, 2026-03-31, 2026-05-31");
  EXPECT_EQ(
      holidays("DTSTART;VALUE=DATE:20260102\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3\r\nEXDATE;"
               "VALUE=DATE:20260116\r\n"),
      "2026-01-02, 2026-01-30");
  EXPECT_EQ(holidays("DTSTART;VALUE=DATE:20260129\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2\r\n"),
            "2026-01-31, 2026-02-28");
}

TEST(ICalendar, WhatIsWrong) {
  const auto wrong = [](const std::string& text) -> std::string {
    try {
      read_icalendar(text, "h.ics", 30'000);
    } catch (const Error& error) {
      return error.problem().place.text() + ": " + error.problem().message;
    }
    return "taken";
  };
  EXPECT_EQ(wrong("hello"), "h.ics:1:1: a line without \":\"");
  EXPECT_EQ(wrong("a:b"), "h.ics:1:1: this is no iCalendar file");
  EXPECT_EQ(wrong(""), "h.ics:1:1: the file ends in the middle");
  EXPECT_EQ(wrong("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260230\nEND:VEVENT\n"
                  "END:VCALENDAR"),
            "h.ics:3:1: there is no day 20260230");
  EXPECT_EQ(wrong("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260201\n"
                  "RRULE:FREQ=YEARLY;BYEASTER=1\nEND:VEVENT\nEND:VCALENDAR"),
            "h.ics:4:1: BYEASTER in RRULE is not known");
  EXPECT_EQ(wrong("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:2026\nEND:VEVENT\n"
                  "END:VCALENDAR"),
            "h.ics:3:1: \"2026\" is no date");
}

}  // namespace
}  // namespace windrow::schedule
