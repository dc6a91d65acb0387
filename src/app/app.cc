#include "app/app.h"

#include <fmt/format.h>

#include <filesystem>

#include "app/kinds.h"
#include "app/opening.h"
#include "app/run_tasks.h"
#include "app/versions.h"
#include "app/work.h"
#include "base/clock.h"
#include "base/id.h"
#include "project/dotenv.h"
#include "storage/file_system.h"

namespace windrow::app {

project::LoadOptions load_options(const Options& options) {
  project::LoadOptions out;
  out.folder =
      project::find_root(std::filesystem::absolute(options.folder).lexically_normal().string());
  out.variables = options.variables;
  out.environment_variables = options.process_environment;
  out.environment = options.environment;
  out.defer = options.defer;
  return out;
}

project::Environment environment_of(const project::Project& project, const std::string& name) {
  const auto found = project.environments.find(name);
  return found == project.environments.end() ? project::Environment{} : found->second;
}

namespace {

/// The process' own, and beneath them those of the project's `.env`.
std::map<std::string, std::string> variables_of(const Options& options, const std::string& root) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : options.process_environment) {
    if (!value.empty()) out.emplace(name, value);
  }
  Problems read_already;
  const auto disk = storage::local_file_system();
  if (const std::string path = root + "/.env"; disk->stat(path)) {
    for (auto& [name, value] : project::read_dotenv(disk->read(path), ".env", read_already)) {
      if (!value.empty()) out.emplace(name, value);
    }
  }
  return out;
}

}  // namespace

Services::Settings settings_of(const Workspace& workspace) {
  const auto& project = workspace.project;
  Services::Settings out{
      project.name, project.state_folder(), project.zone, workspace.environment, {}, {}};
  out.variables = variables_of(workspace.options, project.root);
  if (!workspace.options.defer.empty())
    out.deferred = environment_of(project, workspace.options.defer);
  return out;
}

void need_engine(const project::Environment& environment) {
  const auto& engine = environment.engine;
  if (engine.type == "duckdb") return;
  throw Error(Code::unsupported,
              fmt::format("engine \"{}\" is not one that this version runs", engine.type),
              "use engine: {type: duckdb}", engine.place);
}

void look_at_selectors(Workspace& workspace) {
  const auto yes = [](const std::string&, const std::string&) { return true; };
  std::erase_if(workspace.project.schedules, [&](const schedule::Schedule& schedule) {
    if (schedule.select.empty()) return false;
    try {
      graph::select(workspace.graph, schedule.select, {yes, yes});
      return false;
    } catch (const Error& error) {
      workspace.project.schedule_problems.push_back(
          {Code::configuration,
           fmt::format("schedule \"{}\": {}", schedule.name, error.problem().message),
           error.problem().hint, schedule.place});
      return true;
    }
  });
}

namespace {

/// A project and what it works with.
struct Opened {
  std::shared_ptr<const Workspace> workspace;
  std::shared_ptr<Services> services;
};

/// What the project's files say now of pools, connections and its weight; runs that began with
/// other files share with those of now.
void set_resources(const Opened& now, const Workspace* before) {
  const auto& project = now.workspace->project;
  auto& resources = now.services->resources();
  if (before) {
    for (const auto& [name, size] : before->project.pools)
      if (!project.pools.contains(name)) resources.set_pool(shared_name(project, name), {});
  }
  for (const auto& [name, size] : project.pools)
    resources.set_pool(shared_name(project, name), {size.slots, size.memory});
  for (const auto& [name, connection] : project.connections)
    resources.set_connection(
        shared_name(project, name),
        {connection.tasks, connection.breaker.failures, connection.breaker.wait});
  resources.set_weight(project.name, project.weight);
}

/// `before`: services that may be kept.
Opened opened(const Options& options, Secrets& secrets, const Clock& clock,
              std::shared_ptr<Services> before) {
  Problems found;
  auto workspace = std::make_shared<Workspace>();
  workspace->options = options;
  const auto load = load_options(options);
  workspace->project =
      project::load(load, kinds().declared, secrets, found,
                    options.version ? options.version->over(load.folder) : project::Overlay{});
  const auto& project = workspace->project;
  workspace->environment = environment_of(project, options.environment);
  auto settings = settings_of(*workspace);
  auto services =
      before && before->settings().same_as(settings)
          ? std::move(before)
          : std::make_shared<Services>(std::move(settings), secrets, clock, options.resources);
  workspace->graph = graph::build(project, *services->database(), &services->sql_cache(), found);
  services->sql_cache().save();
  look_at_selectors(*workspace);
  if (!found.empty()) {
    try {
      Cancel never;
      Work(workspace, services, never).look_closer(found);
    } catch (const Error&) {
      // A lake that cannot be looked at says so once the files are in order.
    }
    found.raise();
  }
  need_engine(workspace->environment);
  return {std::move(workspace), std::move(services)};
}

class OpenProject final : public App {
 public:
  OpenProject(const Options& options, Secrets& secrets, const Clock& clock)
      : secrets_(secrets),
        clock_(clock),
        opened_(opened(options, secrets, clock, nullptr)),
        runs_(clock) {
    set_resources(opened_, nullptr);
  }

  std::shared_ptr<const Workspace> workspace() const override { return now().workspace; }
  void reload() override {
    std::lock_guard one_at_a_time(reload_mutex_);
    const auto before = now();
    auto options = before.workspace->options;
    options.version = nullptr;
    take(opened(options, secrets_, clock_, before.services));
  }
  void reload(std::shared_ptr<const ProjectVersion> version) override {
    std::lock_guard one_at_a_time(reload_mutex_);
    const auto before = now();
    auto options = before.workspace->options;
    options.version = std::move(version);
    auto after = opened(options, secrets_, clock_, before.services);
    Cancel never;
    Work(after.workspace, after.services, never).check();
    take(std::move(after));
  }
  observe::Events::Subscription listen(observe::Listener listener) override {
    return events_.listen(std::move(listener));
  }
  Runs& runs() override { return runs_; }
  std::shared_ptr<history::History> history() override {
    auto services = now().services;
    auto& history = services->history();
    return {std::move(services), &history};
  }

  std::vector<std::string> check() override {
    auto out = work().check();
    // A server looks at each of its projects when it begins; few of them work at a time.
    now().services->rest();
    return out;
  }
  PlanView plan(const PlanOptions& options, Cancel& cancel) override {
    return work(cancel).plan(options);
  }
  std::shared_ptr<Run> start(const RunOptions& asked, observe::Listener listener) override {
    auto options = asked;
    options.begin_here = [this](const RunOptions& inner) { return start(inner, {}); };
    return begin(
        options.id, options,
        [options](Work& work, const std::string& id, const observe::Listener& told) {
          return work.run(options, id, told);
        },
        std::move(listener));
  }
  std::shared_ptr<Run> ingest(const IngestOptions& options, observe::Listener listener) override {
    return begin(
        options.id, {},
        [options](Work& work, const std::string& id, const observe::Listener& told) {
          return work.ingest(options, id, told);
        },
        std::move(listener));
  }
  std::vector<std::string> accept(const std::string& select) override {
    return work().accept(select);
  }
  std::vector<quality::UnitTestResult> unit_tests(const std::string& select) override {
    return work().unit_tests(select);
  }
  std::unique_ptr<Query> query(const QueryOptions& options) override {
    const auto opened = now();
    return open_query(opened.workspace, opened.services, options);
  }
  std::vector<FilesOf> files_read(duck::Connection& connection, const std::string& select,
                                  const Parameters& parameters) override {
    return work().files_read(connection, select, parameters);
  }
  WhyTable why(const WhyOptions& options, Cancel& cancel) override {
    return work(cancel).why(options);
  }
  std::vector<TableNow> look_at(const std::vector<std::string>& tables) override {
    return work().look_at(tables);
  }
  sensors::Sight sense(const std::string& sensor, Cancel& cancel) override {
    return work(cancel).sense(sensor);
  }
  std::vector<AssetView> list(const std::string& select) override { return work().list(select); }
  std::vector<AssetView> orphans() override { return work().orphans(); }
  graph::Lineage lineage(const std::string& subject) override { return work().lineage(subject); }
  std::vector<HealthLine> health(Cancel& cancel) override {
    const auto opened = now();
    auto health = std::make_shared<Health>(opened);
    const auto follow = cancel.on_request([&] { health->cancel.request(); });
    auto before = health;
    {
      std::lock_guard lock(health_mutex_);
      std::swap(health_, before);
    }
    return health->work.health();
  }
  TriedSource try_source(const TryOptions& options, Cancel& cancel) override {
    return work(cancel).try_source(options);
  }
  std::vector<tasks::PublicationPreview> preview_publications(const std::string& select,
                                                              Cancel& cancel) override {
    return work(cancel).preview_publications(select);
  }
  std::vector<publish::Manifest> roll_back(const std::vector<std::string>& names,
                                           Cancel& cancel) override {
    return work(cancel).roll_back(names);
  }
  std::vector<RetainedTable> retain(const std::string& select, bool dry_run,
                                    Cancel& cancel) override {
    return work(cancel).retain(select, dry_run);
  }
  std::vector<LifecycleLine> lifecycle(bool dry_run) override { return work().lifecycle(dry_run); }
  ErasureReceipt erase(const EraseOptions& options, Cancel& cancel) override {
    return work(cancel).erase(options);
  }
  std::vector<EnvironmentView> environments(Cancel& cancel) override {
    return work(cancel).environments();
  }
  DroppedEnvironment drop_environment(bool dry_run, bool force, Cancel& cancel) override {
    return work(cancel).drop_environment(dry_run, force);
  }

 private:
  /// Looks that got no answer in time outlive their question: they are kept until the next, which
  /// asks them to stop.
  struct Health {
    explicit Health(const Opened& opened) : work(opened.workspace, opened.services, cancel) {}
    ~Health() { cancel.request(); }
    Cancel cancel;
    Work work;
  };

  void take(Opened after) {
    std::lock_guard lock(mutex_);
    set_resources(after, opened_.workspace.get());
    opened_ = std::move(after);
  }
  Opened now() const {
    std::lock_guard lock(mutex_);
    return opened_;
  }
  Work work(Cancel& cancel) const {
    const auto opened = now();
    return {opened.workspace, opened.services, cancel};
  }
  Work work() { return work(never_); }

  /// As a run wants it that is not of the files that were last read.
  Opened opened_for(const RunOptions& run, const Opened& present) const {
    if (run.variables.empty() && !run.version) return present;
    auto options = present.workspace->options;
    for (const auto& [name, value] : run.variables) options.variables.insert_or_assign(name, value);
    if (run.version) options.version = run.version;
    return opened(options, secrets_, clock_, present.services);
  }

  template <typename Do>
  std::shared_ptr<Run> begin(const std::string& wanted, const RunOptions& how, Do todo,
                             observe::Listener listener) {
    const auto id = wanted.empty() ? new_ordered_uuid(clock_.now()) : wanted;
    return runs_.start(id, [this, id, how, present = now(), todo = std::move(todo),
                            listener = std::move(listener)](Cancel& cancel) {
      const auto opened = opened_for(how, present);
      Work work(opened.workspace, opened.services, cancel);
      return todo(work, id, [&](const observe::Event& event) {
        events_.tell(event);
        if (listener) listener(event);
      });
    });
  }

  Secrets& secrets_;
  const Clock& clock_;
  Cancel never_;
  observe::Events events_;
  mutable std::mutex mutex_;
  Opened opened_;
  std::mutex reload_mutex_, health_mutex_;
  std::shared_ptr<Health> health_;
  Runs runs_;  ///< last: runs end before what they work with
};

}  // namespace

std::unique_ptr<App> App::open(const Options& options, Secrets& secrets, const Clock& clock) {
  return std::make_unique<OpenProject>(options, secrets, clock);
}

}  // namespace windrow::app
