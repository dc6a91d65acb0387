#include "schedule/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "schedule/turn.h"

namespace windrow::schedule {

namespace {

/// Of the last runs: how long one takes.
constexpr size_t kDurationsMax = 10;

}  // namespace

/// All schedules with what is known of them.
class Scheduler::Book {
 public:
  Book(std::vector<Memory> memories, std::optional<Time> last_step);

  void declare(const std::string& project, std::vector<Schedule> schedules);
  std::vector<Problem> problems();
  Step step(Time now, const std::vector<Observation>& observations);
  std::vector<Fire> in_flight() const;
  std::optional<Status> status(std::string_view id) const;
  std::vector<Status> all() const;
  std::set<TableName> tables();
  std::set<std::pair<std::string, std::string>> sensors();

 private:
  struct Entry {
    Schedule schedule;
    Memory memory;
    bool declared = false;  ///< else only what is in flight and remembered
    bool anew = false;      ///< declared since the last step, and so touched
    bool gone = false;      ///< no longer declared since the last step
    bool broken = false;    ///< follows what is not there, or itself
    bool touched = false;
    std::unique_ptr<const Memory> before;  ///< the step that goes on; none: nobody looked at it
    std::optional<Time> wake;
  };
  struct Alarm {
    Time at;
    size_t entry;
    bool operator>(const Alarm& o) const { return at > o.at || (at == o.at && entry > o.entry); }
  };

  size_t entry_of(const std::string& id);
  /// Before anything of an entry is changed: it is looked at in this step, or the next.
  void touch(size_t i);
  void touch_all(const std::vector<size_t>& entries);
  /// Who follows whom, who looks at what: made anew after a declaration.
  void index();
  void find_circles();
  void see(const Observation& observation);
  void see(const RunEnded& ended);
  void see(const TableSeen& table);
  void see(const SensorSeen& sensor);
  void see(const FreshSeen& fresh);
  void see(const Wanted& wanted);
  void see(const PauseSet& pause);
  void see(const Dropped& dropped);
  /// Tells those that follow a schedule.
  void pass_on(const std::string& id, const Fire& fire, Time ended, bool well);
  void look(size_t i);
  bool stale(const Alarm& alarm) const { return entries_[alarm.entry].wake != alarm.at; }
  Status status_of(const Entry& entry) const;
  Entry* find(const std::string& id);
  Turn turn(Entry& entry) {
    return Turn(entry.schedule, entry.memory, world_, now_, step_.decisions);
  }

  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> by_id_;
  std::map<std::string, std::vector<size_t>> by_project_;
  World world_;
  std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms_;
  std::vector<size_t> touched_;
  bool indexed_ = true;
  std::unordered_map<std::string, std::vector<size_t>> followers_;
  std::map<TableName, std::vector<size_t>> tables_;
  std::map<std::pair<std::string, std::string>, std::vector<size_t>> sensors_;
  std::vector<Problem> problems_;
  std::optional<Time> last_step_;
  bool alive_ = false;  ///< the last step was this process's

  // Of the step that goes on.
  Time now_{};
  Step step_;
};

Scheduler::Book::Book(std::vector<Memory> memories, std::optional<Time> last_step)
    : last_step_(last_step) {
  entries_.reserve(memories.size());
  for (auto& memory : memories) {
    const size_t i = entry_of(memory.schedule);
    entries_[i].memory = std::move(memory);
    const auto slash = entries_[i].memory.schedule.find('/');
    entries_[i].schedule.project = entries_[i].memory.schedule.substr(0, slash);
    entries_[i].schedule.name = entries_[i].memory.schedule.substr(
        slash == std::string::npos ? entries_[i].memory.schedule.size() : slash + 1);
  }
}

size_t Scheduler::Book::entry_of(const std::string& id) {
  const auto [found, fresh] = by_id_.emplace(id, entries_.size());
  if (fresh) {
    entries_.emplace_back();
    entries_.back().memory.schedule = id;
  }
  return found->second;
}

Scheduler::Book::Entry* Scheduler::Book::find(const std::string& id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &entries_[found->second];
}

void Scheduler::Book::touch(size_t i) {
  Entry& entry = entries_[i];
  if (entry.touched) return;
  entry.touched = true;
  if (!entry.before) entry.before = std::make_unique<const Memory>(entry.memory);
  touched_.push_back(i);
}

void Scheduler::Book::touch_all(const std::vector<size_t>& entries) {
  for (const size_t i : entries) touch(i);
}

// --- declaring -----------------------------------------------------------------------------------

void Scheduler::Book::declare(const std::string& project, std::vector<Schedule> schedules) {
  indexed_ = false;
  auto& own = by_project_[project];
  for (const size_t i : own) entries_[i].gone = true;
  std::vector<size_t> now;
  for (auto& schedule : schedules) {
    const size_t i = entry_of(schedule.id());
    Entry& entry = entries_[i];
    entry.schedule = std::move(schedule);
    entry.declared = entry.anew = true;
    entry.gone = false;
    now.push_back(i);
    touch(i);
  }
  for (const size_t i : own) {
    if (!entries_[i].gone) continue;
    entries_[i].declared = false;
    touch(i);
  }
  own = std::move(now);
}

void Scheduler::Book::index() {
  if (indexed_) return;
  indexed_ = true;
  followers_.clear();
  tables_.clear();
  sensors_.clear();
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const Schedule& schedule = entry.schedule;
    if (!entry.declared) continue;
    if (const auto* after = std::get_if<AfterSchedule>(&schedule.trigger))
      followers_[after->schedule].push_back(i);
    std::set<std::string> names;
    if (const auto* change = std::get_if<OnChange>(&schedule.trigger))
      names.insert(change->tables.begin(), change->tables.end());
    for (const auto& need : schedule.needs) names.insert(need.table);
    for (const auto& table : names) tables_[{schedule.project, table}].push_back(i);
    if (const auto* sensor = std::get_if<OnSensor>(&schedule.trigger)) {
      for (const auto& name : std::set(sensor->sensors.begin(), sensor->sensors.end()))
        sensors_[{schedule.project, name}].push_back(i);
    }
  }
  find_circles();
}

void Scheduler::Book::find_circles() {
  problems_.clear();
  const auto before = [&](size_t i) -> std::optional<size_t> {
    const auto* after = std::get_if<AfterSchedule>(&entries_[i].schedule.trigger);
    if (!after || !entries_[i].declared) return {};
    const auto found = by_id_.find(after->schedule);
    if (found == by_id_.end() || !entries_[found->second].declared) return {};
    return found->second;
  };
  enum : char { unknown, open, done };
  std::vector<char> state(entries_.size(), unknown);
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const bool was_broken = entry.broken;
    entry.broken = false;
    const auto* after = std::get_if<AfterSchedule>(&entry.schedule.trigger);
    if (entry.declared && after && !before(i)) {
      entry.broken = true;
      problems_.push_back({Code::configuration,
                           fmt::format("schedule \"{}\" follows \"{}\", which is not there",
                                       entry.schedule.name, after->schedule),
                           "another project's schedule is named project/schedule",
                           entry.schedule.place});
    }
    if (was_broken != entry.broken) touch(i);
  }
  for (size_t i = 0; i < entries_.size(); ++i) {
    std::vector<size_t> path;
    std::optional<size_t> at = i;
    for (; at && state[*at] == unknown; at = before(*at)) {
      state[*at] = open;
      path.push_back(*at);
    }
    if (at && state[*at] == open) {
      const auto begin = std::find(path.begin(), path.end(), *at);
      std::string circle;
      for (auto one = begin; one != path.end(); ++one) {
        circle += entries_[*one].schedule.id() + " after ";
        entries_[*one].broken = true;
        touch(*one);
      }
      const Schedule& first = entries_[*begin].schedule;
      problems_.push_back({Code::configuration,
                           "schedules follow each other in a circle: " + circle + first.id(),
                           "one of them needs another trigger", first.place});
    }
    for (const size_t one : path) state[one] = done;
  }
}

std::vector<Problem> Scheduler::Book::problems() {
  index();
  return problems_;
}

// --- what happened -------------------------------------------------------------------------------

void Scheduler::Book::see(const RunEnded& ended) {
  Entry* entry = find(ended.schedule);
  if (!entry) return;
  touch(by_id_.at(ended.schedule));
  Memory& memory = entry->memory;
  const auto one = std::find_if(memory.running.begin(), memory.running.end(),
                                [&](const Memory::Running& r) { return r.fire.due == ended.due; });
  if (one == memory.running.end()) return;
  const Fire fire = std::move(one->fire);
  memory.running.erase(one);
  const bool well = ended.outcome == RunEnded::Outcome::success;
  // A clock that went wrong must not silence what is counted from here.
  const Time end = std::min(ended.ended, now_), begin = std::min(ended.began, end);
  memory.last_end = memory.last_end ? std::max(*memory.last_end, end) : end;
  memory.last_failed = !well;
  if (well) {
    memory.fresh = memory.fresh ? std::max(*memory.fresh, begin) : begin;
    memory.durations.push_back((end - begin).count());
    if (memory.durations.size() > kDurationsMax) memory.durations.erase(memory.durations.begin());
  }
  pass_on(ended.schedule, fire, end, well);
}

void Scheduler::Book::pass_on(const std::string& id, const Fire& fire, Time ended, bool well) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  for (const size_t i : found->second) {
    Entry& entry = entries_[i];
    if (entry.broken || (!well && !std::get<AfterSchedule>(entry.schedule.trigger).any_end))
      continue;
    touch(i);
    turn(entry).follow(fire, ended);
  }
}

void Scheduler::Book::see(const TableSeen& table) {
  world_.tables[table.name] = table;
  if (const auto found = tables_.find(table.name); found != tables_.end()) touch_all(found->second);
}

void Scheduler::Book::see(const SensorSeen& sensor) {
  const std::pair name{sensor.project, sensor.sensor};
  world_.sensors[name] = {sensor.token, sensor.text};
  if (const auto found = sensors_.find(name); found != sensors_.end()) touch_all(found->second);
}

void Scheduler::Book::see(const FreshSeen& fresh) {
  Entry* entry = find(fresh.schedule);
  if (!entry) return;
  touch(by_id_.at(fresh.schedule));
  const Time at = std::min(fresh.at, now_);
  entry->memory.fresh = entry->memory.fresh ? std::max(*entry->memory.fresh, at) : at;
}

void Scheduler::Book::see(const Wanted& wanted) {
  Entry* entry = find(wanted.schedule);
  if (!entry || !entry->declared) {
    step_.decisions.push_back(Refused{wanted.schedule, wanted.request,
                                      "there is no schedule \"" + wanted.schedule + "\""});
    return;
  }
  touch(by_id_.at(wanted.schedule));
  turn(*entry).want(wanted);
}

void Scheduler::Book::see(const PauseSet& pause) {
  Entry* entry = find(pause.schedule);
  if (!entry) return;
  touch(by_id_.at(pause.schedule));
  turn(*entry).set_paused(pause.paused);
}

void Scheduler::Book::see(const Dropped& dropped) {
  Entry* entry = find(dropped.schedule);
  if (!entry) return;
  touch(by_id_.at(dropped.schedule));
  turn(*entry).drop(dropped.due);
}

void Scheduler::Book::see(const Observation& observation) {
  std::visit([this](const auto& one) { see(one); }, observation);
}

// --- a step --------------------------------------------------------------------------------------

void Scheduler::Book::look(size_t i) {
  Entry& entry = entries_[i];
  entry.touched = false;
  const auto alarm = entry.wake;
  entry.wake.reset();
  Turn turn = this->turn(entry);
  if (!entry.declared) {
    if (entry.gone) turn.end();
    entry.gone = false;
    return;
  }
  turn.mind_the_clock();
  turn.look(!entry.broken);
  entry.wake = turn.wake();
  if (entry.wake && entry.wake != alarm) alarms_.push({*entry.wake, i});
  for (const auto& fire : turn.failed()) pass_on(entry.schedule.id(), fire, now_, false);
}

Step Scheduler::Book::step(Time now, const std::vector<Observation>& observations) {
  now_ = now;
  step_ = {};
  step_.now = now;
  index();
  if (last_step_ && now < *last_step_) {
    for (size_t i = 0; i < entries_.size(); ++i) touch(i);
  }
  while (!alarms_.empty() && (alarms_.top().at <= now || stale(alarms_.top()))) {
    const Alarm alarm = alarms_.top();
    alarms_.pop();
    if (stale(alarm)) continue;
    entries_[alarm.entry].wake.reset();
    touch(alarm.entry);
  }
  for (const size_t i : touched_) {
    if (entries_[i].anew) turn(entries_[i]).begin(alive_ ? now_ : last_step_);
    entries_[i].anew = false;
  }
  for (const auto& observation : observations) see(observation);
  for (size_t n = 0; n < touched_.size(); ++n) {
    if (entries_[touched_[n]].touched) look(touched_[n]);
  }
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (const size_t i : touched_) {
    Entry& entry = entries_[i];
    if (*entry.before != entry.memory) step_.changed.push_back(entry.memory);
    entry.before.reset();
  }
  touched_.clear();
  while (!alarms_.empty() && stale(alarms_.top())) alarms_.pop();
  if (!alarms_.empty()) step_.wake = alarms_.top().at;
  last_step_ = now;
  alive_ = true;
  return std::move(step_);
}

// --- as it is ------------------------------------------------------------------------------------

std::vector<Fire> Scheduler::Book::in_flight() const {
  std::vector<Fire> out;
  for (const auto& entry : entries_) {
    for (const auto& running : entry.memory.running) out.push_back(running.fire);
  }
  return out;
}

Status Scheduler::Book::status_of(const Entry& entry) const {
  const Memory& memory = entry.memory;
  Status out{&entry.schedule, &memory, memory.paused.value_or(entry.schedule.paused), {}, false};
  out.behind = memory.accepted && memory.settled && *memory.accepted > *memory.settled;
  if (by_clock(entry.schedule.trigger) && memory.settled) {
    out.next = next_due(entry.schedule, out.behind ? *memory.accepted : *memory.settled);
  } else if (memory.waiting.empty() && memory.running.empty()) {
    out.next = entry.wake;
  }
  for (const auto& fire : memory.waiting) {
    if (last_step_ && fire.due > *last_step_ && (!out.next || fire.due < *out.next))
      out.next = fire.due;
  }
  return out;
}

std::optional<Status> Scheduler::Book::status(std::string_view id) const {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end() || !entries_[found->second].declared) return {};
  return status_of(entries_[found->second]);
}

std::vector<Status> Scheduler::Book::all() const {
  std::vector<Status> out;
  for (const auto& entry : entries_) {
    if (entry.declared) out.push_back(status_of(entry));
  }
  std::sort(out.begin(), out.end(), [](const Status& a, const Status& b) {
    return a.memory->schedule < b.memory->schedule;
  });
  return out;
}

std::set<TableName> Scheduler::Book::tables() {
  index();
  std::set<TableName> out;
  for (const auto& [name, entries] : tables_) out.insert(name);
  return out;
}

std::set<std::pair<std::string, std::string>> Scheduler::Book::sensors() {
  index();
  std::set<std::pair<std::string, std::string>> out;
  for (const auto& [name, entries] : sensors_) out.insert(name);
  return out;
}

// --- the face of it ------------------------------------------------------------------------------

Scheduler::Scheduler(std::vector<Memory> memories, std::optional<Time> last_step)
    : book_(std::make_unique<Book>(std::move(memories), last_step)) {}
Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;

void Scheduler::declare(const std::string& project, std::vector<Schedule> schedules) {
  book_->declare(project, std::move(schedules));
}
std::vector<Problem> Scheduler::problems() const { return book_->problems(); }
Step Scheduler::step(Time now, const std::vector<Observation>& observations) {
  return book_->step(now, observations);
}
std::vector<Fire> Scheduler::in_flight() const { return book_->in_flight(); }
std::optional<Status> Scheduler::status(std::string_view id) const { return book_->status(id); }
std::vector<Status> Scheduler::all() const { return book_->all(); }
std::set<TableName> Scheduler::tables_watched() const { return book_->tables(); }
std::set<std::pair<std::string, std::string>> Scheduler::sensors_watched() const {
  return book_->sensors();
}

}  // namespace windrow::schedule
