#include <fmt/format.h>

#include <thread>

#include "app/run_record.h"
#include "app/work.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "run/executor.h"

namespace windrow::app {

namespace {

run::Retry retry_of(const project::Common* common) {
  if (!common || !common->retries) return {2, std::chrono::seconds(1), 2, std::chrono::seconds(30)};
  return {common->retries->times, common->retries->delay, common->retries->factor,
          common->retries->max};
}

const project::Common* common_of(const project::Project& project, const graph::Asset& asset) {
  if (const auto* model = project.model(asset.name)) return &model->common;
  if (const auto* source = project.source(asset.name)) return &source->common;
  if (const auto* seed = project.seed(asset.name)) return &seed->common;
  for (const auto& publication : project.publications) {
    if ("publish." + publication.name == asset.name) return &publication.common;
  }
  return nullptr;
}

void work_on(const tasks::Context& context, const graph::Asset& asset, run::Context& run,
             tasks::Report& report) {
  switch (asset.kind) {
    case graph::Kind::model:
      tasks::build_model(context, *context.project.model(asset.name), run.cancel, run.progress,
                         report);
      break;
    case graph::Kind::source:
      tasks::ingest_source(context, *context.project.source(asset.name), run.cancel, run.progress,
                           report);
      break;
    case graph::Kind::seed:
      tasks::load_seed(context, *context.project.seed(asset.name), run.cancel, run.progress,
                       report);
      break;
    case graph::Kind::publication:
      for (const auto& publication : context.project.publications) {
        if ("publish." + publication.name == asset.name) {
          tasks::publish_views(context, publication, run.cancel, run.progress, report);
        }
      }
      break;
    case graph::Kind::task:
    case graph::Kind::sensor: break;  // read and checked; a later version runs them
  }
}

}  // namespace

std::optional<std::string> Work::full_refresh_note(const PlanOptions& options,
                                                   const std::set<size_t>& wanted) const {
  if (!options.full_refresh) return {};
  for (const size_t i : wanted) {
    if (graph_.assets[i].kind != graph::Kind::source) continue;
    return fmt::format(
        "--full-refresh rebuilds models and seeds; rows of sources stay, what is new comes: "
        "`windrow source reload {}` reads one anew",
        graph_.assets[i].name);
  }
  return {};
}

size_t Work::source_named(const std::string& name) const {
  const auto* asset = graph_.resolve(name);
  if (asset && project_.source(asset->name)) return graph_.by_name.at(asset->name);
  std::vector<std::string> known;
  for (const auto& each : project_.sources) known.push_back(each.name);
  throw Error(Code::usage, fmt::format("there is no source \"{}\"", name),
              did_you_mean(name, known));
}

void Work::begin_sample(const PlanOptions& options) {
  sample_ = options.sample;
  if (!sample_) return;
  const auto refuse = [](const std::string& message, const std::string& hint) {
    throw Error(Code::usage, message, hint);
  };
  const std::string& lender = workspace_->options.defer;
  const std::string& own = environment_.name;
  if (lender.empty())
    refuse("--sample is of the tables that another environment lends, and none is named",
           "name it: windrow --env " + own + " --defer prod run --sample " + sample_->text);
  if (lender == own)
    refuse(fmt::format("environment \"{}\" cannot lend a sample to itself", own),
           "build the sample in another environment: --env");
  if (environment_.publish && !project_.publications.empty())
    refuse(fmt::format("environment \"{}\" publishes: nobody would see that it is a sample", own),
           fmt::format("write publish: false into {}'s settings in windrow.yaml, or take another "
                       "environment",
                       own));
}

std::set<size_t> Work::without_lent_sources(std::set<size_t> wanted, tasks::Tables& tables) const {
  if (!sample_) return wanted;
  std::erase_if(wanted, [&](size_t i) {
    const auto& asset = graph_.assets[i];
    return asset.kind == graph::Kind::source && tables.exists(asset.name) &&
           !tables.own(asset.name);
  });
  return wanted;
}

std::optional<std::string> Work::sample_note(tasks::Tables& tables) const {
  const auto names = tables.thinned_tables();
  if (names.empty()) return {};
  return fmt::format("built from a sample: {} of the rows of {}, which \"{}\" lends", sample_->text,
                     fmt::join(names, ", "), workspace_->options.defer);
}

RunResult Work::run(const RunOptions& options, const std::string& id,
                    const observe::Listener& listener) {
  const auto begun = clock_.steady();
  begin_sample(options.plan);
  auto wanted = options.reload.empty() ? chosen(options.plan.select, options.plan.exclude)
                                       : std::set<size_t>{source_named(options.reload)};
  lake();
  const auto world = tables();
  wanted = without_lent_sources(std::move(wanted), *world);
  const std::vector<size_t> assets(wanted.begin(), wanted.end());
  const auto task_context = context(*world, choices(options.plan), id);
  RunRecord record(*workspace_, *services_, id, assets, listener, begun);
  const auto list = tasks_of(options, assets, task_context, record);

  record.begin(options.command, options.retry_of);
  run::Settings settings;
  settings.jobs =
      options.jobs > 0 ? options.jobs : int(std::max(1u, std::thread::hardware_concurrency()));
  settings.fail_fast = options.fail_fast;
  settings.pools = project_.pools;
  settings.seed = std::hash<std::string>{}(id);
  std::string status = "done";
  for (const auto& outcome : run::execute(list, settings, cancel_, clock_, record)) {
    if (outcome.status == run::Status::failed) status = "failed";
    if (outcome.status == run::Status::canceled && status == "done") status = "canceled";
  }
  if (cancel_.requested()) status = "canceled";
  auto result = record.end(status);
  if (const auto note = full_refresh_note(options.plan, wanted))
    result.warnings.insert(result.warnings.begin(), *note);
  if (const auto note = sample_note(*world)) result.warnings.insert(result.warnings.begin(), *note);
  sql_cache_.save();
  return result;
}

std::vector<run::Task> Work::tasks_of(const RunOptions& options, const std::vector<size_t>& assets,
                                      const tasks::Context& task_context, RunRecord& record) const {
  std::map<size_t, size_t> position;
  std::vector<run::Task> out;
  for (size_t i = 0; i < assets.size(); ++i) {
    const auto& asset = graph_.assets[assets[i]];
    position[assets[i]] = i;
    run::Task task;
    task.name = asset.name;
    for (const size_t up : asset.upstream) {
      if (auto found = position.find(up); found != position.end())
        task.after.push_back(found->second);
    }
    const auto* common = common_of(project_, asset);
    task.retry = retry_of(common);
    if (common) {
      task.timeout = common->timeout;
      task.pool = common->pool;
      task.priority = common->priority;
    }
    task.work = [&, &asset = asset, i](run::Context& context) {
      auto& report = record.report(i);
      report = {};
      report.meter = &context.meter;
      if (options.reload.empty())
        work_on(task_context, asset, context, report);
      else
        tasks::reload_source(task_context, *project_.source(asset.name), options.without_missing,
                             context.cancel, context.progress, report);
      return report.changed;
    };
    out.push_back(std::move(task));
  }
  return out;
}

}  // namespace windrow::app
