#include "server/alone.h"

#include "base/error.h"
#include "history/schedule_state.h"
#include "schedule/scheduler.h"
#include "server/claim.h"

namespace windrow::server {

namespace {

std::unique_ptr<Claim> claim_of(const std::string& root) {
  auto claim = Claim::take(root + "/.windrow");
  if (!claim) {
    throw Error(Code::conflict, "a server of this project has just begun, or is ending",
                "try again: then it is asked");
  }
  return claim;
}

}  // namespace

void pause_alone(const std::string& root, const std::string& environment,
                 const std::vector<std::string>& schedules, std::optional<bool> paused) {
  const auto claim = claim_of(root);
  history::ScheduleState state(root + "/.windrow/history.db", environment);
  const auto memories = state.memories();
  std::map<std::string, std::string> changed;
  for (const auto& id : schedules) {
    const auto name = id.substr(id.find('/') + 1);
    const auto found = memories.find(name);
    auto memory =
        found != memories.end() ? schedule::read_memory(found->second) : schedule::Memory{};
    memory.schedule = id;
    memory.paused = paused;
    changed[name] = schedule::text(memory);
  }
  state.decide(changed, {});
}

bool cancel_alone(const std::string& root, const std::string& environment, const std::string& run) {
  const auto claim = claim_of(root);
  history::ScheduleState state(root + "/.windrow/history.db", environment);
  const auto fire = state.fire_of(run);
  if (!fire || fire->ended) return false;
  state.cancel(run, "canceled by hand");
  return true;
}

std::optional<Interval> interval_by_hand(const std::string& root, const std::string& environment,
                                         const schedule::Schedule& schedule,
                                         const std::vector<schedule::Schedule>& all, Time now) {
  const history::ScheduleState state(root + "/.windrow/history.db", environment);
  std::vector<schedule::Memory> memories;
  for (const auto& [name, text] : state.memories()) {
    if (name == schedule.name) memories.push_back(schedule::read_memory(text));
  }
  schedule::Scheduler scheduler(std::move(memories), now);
  scheduler.declare(schedule.project, all);
  schedule::Wanted wanted;
  wanted.schedule = schedule.id();
  wanted.request = "by hand";
  for (const auto& decision : scheduler.step(now, {wanted}).decisions) {
    const auto* start = std::get_if<schedule::Start>(&decision);
    if (start && start->fire.detail == wanted.request) return start->fire.interval;
  }
  return {};
}

}  // namespace windrow::server
