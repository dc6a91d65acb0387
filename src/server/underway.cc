#include "server/underway.h"

#include <algorithm>

namespace windrow::server {

namespace {

using app::Json;

/// A run may have a hundred thousand tasks that wait: so many are named.
constexpr size_t kWaitingMax = 500;

double seconds_of(std::chrono::microseconds time) { return double(time.count()) / 1e6; }

Json json_of_asker(const run::Asker& asker) {
  return {{"project", asker.project}, {"run", asker.run}, {"task", asker.task}};
}

}  // namespace

void Underway::told(const observe::Event& event) {
  using namespace observe;
  std::lock_guard lock(mutex_);
  if (const auto* held = std::get_if<TaskHeld>(&event.what)) {
    waits_[{event.run, held->asset}] = {"its hours", event.at, held->until};
  } else if (const auto* again = std::get_if<TaskRetrying>(&event.what)) {
    waits_[{event.run, again->asset}] = {"another attempt", event.at, event.at + again->wait};
  } else if (const auto* started = std::get_if<TaskStarted>(&event.what)) {
    waits_.erase({event.run, started->asset});
  } else if (const auto* gave_way = std::get_if<TaskGaveWay>(&event.what)) {
    gave_way_[{event.run, gave_way->asset}] = gave_way->to;
  } else if (const auto* on = std::get_if<TaskWentOn>(&event.what)) {
    gave_way_.erase({event.run, on->asset});
  } else if (const auto* outcome = std::get_if<TaskOutcome>(&event.what)) {
    waits_.erase({event.run, outcome->asset});
    gave_way_.erase({event.run, outcome->asset});
  } else if (std::holds_alternative<RunEnded>(event.what)) {
    const auto of_run = [&](const auto& each) { return each.first.first == event.run; };
    std::erase_if(waits_, of_run);
    std::erase_if(gave_way_, of_run);
  }
}

Json Underway::tasks(const std::string& project, const std::vector<run::Standing>& standing,
                     Time now) const {
  Json out = Json::array();
  for (const auto& each : standing) {
    if (each.asker.project != project || !each.granted) continue;
    out.push_back({{"run", each.asker.run},
                   {"task", each.asker.task},
                   {"state", "runs"},
                   {"priority", each.priority},
                   {"seconds", seconds_of(each.since)}});
  }
  const size_t most = out.size() + kWaitingMax;
  std::lock_guard lock(mutex_);
  for (const auto& each : standing) {
    if (each.asker.project != project || each.granted || out.size() == most) continue;
    const auto gave_way = gave_way_.find({each.asker.run, each.asker.task});
    Json one{{"run", each.asker.run},
             {"task", each.asker.task},
             {"state", gave_way == gave_way_.end() ? "waits" : "gave way"},
             {"priority", each.priority},
             {"seconds", seconds_of(each.since)},
             {"for", each.lacks},
             {"held_by", Json::array()}};
    for (const auto& holder : each.holders) one["held_by"].push_back(json_of_asker(holder));
    if (gave_way != gave_way_.end()) one["gave_way_to"] = gave_way->second;
    out.push_back(std::move(one));
  }
  for (const auto& [key, wait] : waits_) {
    if (wait.until <= now || out.size() == most) continue;  // it asks for its shares since
    out.push_back({{"run", key.first},
                   {"task", key.second},
                   {"state", "waits"},
                   {"seconds", seconds_of(now - wait.from)},
                   {"for", {wait.what}},
                   {"until", iso(wait.until)}});
  }
  return out;
}

}  // namespace windrow::server
