#include "server/sensing.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sensors/look.h"

namespace windrow::server {

namespace {

using namespace std::chrono_literals;

/// What looks by itself for how long it waits says so before it is given up.
constexpr auto kGrace = 500ms;
/// After a change: a file that is written has several.
constexpr auto kAfterChange = 20ms;
constexpr auto kRestMost = 1s;
constexpr auto kHelp = 100ms;
constexpr auto kQuick = 500ms;

Problem problem_of(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return known->problem();
  return {Code::internal, error.what(), "", {}};
}

}  // namespace

Sensing::Sensing(const Clock& clock, Inbox& inbox, Observe observe, Teller teller)
    : clock_(clock),
      inbox_(inbox),
      observe_(std::move(observe)),
      teller_(std::move(teller)),
      events_([this](std::set<std::string> folders) {
        inbox_.post([this, folders = std::move(folders)] { changed(folders); });
      }),
      stoppers_(clock),
      lookers_(clock) {}

Sensing::~Sensing() {
  for (auto& [key, watched] : watched_)
    if (watched.cancel) watched.cancel->request();
}

void Sensing::tell(const Watched& watched, const char* event) const {
  Told line;
  line.event = event;
  line.at = clock_.now();
  line.project = watched.served->name;
  line.zone = watched.served->zone;
  line.sensor = watched.sensor.name;
  if (watched.problem) {
    line.problems = {*watched.problem};
    line.wait =
        std::chrono::duration_cast<std::chrono::microseconds>(watched.next - clock_.steady());
  }
  teller_(line);
}

void Sensing::remember(Served& served, const std::string& sensor, const std::string& seen) {
  seen_[{&served, sensor}] = sensors::read_seen(seen);
}

/// A request to stop may itself wait for a server, so it is made by a thread of its own, and never
/// by one of those that may all hang.
void Sensing::stop(const Watched& watched) {
  if (!watched.cancel) return;
  stoppers_.post(fmt::format("end of look {}", watched.going), true,
                 [cancel = watched.cancel] { cancel->request(); });
}

void Sensing::forget(const Key& key, Watched& watched) {
  if (watched.going != 0) stop(watched);
  due_.erase({watched.next, key});
  for (const auto& folder : watched.folders) {
    auto& there = by_folder_[folder];
    there.erase(key);
    if (there.empty()) by_folder_.erase(folder);
  }
}

void Sensing::declare(Served& served, const std::set<std::string>& sensors) {
  for (auto at = watched_.begin(); at != watched_.end();) {
    const bool goes = at->first.first == &served && !sensors.contains(at->first.second);
    if (goes) forget(at->first, at->second);
    at = goes ? watched_.erase(at) : std::next(at);
  }
  const auto app = served.app();
  const auto workspace = app->workspace();
  const auto now = clock_.steady();
  for (const auto& name : sensors) {
    const auto* sensor = workspace->project.sensor(name);
    if (!sensor) continue;
    const Key key{&served, name};
    auto& watched = watched_[key];
    watched.served = &served;
    watched.sensor = *sensor;
    watched.app = app;
    try {
      watched.place = sensors::endpoint_of(*sensor, workspace->project);
    } catch (const std::exception& error) {
      failed(watched, problem_of(error));
      continue;
    }
    watched.quick = watched.place.starts_with("disk ");
    watched.look = 0;  // one that goes on is of the files before
    if (watched.going != 0) stop(watched);
    look_at(key, watched, now);
    // Also where it cannot be looked at now: somebody may not have heard of it yet.
    if (const auto& seen = seen_[key]; seen.turn > 0)
      observe_(schedule::SensorSeen{served.name, name, seen.token(), seen.text});
  }
}

void Sensing::look_at(const Key& key, Watched& watched, SteadyTime when) {
  due_.erase({watched.next, key});
  watched.next = when;
  due_.insert({when, key});
}

SteadyTime Sensing::wake_at(SteadyTime latest) const {
  if (!due_.empty()) latest = std::min(latest, due_.begin()->first);
  if (help_wanted_) latest = std::min(latest, clock_.steady() + kHelp);
  return latest;
}

void Sensing::begin_due() {
  const auto now = clock_.steady();
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto key = due_.begin()->second;
    due_.erase(due_.begin());
    auto& watched = watched_.at(key);
    watched.next = SteadyTime::max();
    // One that goes on is followed by another when it is over.
    if (watched.going != 0)
      watched.nudged = true;
    else
      begin(key, watched);
  }
  const bool looks = lookers_.help(), stops = stoppers_.help();
  help_wanted_ = looks || stops;
}

void Sensing::begin(const Key& key, Watched& watched) {
  watched.nudged = false;
  watched.look = watched.going = ++looks_;
  watched.cancel = std::make_shared<Cancel>();
  watched.begun = std::make_shared<std::atomic<bool>>(false);
  const auto most = watched.sensor.timeout + kGrace;
  lookers_.post(
      watched.place, watched.quick,
      [this, key, number = watched.look, app = watched.app, cancel = watched.cancel,
       begun = watched.begun, most] {
        *begun = true;
        Look look{key, number, {}, {}, {}};
        const auto began = clock_.steady();
        try {
          // A server that hangs may not hear of a request to stop, so that is made by another
          // thread.
          Alarm alarm(clock_, [this, key, number] {
            inbox_.post([this, key, number] { give_up(key, number); });
          });
          alarm.set(began + most);
          cancel->check();
          look.sight = app->sense(key.second, *cancel);
        } catch (const std::exception& error) {
          look.problem = problem_of(error);
        }
        look.took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady() - began);
        inbox_.post([this, look = std::move(look)] { over(look); });
      });
  for (const auto& [other, each] : watched_)
    if (each.hangs && each.place == watched.place) return behind(watched, each);
}

void Sensing::give_up(const Key& key, uint64_t look) {
  const auto found = watched_.find(key);
  if (found == watched_.end() || found->second.look != look) return;
  auto& watched = found->second;
  stop(watched);
  watched.look = 0;
  watched.hangs = true;
  failed(watched, {Code::timeout,
                   fmt::format("sensor \"{}\": no answer within {}", watched.sensor.name,
                               duration_text(watched.sensor.timeout)),
                   "`timeout:` says how long a look may take", watched.sensor.place});
  for (auto& [other, each] : watched_)
    if (each.going != 0 && !*each.begun && each.place == watched.place) behind(each, watched);
}

void Sensing::behind(Watched& watched, const Watched& hanging) {
  failed(watched,
         {Code::timeout,
          fmt::format("sensor \"{}\" is not looked at: sensor \"{}\" gets no answer from the same "
                      "place",
                      watched.sensor.name, hanging.sensor.name),
          "what is looked at in one place is looked at one after the other", watched.sensor.place});
}

void Sensing::over(Look look) {
  const auto found = watched_.find(look.key);
  if (found == watched_.end() || found->second.going != look.number) return;
  auto& watched = found->second;
  watched.going = 0;
  watched.hangs = false;
  watched.quick = look.sight && look.took < kQuick;
  if (watched.look == look.number) {
    watched.look = 0;
    watched.looked = clock_.now();
    watched.rests_until =
        clock_.steady() + std::min<std::chrono::microseconds>(look.took * 10, kRestMost);
    if (look.sight)
      saw(look.key, watched, look);
    else
      failed(watched, look.problem);
  } else if (!watched.nudged) {
    return;  // it was given up, and is due again
  }
  if (std::exchange(watched.nudged, false)) nudge(look.key);
}

void Sensing::saw(const Key& key, Watched& watched, const Look& look) {
  const auto& sight = *look.sight;
  const bool was_blind = watched.problem.has_value();
  watched.problem.reset();
  watched.sees = sight.text;
  auto& seen = seen_[key];
  const bool is_new = sensors::is_new(seen, sight);
  auto now_seen = sensors::after(seen, sight, clock_.now());
  if (now_seen != seen) {
    seen = std::move(now_seen);
    unwritten_.insert(key);
  }
  if (is_new)
    observe_(schedule::SensorSeen{watched.served->name, key.second, seen.token(), seen.text});
  watch(key, watched, sight.folders);
  look_at(key, watched,
          clock_.steady() + watched.pace.looked(is_new, look.took, watched.sensor.poll,
                                                watched.told, sight.again));
  if (was_blind) tell(watched, "sensor_back");
}

void Sensing::failed(Watched& watched, const Problem& problem) {
  const bool first = !watched.problem;
  watched.problem = problem;
  const Key key{watched.served, watched.sensor.name};
  look_at(key, watched, clock_.steady() + watched.pace.failed(watched.sensor.poll));
  if (first) tell(watched, "sensor_lost");
}

void Sensing::watch(const Key& key, Watched& watched, const std::vector<std::string>& folders) {
  const std::set<std::string> now(folders.begin(), folders.end());
  for (const auto& folder : watched.folders) {
    if (now.contains(folder)) continue;
    by_folder_[folder].erase(key);
    if (by_folder_[folder].empty()) by_folder_.erase(folder);
  }
  for (const auto& folder : now) by_folder_[folder].insert(key);
  watched.folders = now;
  events_.add(folders);
  watched.told = !folders.empty() && std::all_of(folders.begin(), folders.end(), [&](auto& each) {
    return events_.tells_of(each);
  });
}

void Sensing::changed(const std::set<std::string>& folders) {
  for (const auto& folder : folders) {
    const auto found = by_folder_.find(folder);
    if (found == by_folder_.end()) continue;
    for (const auto& key : found->second) nudge(key);
  }
}

void Sensing::nudge(const Key& key) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  auto& watched = found->second;
  if (watched.going != 0) {
    watched.nudged = true;
    return;
  }
  const auto soon = std::max(clock_.steady() + kAfterChange, watched.rests_until);
  if (soon < watched.next) look_at(key, watched, soon);
}

void Sensing::run_ended(const Served& served) {
  for (auto& [key, watched] : watched_) {
    using project::SensorKind;
    const auto kind = watched.sensor.kind;
    const bool of_lake = kind == SensorKind::table && key.first == &served;
    const bool of_project =
        kind == SensorKind::project &&
        sensors::folder_of(watched.sensor, watched.app->workspace()->project) == served.root();
    if (of_lake || of_project) nudge(key);
  }
}

std::map<Served*, std::map<std::string, std::string>> Sensing::take_unwritten() {
  std::map<Served*, std::map<std::string, std::string>> out;
  for (const auto& key : std::exchange(unwritten_, {}))
    out[key.first][std::string(kMemory) + key.second] = sensors::text(seen_.at(key));
  return out;
}

app::Json Sensing::status(const Served& served) const {
  auto out = app::Json::array();
  const auto now = clock_.now();
  const auto steady = clock_.steady();
  for (const auto& [key, watched] : watched_) {
    if (key.first != &served) continue;
    app::Json one{{"sensor", key.second},
                  {"state", watched.problem  ? "failing"
                            : watched.looked ? "waiting"
                                             : "looking"},
                  {"looking", watched.going != 0},
                  {"told_of_changes", watched.told},
                  {"sees", watched.sees}};
    if (watched.looked) one["looked"] = iso(*watched.looked);
    if (watched.next != SteadyTime::max())
      one["next_look"] = iso(now + std::chrono::duration_cast<std::chrono::microseconds>(
                                       std::max(watched.next - steady, SteadyTime::duration(0))));
    if (const auto seen = seen_.find(key); seen != seen_.end() && seen->second.at) {
      one["seen"] = seen->second.text;
      one["seen_at"] = iso(*seen->second.at);
    }
    if (watched.problem) one["problem"] = app::json_of(*watched.problem);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace windrow::server
