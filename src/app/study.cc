#include "app/study.h"

#include <algorithm>
#include <tuple>

#include "app/kinds.h"
#include "app/opening.h"
#include "app/services.h"
#include "app/work.h"
#include "duck/duck.h"

namespace windrow::app {

namespace {

/// Services remember what was worked out of each SELECT. Of half-written ones it is worth nothing:
/// after so many looks they are opened anew.
constexpr int kStudiesMax = 1'000;

void order(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) <
           std::tie(b.place.file, b.place.line, b.place.column);
  });
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
}

}  // namespace

AssetView Study::asset(const std::string& name) const {
  Cancel never;
  const auto found = Work(workspace, services, never).list(name);
  return found.empty() ? AssetView{} : found.front();
}

std::vector<sql::ColumnLineage> Study::lineage(const std::string& select) const {
  const auto& graph = workspace->graph;
  const auto parsed = graph.selects.find(select);
  if (parsed == graph.selects.end()) return {};
  sql::Catalog inputs;
  for (const auto& name : parsed->second.table_names()) {
    const auto* asset = graph.resolve(name);
    const auto found = columns.find(asset ? asset->name : name);
    if (found != columns.end()) inputs[name] = found->second;
  }
  const auto database = services->database();
  duck::Connection connection(*database);
  return sql::column_lineage(connection, parsed->second, inputs);
}

Desk::Desk(Options options, Secrets& secrets, const Clock& clock)
    : options_(std::move(options)),
      secrets_(secrets),
      clock_(clock),
      root_(load_options(options_).folder) {}

std::shared_ptr<Services> Desk::services_for(const Workspace& workspace) {
  std::lock_guard lock(mutex_);
  // While windrow.yaml does not read, nothing says that the lake is another one.
  const bool unknown = workspace.environment.name.empty() || workspace.project.name.empty();
  const bool fresh = ++studies_ <= kStudiesMax;
  if (services_ && fresh && unknown) return services_;
  auto settings = settings_of(workspace);
  if (services_ && fresh && services_->settings().same_as(settings)) return services_;
  studies_ = 0;
  services_ = std::make_shared<Services>(std::move(settings), secrets_, clock_, nullptr);
  return services_;
}

std::shared_ptr<const Study> Desk::study(const project::Overlay& overlay, Cancel& cancel) {
  Problems found;
  auto workspace = std::make_shared<Workspace>();
  workspace->options = options_;
  workspace->project =
      project::load(load_options(options_), kinds().declared, secrets_, found, overlay);
  const auto& project = workspace->project;
  workspace->environment = environment_of(project, options_.environment);
  cancel.check();
  auto services = services_for(*workspace);
  workspace->graph = graph::build(project, *services->database(), &services->sql_cache(), found);
  look_at_selectors(*workspace);
  cancel.check();

  auto out = std::make_shared<Study>();
  Work work(workspace, services, cancel);
  const bool broken = !found.empty();
  try {
    if (broken) {
      work.look_closer(found);
    } else {
      need_engine(workspace->environment);
      work.check();
    }
  } catch (const Error& error) {
    if (error.code() == Code::canceled) throw;
    // A lake that cannot be looked at says so once the files are in order.
    if (!broken) found.add(error);
  }
  try {
    out->columns = work.catalog(nullptr);
  } catch (const Error& error) {
    if (error.code() == Code::canceled) throw;
  }
  for (const auto& problem : project.schedule_problems) found.add(problem);
  out->problems = found.all();
  order(out->problems);
  out->notices = project.notices;
  out->workspace = std::move(workspace);
  out->services = std::move(services);
  return out;
}

}  // namespace windrow::app
