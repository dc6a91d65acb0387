#include "app/schedule_views.h"

#include <algorithm>

#include "base/nearest.h"

namespace windrow::app {

namespace {

using schedule::Schedule;

Json zoned(const Schedule& schedule, Time t) {
  return {{"due", iso(t)}, {"local", schedule.zone.text(t)}};
}

Json schedule_json(const Schedule& schedule, std::optional<Time> next) {
  Json out = {{"schedule", schedule.name},
              {"project", schedule.project},
              {"trigger", text_of(schedule.trigger)},
              {"timezone", schedule.zone.name()},
              {"next", next ? Json(iso(*next)) : Json()},
              {"calendar", schedule.calendar ? Json(schedule.calendar->calendar.name) : Json()},
              {"select", schedule.select},
              {"tags", schedule.tags},
              {"paused", schedule.paused},
              {"catchup", schedule::name_of(schedule.catchup)},
              {"overlap", schedule::name_of(schedule.overlap)},
              {"max_active_runs", schedule.max_active_runs}};
  if (schedule.deadline) out["deadline"] = duration_text(*schedule.deadline);
  return out;
}

}  // namespace

std::vector<const Schedule*> chosen_schedules(const project::Project& project,
                                              const std::string& name) {
  std::vector<const Schedule*> out;
  std::vector<std::string> known;
  const std::string tag = name.starts_with("tag:") ? name.substr(4) : name;
  for (const auto& one : project.schedules) {
    known.push_back(one.name);
    known.insert(known.end(), one.tags.begin(), one.tags.end());
    const bool tagged = std::find(one.tags.begin(), one.tags.end(), tag) != one.tags.end();
    if (name.empty() || one.name == name || tagged) out.push_back(&one);
  }
  if (out.empty() && !name.empty())
    throw Error(Code::usage, "there is no schedule \"" + name + "\"",
                known.empty() ? "schedules are declared in windrow.yaml, or in schedules/"
                              : did_you_mean(name, known));
  return out;
}

Json schedules_json(const project::Project& project, const std::vector<const Schedule*>& chosen,
                    Time now) {
  Json out = {{"schedules", Json::array()}, {"problems", Json::array()}};
  for (const auto& problem : project.schedule_problems) out["problems"].push_back(json_of(problem));
  for (const auto* one : chosen)
    out["schedules"].push_back(schedule_json(*one, next_due(*one, now)));
  return out;
}

std::vector<DueOf> due_times(const std::vector<const Schedule*>& all, Time from, size_t count) {
  std::vector<DueOf> out;
  const auto later = [](const DueOf& a, const DueOf& b) { return a.at > b.at; };
  std::vector<DueOf> heap;
  // A due time at `from` itself is one of them.
  for (const auto* one : all) {
    if (all.size() > 1 && one->paused) continue;  // asked by name it is told nevertheless
    if (const auto due = next_due(*one, from - std::chrono::microseconds(1)))
      heap.push_back({*due, one});
  }
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty() && out.size() < count) {
    std::pop_heap(heap.begin(), heap.end(), later);
    out.push_back(heap.back());
    const auto due = next_due(*heap.back().schedule, heap.back().at);
    heap.pop_back();
    if (!due) continue;
    heap.push_back({*due, out.back().schedule});
    std::push_heap(heap.begin(), heap.end(), later);
  }
  return out;
}

Json due_json(const std::vector<DueOf>& due, Time from) {
  Json out = {{"from", iso(from)}, {"due", Json::array()}};
  for (const auto& one : due) {
    Json each = zoned(*one.schedule, one.at);
    each["schedule"] = one.schedule->name;
    each["timezone"] = one.schedule->zone.name();
    out["due"].push_back(std::move(each));
  }
  return out;
}

}  // namespace windrow::app
