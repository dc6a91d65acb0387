#include "server/server.h"

#include <algorithm>
#include <thread>

#include "project/project.h"
#include "run/resources.h"
#include "server/serving.h"

namespace windrow::server {

namespace {

/// The time of day may be set while it waits: so often it looks at it.
constexpr auto kLookMost = std::chrono::seconds(30);
constexpr int kSlotsLeast = 32;
constexpr int kSlotsOfCore = 4;

}  // namespace

int slots_by_itself() {
  return std::max(kSlotsLeast, kSlotsOfCore * int(std::thread::hardware_concurrency()));
}

Server::Server(Options options, OpenApp open, Secrets& secrets, const Clock& clock, Teller teller)
    : serving_(std::make_unique<Serving>(std::move(options), std::move(open), secrets, clock,
                                         std::move(teller))) {}
Server::~Server() = default;
void Server::serve(Cancel& stop) { serving_->serve(stop); }
std::vector<Server::Project> Server::projects() const { return serving_->projects(); }
bool Server::deciding() const { return serving_->deciding(); }
void Server::ask(const std::string& root, const std::string& request,
                 std::function<void(std::string)> answer) {
  serving_->ask(root, request, std::move(answer));
}

Serving::Serving(Options options, OpenApp open, Secrets& secrets, const Clock& clock, Teller teller)
    : options_(std::move(options)),
      open_(std::move(open)),
      secrets_(secrets),
      clock_(clock),
      teller_(std::move(teller)),
      manager_(options_.notify_socket, options_.watchdog_usec),
      resources_(std::make_shared<run::Resources>(clock)),
      inbox_(clock),
      sensing_(std::make_unique<Sensing>(
          clock, inbox_, [this](auto seen) { observations_.push_back(std::move(seen)); },
          teller_)) {
  resources_->set_slots(options_.jobs > 0 ? options_.jobs : slots_by_itself());
  for (auto project : options_.projects) {
    project.resources = resources_;
    const auto root = project::find_root(project.folder);
    const bool twice = std::any_of(projects_.begin(), projects_.end(),
                                   [&](const auto& each) { return each->root() == root; });
    if (!twice) projects_.push_back(std::make_unique<Served>(project, options_.events));
  }
}

Serving::~Serving() {
  watcher_.reset();
  worker_.reset();
  for (auto& served : projects_) {
    served->backfilling.clear();
    served->runs.clear();
  }
  requests_.clear();
  control_.reset();
}

std::vector<Server::Project> Serving::projects() const {
  std::vector<Server::Project> out;
  for (const auto& served : projects_) {
    auto app = served->app();
    const auto workspace = app ? app->workspace() : nullptr;
    out.push_back({workspace ? workspace->project.name : served->folder_name(), served->root(),
                   served->environment(), workspace ? workspace->project.zone : "UTC",
                   std::move(app)});
  }
  return out;
}

void Serving::ask(const std::string& root, const std::string& request, Control::Answer answer) {
  inbox_.post([this, root, request, answer = std::move(answer)] {
    for (auto& served : projects_)
      if (served->root() == root) asked(*served, request, answer);
  });
}

Told Serving::told(const Served& served, const std::string& event) const {
  Told out;
  out.event = event;
  out.at = clock_.now();
  out.project = served.name;
  out.zone = served.zone;
  return out;
}

Served* Serving::served_named(const std::string& project) {
  for (const auto& each : projects_)
    if (each->name == project) return each.get();
  return nullptr;
}

std::pair<Served*, std::string> Serving::of_id(const std::string& id) {
  return {served_named(id.substr(0, id.find('/'))), name_in(id)};
}

void Serving::broken(Served& served, const Error& error) {
  auto line = told(served, served.app() ? "broken" : "waiting");
  line.problems = error.problems();
  tell(line);
}

void Serving::open_all() {
  std::vector<Problem> problems;
  for (auto& served : projects_) {
    try {
      served->load(open_, secrets_, clock_);
      const auto& project = served->app()->workspace()->project;
      if (served_named(project.name) && served_named(project.name) != served.get()) {
        throw Error(Code::usage,
                    "two projects are called \"" + project.name + "\": \"" + served->root() +
                        "\" is not served",
                    "give one of them another name, or a server of its own");
      }
      served->name = project.name;
    } catch (const Error& error) {
      if (projects_.size() > 1) broken(*served, error);
      problems.insert(problems.end(), error.problems().begin(), error.problems().end());
    }
  }
  if (std::none_of(projects_.begin(), projects_.end(),
                   [](const auto& served) { return served->app() != nullptr; }))
    throw Error(problems);
}

void Serving::begin_scheduler() {
  std::vector<schedule::Memory> memories;
  std::optional<Time> last_step;
  for (const auto& served : projects_) {
    for (const auto& [name, text] : served->state().memories()) {
      if (name.starts_with(Sensing::kMemory)) {
        sensing_->remember(*served, name.substr(Sensing::kMemory.size()), text);
        continue;
      }
      if (name.empty()) {  // the scheduler's own: when it last decided
        const auto then = time_from_micros(std::stoll(text));
        last_step = last_step ? std::min(*last_step, then) : then;
        continue;
      }
      try {
        memories.push_back(schedule::read_memory(text));
      } catch (const Error& error) {
        if (error.code() == Code::unsupported) throw;
        auto line = told(*served, "trouble");
        line.schedule = name;
        line.problems = error.problems();
        tell(line);
      }
    }
  }
  scheduler_ = schedule::Scheduler(std::move(memories), last_step);
}

void Serving::take(Served& served, bool again) {
  const auto workspace = served.app()->workspace();
  const auto& project = workspace->project;
  if (!served.taken) {
    if (const auto* other = served_named(project.name); other && other != &served) {
      broken(served, Error(Code::usage, "another project of this server is called \"" +
                                            project.name + "\", too"));
      return;
    }
    served.name = project.name;
  }
  served.zone = project.zone;
  auto line = told(served, again ? "reloaded" : "serving");
  line.problems = project.schedule_problems;
  line.count = int64_t(project.schedules.size());
  scheduler_.declare(served.name, project.schedules);
  std::set<std::string> sensors;
  for (const auto& [whose, sensor] : scheduler_.sensors_watched())
    if (whose == served.name) sensors.insert(sensor);
  sensing_->declare(served, sensors);
  line.text = served.version()->hash.substr(0, 12);
  tell(line);
  served.taken = true;
  ingest(served);
  look_at_backfills(served, false);
}

void Serving::tell_problems() {
  if (std::any_of(projects_.begin(), projects_.end(),
                  [](const auto& served) { return served->app() && !served->taken; }))
    return;  // what one of them lacks another may bring
  auto problems = scheduler_.problems();
  if (problems == problems_) return;
  problems_ = std::move(problems);
  if (problems_.empty()) return;
  Told line;
  line.event = "trouble";
  line.at = clock_.now();
  line.zone = projects_.front()->zone;
  line.problems = problems_;
  tell(line);
}

void Serving::load(Served& served) {
  try {
    const bool before = served.app() != nullptr;
    if (!served.load(open_, secrets_, clock_)) return;
    inbox_.post([this, &served, before] {
      take(served, before);
      tell_problems();
    });
  } catch (const Error& error) {
    inbox_.post([this, &served, error] { broken(served, error); });
  } catch (const std::exception& error) {
    const Error wrapped(Code::internal, error.what());
    inbox_.post([this, &served, wrapped] { broken(served, wrapped); });
  }
}

SteadyTime Serving::wake_at() const {
  const auto now = clock_.steady();
  auto out = now + kLookMost;
  const auto sooner = [&](SteadyTime when) { out = std::min(out, when); };
  if (const auto every = manager_.watchdog()) sooner(now + *every);
  if (stopping_ && grace_ends_) sooner(*grace_ends_);
  if (write_again_) sooner(*write_again_);
  if (!stopping_) {
    if (next_step_) {
      const auto left = *next_step_ - clock_.now();
      if (left < kLookMost) sooner(now + std::max(left, std::chrono::microseconds(0)));
    }
    for (const auto& served : projects_) {
      if (served->taken) sooner(served->backfills_next);
      for (const auto& [source, ingest] : served->ingests)
        if (!ingest.run) sooner(ingest.next);
      for (const auto& [run, begun] : served->runs)
        if (foreseeable(begun)) sooner(begun.look_ahead);
    }
    for (const auto& [project, when] : looked_) sooner(when);
    out = sensing_->wake_at(out);
  }
  return out;
}

void Serving::ask_to_stop() {
  if (stopping_) return;
  stopping_ = true;
  deciding_ = false;
  manager_.tell("STOPPING=1\nSTATUS=stopping");
  size_t runs = 0;
  for (auto& served : projects_) {
    runs += served->runs.size();
    for (auto& [id, backfilling] : served->backfilling) backfilling->stop();
    for (auto& [source, ingest] : served->ingests) {
      ingest.stopping = true;
      if (ingest.run) ingest.run->cancel();
    }
  }
  Told line;
  line.event = "stopping";
  line.at = clock_.now();
  line.count = int64_t(runs);
  line.zone = projects_.front()->zone;
  if (runs > 0) line.wait = options_.grace;
  tell(line);
  grace_ends_ = clock_.steady() + options_.grace;
}

bool Serving::over() const {
  return stopping_ && std::all_of(projects_.begin(), projects_.end(), [](const auto& served) {
           return served->runs.empty() && served->backfilling.empty() &&
                  std::none_of(served->ingests.begin(), served->ingests.end(),
                               [](const auto& each) { return each.second.run != nullptr; });
         });
}

void Serving::serve(Cancel& stop) {
  const auto at_work = clock_.at_work();
  std::vector<std::string> roots;
  for (const auto& served : projects_) roots.push_back(served->root());
  auto seen = Watcher::seen(roots);  // before they are read
  open_all();
  begin_scheduler();
  control_ = std::make_unique<Control>(
      [this](const std::string& root, const std::string& request, Control::Answer answer) {
        ask(root, request, std::move(answer));
      });
  for (auto& served : projects_) {
    control_->listen(served->root(), served->state_folder());
    if (served->app()) take(*served, false);
  }
  tell_problems();
  worker_ = std::make_unique<Worker>(clock_);
  watcher_ = std::make_unique<Watcher>(std::move(seen), [this](const std::string& root) {
    for (auto& served : projects_)
      if (served->root() == root) worker_->post([this, &each = *served] { load(each); });
  });
  const auto stopped = stop.on_request([this] { inbox_.post([this] { ask_to_stop(); }); });
  deciding_ = true;
  manager_.tell("READY=1\nSTATUS=serving");
  while (true) {
    step();
    if (over()) break;
    inbox_.handle(wake_at());
    if (manager_.watchdog()) manager_.tell("WATCHDOG=1");
    if (stopping_ && grace_ends_ && clock_.steady() >= *grace_ends_) {
      grace_ends_.reset();
      for (auto& served : projects_)
        for (auto& [id, begun] : served->runs) begun.run->cancel();
    }
    if (!stopping_)
      for (auto& served : projects_) {
        if (served->taken) ingest(*served);
        look_at_backfills(*served, false);
      }
  }
  Told line;
  line.event = "stopped";
  line.at = clock_.now();
  line.zone = projects_.front()->zone;
  tell(line);
}

}  // namespace windrow::server
