#include "project/schedule_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/nearest.h"
#include "base/text.h"
#include "project/names.h"
#include "project/text_file.h"
#include "project/types.h"
#include "project/yaml_reader.h"

namespace windrow::project {
namespace {

using Holidays = std::vector<std::pair<schedule::Day, std::string>>;

/// Events that come every year go on until then.
constexpr schedule::Day kHolidaysEnd = 47'482;  // 2100-01-01

/// A list of dates, or a mapping of dates to names.
Holidays read_holidays(const Node& node, const std::string& file, Problems& problems) {
  Holidays out;
  const auto take = [&](const Node& date, const std::string& name) {
    const auto day = schedule::parse_day(date.text);
    if (day) out.emplace_back(*day, name);
    if (!day)
      problems.add(Code::configuration,
                   "expected a date such as 2026-12-25, found " + in_quotes(date.text), "",
                   {file, date.line, date.column});
  };
  for (const auto& item : node.items) take(item, "");
  for (const auto& entry : node.entries) take(entry.key, entry.value.text);
  if (node.kind != Node::Kind::list && node.kind != Node::Kind::map)
    problems.add(Code::configuration, "expected a list of dates, or a mapping of dates to names",
                 "", {file, node.line, node.column});
  return out;
}

Holidays holidays_of(const Text& file, const Project& project, const Overlay& overlay,
                     Problems& problems) {
  try {
    const auto over = overlay.find(file.value);
    const std::string text = over != overlay.end() && over->second
                                 ? *over->second
                                 : read_text_file(project.root + "/" + file.value);
    if (file.value.ends_with(".ics"))
      return schedule::read_icalendar(text, file.value, kHolidaysEnd);
    const auto node = read_yaml(text, {file.value, 1, 1}, problems);
    return node ? read_holidays(*node, file.value, problems) : Holidays();
  } catch (const Error& error) {
    Problem problem = error.problem();
    if (!problem.place.known()) problem.place = file.place;
    problems.add(std::move(problem));
    return {};
  }
}

/// Calendars that could be read; of the others the problems.
std::map<std::string, schedule::Calendar> calendars_of(const Project& project,
                                                       const Overlay& overlay,
                                                       std::vector<Problem>& wrong) {
  std::map<std::string, schedule::Calendar> out;
  for (const auto& declared : project.calendars) {
    if (declared.broken) continue;
    Problems problems;
    schedule::Calendar calendar = declared.calendar;
    for (const auto& file : declared.files) {
      const auto more = holidays_of(file, project, overlay, problems);
      calendar.holidays.insert(calendar.holidays.end(), more.begin(), more.end());
    }
    auto& days = calendar.holidays;
    std::stable_sort(days.begin(), days.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    days.erase(std::unique(days.begin(), days.end(),
                           [](const auto& a, const auto& b) { return a.first == b.first; }),
               days.end());
    if (calendar.weekend.all())
      problems.add(Code::configuration,
                   "calendar " + in_quotes(declared.name) + " has no business days", "",
                   declared.place);
    wrong.insert(wrong.end(), problems.all().begin(), problems.all().end());
    if (problems.empty()) out.emplace(declared.name, std::move(calendar));
  }
  return out;
}

/// Looks up what a schedule names, and says what is not there.
class ScheduleRules {
 public:
  ScheduleRules(Project& project, const Overlay& overlay) : project_(project) {
    calendars_ = calendars_of(project, overlay, project.schedule_problems);
    for (const auto& declared : project.calendars) calendar_names_.insert(declared.name);
    for (const auto& source : project.sources) tables_.insert(source.name);
    for (const auto& model : project.models) tables_.insert(model.name);
    for (const auto& seed : project.seeds) tables_.insert(seed.name);
    for (const auto& sensor : project.declared_sensors) sensors_.insert(sensor.name);
    for (const auto& declared : project.declared_schedules) names_.insert(declared.name.value);
  }

  void run() {
    std::map<std::string, Place> seen;
    for (const auto& declared : project_.declared_schedules) {
      const auto [other, is_new] = seen.emplace(lower(declared.name.value), declared.name.place);
      if (!is_new)
        wrong(declared, "is declared twice: also in " + other->second.text(), "",
              declared.name.place);
      look(declared, is_new);
    }
    refuse_circles();
    std::sort(project_.schedules.begin(), project_.schedules.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

 private:
  void wrong(const DeclaredSchedule& declared, const std::string& what, std::string hint,
             const Place& place) {
    good_ = false;
    project_.schedule_problems.push_back({Code::configuration,
                                          "schedule " + in_quotes(declared.name.value) + " " + what,
                                          std::move(hint), place});
  }

  void known(const DeclaredSchedule& declared, const Text& name, const std::set<std::string>& all,
             const std::string& what) {
    if (all.contains(name.value)) return;
    wrong(declared, "names " + what + " " + in_quotes(name.shown()) + ", which is not there",
          did_you_mean(name.value, {all.begin(), all.end()}), name.place);
  }

  void look(const DeclaredSchedule& declared, bool good) {
    good_ = good;
    schedule::Schedule made = declared.schedule;
    made.project = project_.name;
    if (project_.complete) {
      for (const auto& table : declared.tables) known(declared, table, tables_, "table");
      for (const auto& sensor : declared.sensors) look_at_sensor(declared, sensor);
    }
    look_at_vars(declared, made);
    if (!declared.calendar.empty()) look_at_calendar(declared, made);
    if (!declared.after.empty()) look_at_after(declared, made);
    if (good_ && never_due(made))
      wrong(declared,
            "is never due: " + text_of(made.trigger) + " and its calendar or end do not meet", "",
            declared.name.place);
    if (good_) project_.schedules.push_back(std::move(made));
  }

  /// Neither in the years after 2000, which last ten where a calendar has a say, nor in those after
  /// its first holiday.
  static bool never_due(const schedule::Schedule& made) {
    if (!by_clock(made.trigger) || next_due(made, kFirstLook)) return false;
    if (!made.calendar || made.calendar->calendar.holidays.empty()) return true;
    return !next_due(made, Time(std::chrono::days(made.calendar->calendar.holidays[0].first - 1)));
  }

  void look_at_sensor(const DeclaredSchedule& declared, const Text& name) {
    known(declared, name, sensors_, "sensor");
    if (!project_.sensor(name.value)) good_ = false;  // what is wrong with it has been said
  }

  void look_at_vars(const DeclaredSchedule& declared, schedule::Schedule& made) {
    for (const auto& [name, value] : declared.vars) {
      const auto found = project_.vars.find(name.value);
      if (found == project_.vars.end()) {
        std::set<std::string> all;
        for (const auto& [each, variable] : project_.vars) all.insert(each);
        known(declared, name, all, "variable");
      } else if (!fits_variable(found->second.type, value.value, project_.zone)) {
        wrong(declared,
              "gives variable " + in_quotes(name.value) + " " + in_quotes(value.shown()) +
                  ", which is no " + found->second.type,
              "", value.place);
      }
      made.vars[name.value] = value.value;
    }
  }

  void look_at_calendar(const DeclaredSchedule& declared, schedule::Schedule& made) {
    known(declared, declared.calendar, calendar_names_, "calendar");
    const auto found = calendars_.find(declared.calendar.value);
    made.calendar = declared.use;
    if (found == calendars_.end())
      good_ = false;  // what is wrong with it has been said
    else
      made.calendar->calendar = found->second;
  }

  void look_at_after(const DeclaredSchedule& declared, schedule::Schedule& made) {
    auto& after = std::get<schedule::AfterSchedule>(made.trigger);
    const std::string own = project_.name + "/";
    if (after.schedule.find('/') == std::string::npos) after.schedule = own + after.schedule;
    if (!after.schedule.starts_with(own)) return;  // who serves both projects sees that
    known(declared, {after.schedule.substr(own.size()), declared.after.place, {}}, names_,
          "schedule");
  }

  void refuse_circles() {
    std::map<std::string, const schedule::Schedule*> by_id;
    for (const auto& one : project_.schedules) by_id[one.id()] = &one;
    std::set<std::string> in_circle;
    for (const auto& one : project_.schedules) {
      std::vector<const schedule::Schedule*> path;
      const schedule::Schedule* at = &one;
      while (at && std::find(path.begin(), path.end(), at) == path.end()) {
        path.push_back(at);
        const auto* after = std::get_if<schedule::AfterSchedule>(&at->trigger);
        const auto next = after ? by_id.find(after->schedule) : by_id.end();
        at = next == by_id.end() ? nullptr : next->second;
      }
      if (at != &one || in_circle.contains(one.name)) continue;
      std::string circle;
      for (const auto* each : path) {
        in_circle.insert(each->name);
        circle += each->name + " after ";
      }
      project_.schedule_problems.push_back(
          {Code::configuration, "schedules follow each other in a circle: " + circle + one.name,
           "one of them needs another trigger", one.place});
    }
    std::erase_if(project_.schedules,
                  [&](const auto& one) { return in_circle.contains(one.name); });
  }

  /// Whether anything is ever due does not depend on today.
  static constexpr Time kFirstLook{std::chrono::days(10'957)};  // 2000-01-01

  Project& project_;
  std::map<std::string, schedule::Calendar> calendars_;
  std::set<std::string> calendar_names_, tables_, sensors_, names_;
  bool good_ = true;
};

}  // namespace

void settle_schedules(Project& project, const Overlay& overlay) {
  ScheduleRules(project, overlay).run();
}

}  // namespace windrow::project
