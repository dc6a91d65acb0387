#include <fmt/format.h>

#include <thread>

#include "app/run_record.h"
#include "app/run_tasks.h"
#include "app/work.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "run/executor.h"

namespace windrow::app {

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
  const auto assets = in_order_of_run(*workspace_, {wanted.begin(), wanted.end()});
  const auto task_context = context(*world, choices(options.plan), id);
  RunRecord record(*workspace_, *services_, id, assets, listener, begun);
  RunTasks run_tasks(*workspace_, *services_, options, task_context, record);
  const auto list = run_tasks.list(assets);

  record.begin(options);
  run::Settings settings;
  settings.jobs =
      options.jobs > 0 ? options.jobs : int(std::max(1u, std::thread::hardware_concurrency()));
  settings.fail_fast = options.fail_fast;
  settings.resources = &services_->resources();
  settings.project = project_.name;
  settings.run = id;
  settings.seed = std::hash<std::string>{}(id);
  std::string status = "done";
  for (const auto& outcome : run::execute(list, settings, cancel_, clock_, record)) {
    if (outcome.status == run::Status::failed) status = "failed";
    if (outcome.status == run::Status::canceled && status == "done") status = "canceled";
  }
  const auto others = run_tasks.wait_for_others(cancel_);
  if (cancel_.requested()) status = "canceled";
  auto result = record.end(status);
  result.warnings.insert(result.warnings.end(), others.begin(), others.end());
  if (const auto note = full_refresh_note(options.plan, wanted))
    result.warnings.insert(result.warnings.begin(), *note);
  if (const auto note = sample_note(*world)) result.warnings.insert(result.warnings.begin(), *note);
  sql_cache_.save();
  return result;
}

}  // namespace windrow::app
