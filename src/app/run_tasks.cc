#include "app/run_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sources/source_kind.h"

namespace windrow::app {

namespace {

const project::Publication* publication_of(const project::Project& project,
                                           const graph::Asset& asset) {
  for (const auto& publication : project.publications)
    if ("publish." + publication.name == asset.name) return &publication;
  return nullptr;
}

const project::Common* common_of(const project::Project& project, const graph::Asset& asset) {
  if (const auto* model = project.model(asset.name)) return &model->common;
  if (const auto* source = project.source(asset.name)) return &source->common;
  if (const auto* seed = project.seed(asset.name)) return &seed->common;
  if (const auto* publication = publication_of(project, asset)) return &publication->common;
  if (const auto* task = project.task(asset.name)) return &task->common;
  return nullptr;
}

/// A task may not be safe to repeat: it is tried once unless it says otherwise.
run::Retry retry_of(const project::Common* common, bool task) {
  if (!common || !common->retries) {
    if (task) return {};
    return {2, std::chrono::seconds(1), 2, std::chrono::seconds(30)};
  }
  const auto& retries = *common->retries;
  return {retries.times, retries.delay, retries.factor, retries.max, task};
}

run::Tie::Kind kind_of(graph::Control::Kind kind) {
  switch (kind) {
    case graph::Control::Kind::after: return run::Tie::Kind::after;
    case graph::Control::Kind::anyhow: return run::Tie::Kind::anyhow;
    case graph::Control::Kind::on_failure: return run::Tie::Kind::on_failure;
    case graph::Control::Kind::otherwise: return run::Tie::Kind::otherwise;
  }
  return run::Tie::Kind::after;
}

}  // namespace

std::string shared_name(const project::Project& project, const std::string& name) {
  return project.root + "/" + name;
}

std::vector<size_t> in_order_of_run(const Workspace& workspace, std::vector<size_t> assets) {
  std::stable_partition(assets.begin(), assets.end(), [&](size_t i) {
    const auto* task = workspace.project.task(workspace.graph.assets[i].name);
    return !task || !task->after_all;
  });
  return assets;
}

RunTasks::RunTasks(const Workspace& workspace, Services& services, const RunOptions& options,
                   const tasks::Context& context, RunRecord& record)
    : workspace_(workspace),
      services_(services),
      options_(options),
      context_(context),
      project_(workspace.project),
      record_(record),
      shared_{.secrets = services.secrets(),
              .clock = services.clock(),
              .root = workspace.project.root,
              .zone = workspace.project.zone,
              .notes = services.task_notes(),
              .path = services.settings().variable("PATH").value_or(""),
              .home = services.settings().variable("HOME").value_or(""),
              .start = options.interval ? options.interval->start : options.plan.start,
              .end = options.interval ? options.interval->end : options.plan.end,
              .said = [this](const std::string& task, bool error,
                             const std::string& line) { record_.said(task, error, line); },
              .other_run = [this](const tasks::OtherRun& asked,
                                  Cancel& cancel) { return other_run(asked, cancel); },
              .report_of = [this](size_t i) -> tasks::Report& { return record_.report(i); },
              .mutex = {},
              .outputs = {}} {}

std::vector<run::Task> RunTasks::list(const std::vector<size_t>& assets) {
  std::vector<std::optional<size_t>> position(workspace_.graph.assets.size());
  std::vector<run::Task> out;
  for (size_t i = 0; i < assets.size(); ++i) {
    const auto& asset = workspace_.graph.assets[assets[i]];
    out.push_back(task_of(asset, position));
    position[assets[i]] = i;
    const auto* task = project_.task(asset.name);
    if (!task || !task->after_all) continue;
    for (size_t k = 0; k < i; ++k) {
      const auto* other = project_.task(workspace_.graph.assets[assets[k]].name);
      if (!other || !other->after_all) out.back().ties.push_back({k, run::Tie::Kind::anyhow});
    }
  }
  return out;
}

run::Task RunTasks::task_of(const graph::Asset& asset,
                            const std::vector<std::optional<size_t>>& position) {
  run::Task task;
  task.name = asset.name;
  std::set<size_t> controlled;
  for (const auto& control : asset.controls) {
    controlled.insert(control.asset);
    if (position[control.asset])
      task.ties.push_back({*position[control.asset], kind_of(control.kind)});
  }
  for (const size_t up : asset.upstream) {
    if (position[up] && !controlled.contains(up)) task.after.push_back(*position[up]);
  }
  const auto* common = common_of(project_, asset);
  task.retry = retry_of(common, asset.kind == graph::Kind::task);
  task.priority = options_.priority;
  if (common) {
    task.timeout = common->timeout;
    task.priority += common->priority;
    if (const auto& share = common->pool; !share.pool.empty())
      task.shares.push_back({shared_name(project_, share.pool), share.slots, share.memory});
    if (const auto& hours = common->window)
      task.window = run::Window{hours->from, hours->to, project_.zone, hours->stop};
  }
  for (const auto& name : connections_of(asset))
    task.connections.push_back(shared_name(project_, name));
  const auto* control = project_.task(asset.name);
  task.takes_slot = !control || control->kind != project::TaskKind::run;
  task.may_give_way = may_give_way(asset);
  const auto like = task;
  task.work = [this, &asset, like](run::Context& run) -> run::Result {
    auto& report = record_.report(run.position);
    if (!run.goes_on) report = {};
    report.gave_way = report.got_further = false;
    report.meter = &run.meter;
    report.stop_at_commit = &run.stop_at_commit;
    if (like.may_give_way) report.gives_way = run.gives_way;
    if (!options_.reload.empty()) return reload(asset, run, report);
    auto result = work_on(asset, like, run, report);
    if (report.gave_way) return run::Result::gave_way();
    if (result.status == run::Status::passed_over) report.reasons = {result.why};
    return result;
  };
  return task;
}

bool RunTasks::may_give_way(const graph::Asset& asset) const {
  if (!options_.reload.empty()) return false;
  if (const auto* model = project_.model(asset.name))
    return model->build.kind == project::BuildKind::interval;
  const auto* source = project_.source(asset.name);
  return source && !context_.sources->of(*source).streams();
}

/// Outside of the lake, by the names of connections.
std::vector<std::string> RunTasks::connections_of(const graph::Asset& asset) const {
  std::set<std::string> out;
  const auto add = [&](const std::string& name) {
    if (project_.connections.contains(name)) out.insert(name);
  };
  if (const auto* source = project_.source(asset.name)) {
    if (const auto* named = source->from.find(source->kind);
        named && std::holds_alternative<std::string>(named->data))
      add(std::get<std::string>(named->data));
  }
  if (const auto* publication = publication_of(project_, asset))
    if (context_.environment.publish) add(publication->to.value);
  if (const auto* task = project_.task(asset.name)) add(task->sql.on.value);
  return {out.begin(), out.end()};
}

run::Result RunTasks::reload(const graph::Asset& asset, run::Context& run, tasks::Report& report) {
  tasks::reload_source(context_, *project_.source(asset.name), options_.without_missing, run.cancel,
                       run.progress, report);
  return report.changed;
}

run::Result RunTasks::work_on(const graph::Asset& asset, const run::Task& like, run::Context& run,
                              tasks::Report& report) {
  const auto* common = run.goes_on ? nullptr : common_of(project_, asset);
  if (common && common->when_changed && !run.news)
    return run::Result::passed_over("nothing that it comes after changed");
  if (common && common->when && run.round == 1 &&
      !tasks::holds(context_, *common->when, asset.name + "/when",
                    tasks::values_of(context_, shared_, asset.name, run.attempt), run.cancel,
                    report.meter))
    return run::Result::passed_over("its `when` is not true");
  switch (asset.kind) {
    case graph::Kind::model:
      tasks::build_model(context_, *project_.model(asset.name), run.cancel, run.progress, report);
      break;
    case graph::Kind::source:
      tasks::ingest_source(context_, *project_.source(asset.name), run.cancel, run.progress,
                           report);
      break;
    case graph::Kind::seed:
      tasks::load_seed(context_, *project_.seed(asset.name), run.cancel, run.progress, report);
      break;
    case graph::Kind::publication:
      tasks::publish_views(context_, *publication_of(project_, asset), run.cancel, run.progress,
                           report);
      break;
    case graph::Kind::task:
      return tasks::perform_task(context_, shared_, *project_.task(asset.name), run, like, report);
  }
  return report.changed;
}

tasks::OtherRunEnd RunTasks::other_run(const tasks::OtherRun& asked, Cancel& cancel) {
  RunOptions options;
  options.plan.select = asked.select;
  options.jobs = options_.jobs;
  options.fail_fast = options_.fail_fast;
  options.priority = options_.priority;
  options.command = "run, for " + asked.asked_by + " of " + project_.name + " in run " +
                    context_.run.substr(0, 13);
  options.asked_by = options_.asked_by;
  const auto link = project_.root + " " + asked.asked_by;
  if (std::find(options.asked_by.begin(), options.asked_by.end(), link) != options.asked_by.end()) {
    throw Error(Code::configuration,
                "the run that it asks for asks for this task again, and so on for ever",
                "choose what that run does with select:, without this task");
  }
  options.asked_by.push_back(link);
  Other other{asked.asked_by, nullptr, nullptr};
  if (asked.folder == project_.root && asked.environment == context_.environment.name &&
      asked.vars.empty() && options_.begin_here) {
    options.begin_here = options_.begin_here;
    other.run = options_.begin_here(options);
  } else {
    auto opened = workspace_.options;
    opened.folder = asked.folder;
    opened.environment = asked.environment;
    opened.defer.clear();
    if (asked.folder != project_.root) {
      opened.variables.clear();
      opened.version.reset();  // the texts that this run is pinned to are this project's
    }
    for (const auto& [name, value] : asked.vars) opened.variables[name] = value;
    other.app = App::open(opened, services_.secrets(), services_.clock());
    other.run = other.app->start(options, {});
  }
  if (!asked.wait) {
    std::lock_guard lock(mutex_);
    others_.push_back(other);
    return {other.run->id(), "running"};
  }
  const auto end = other.run->wait(cancel);
  return {end.run, end.status};
}

std::vector<std::string> RunTasks::wait_for_others(Cancel& cancel) {
  std::vector<std::string> out;
  for (const auto& other : others_) {
    const auto said =
        fmt::format("run {}, which {} began", other.run->id().substr(0, 13), other.asked_by);
    try {
      const auto end = other.run->wait(cancel);
      if (end.status != "done") out.push_back(said + ": " + end.status);
    } catch (const Error& error) {
      out.push_back(said + ": " + error.problem().message);
    }
  }
  others_.clear();
  return out;
}

}  // namespace windrow::app
