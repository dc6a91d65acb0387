#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "project/values.h"
#include "schedule/schedule.h"

/// Schedules and calendars as they are written, before their names are looked up.
namespace windrow::project {

struct DeclaredCalendar {
  std::string name;
  schedule::Calendar calendar;  ///< without what comes from files
  std::vector<Text> files;      ///< of holidays, relative to the project
  bool broken = false;          ///< what is wrong with it has been said
  Place place;
};

struct DeclaredSchedule {
  Text name;
  schedule::Schedule schedule;
  Text timezone, start, end;
  Text calendar;                      ///< its name; empty: none
  schedule::CalendarUse use;          ///< what is kept of it
  Text after;                         ///< as written: `ingest`, `other/ingest`
  std::vector<Text> tables, sensors;  ///< of triggers and needs: must be there
  std::vector<std::pair<Text, Text>> vars;
};

}  // namespace windrow::project
