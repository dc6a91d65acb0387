#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "app/app_impl.h"
#include "base/id.h"
#include "base/nearest.h"
#include "base/secret_text.h"
#include "base/version.h"
#include "run/executor.h"

namespace windrow::app {

namespace {

constexpr size_t kRunsKept = 1000;

run::Retry retry_of(const project::Common* common) {
  if (!common || !common->retries) return {2, std::chrono::seconds(1), 2, std::chrono::seconds(30)};
  return {common->retries->times, common->retries->delay, common->retries->factor,
          common->retries->max};
}

const project::Common* common_of(const project::Project& project, const graph::Asset& asset) {
  if (const auto* model = project.model(asset.name)) return &model->common;
  if (const auto* source = project.source(asset.name)) return &source->common;
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
      for (const auto& seed : context.project.seeds) {
        if ("seeds." + seed.name.substr(seed.name.rfind('.') + 1) == asset.name) {
          tasks::load_seed(context, seed, run.cancel, run.progress, report);
        }
      }
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

std::string sample_json(const duck::Rows& rows) {
  nlohmann::ordered_json out;
  out["columns"] = nlohmann::ordered_json::array();
  for (const auto& column : rows.columns) out["columns"].push_back(column.name);
  out["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : rows.rows) {
    auto& line = out["rows"].emplace_back(nlohmann::ordered_json::array());
    for (const auto& cell : row) {
      line.push_back(std::holds_alternative<std::monostate>(cell)
                         ? nlohmann::ordered_json()
                         : nlohmann::ordered_json(duck::text_of(cell)));
    }
  }
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

/// Turns what the executor tells into events, log lines and records.
class RunRecord final : public run::Observer {
 public:
  RunRecord(AppImpl& app, const RunEvents& events, const std::string& run,
            const std::vector<size_t>& assets)
      : app_(app),
        events_(events),
        run_(run),
        assets_(assets),
        reports_(assets.size()),
        log_(app.project_.state_folder() + "/logs/" + run + ".jsonl", app.secrets_, app.clock_) {}

  tasks::Report& report(size_t i) { return reports_[i]; }
  observe::Log& log() { return log_; }

  void started(size_t i, int attempt) override {
    log_.write("info", "task.started", {{"asset", name(i)}, {"attempt", int64_t(attempt)}});
    if (events_.task_started) events_.task_started(name(i));
  }
  void progressed(size_t i, const Progress& progress) override {
    if (!events_.progress) return;
    Progress named = progress;
    named.task = name(i);
    events_.progress(named);
  }
  void retrying(size_t i, int attempt, const Problem& problem,
                std::chrono::microseconds wait) override {
    log_.write("warn", "task.retrying",
               {{"asset", name(i)},
                {"attempt", int64_t(attempt)},
                {"error", problem.message},
                {"wait", duration_text(wait)}});
    if (events_.retrying) events_.retrying(name(i), attempt, redacted(problem), wait);
  }
  void finished(size_t i, const run::Outcome& outcome) override {
    auto told = outcome_of(i, outcome);
    auto task = task_of(i, told, outcome);
    app_.history().add(task);
    for (const auto& check : reports_[i].checks) {
      app_.history().add(history::Check{
          run_, name(i), check.description, check.check.blocks ? "block" : "warn", check.passed,
          check.failing, check.total, app_.secrets_.redact(check.message),
          check.passed ? "" : redact_json(app_.secrets_, sample_json(check.sample))});
    }
    log_.write(told.problem ? "error" : "info",
               "task." + std::string(told.problem ? "failed" : "finished"),
               {{"asset", name(i)},
                {"status", told.status},
                {"rows", told.rows},
                {"version", told.version},
                {"seconds", double(told.elapsed.count()) / 1e6},
                {"error", told.problem ? told.problem->message : ""}});
    if (events_.task_finished) events_.task_finished(told);
    told_[i] = std::move(told);
  }

  std::vector<TaskOutcome> outcomes() const {
    std::vector<TaskOutcome> out;
    for (const auto& [i, told] : told_) out.push_back(told);
    return out;
  }

 private:
  std::string name(size_t i) const { return app_.graph_.assets[assets_[i]].name; }

  Problem redacted(Problem problem) const {
    problem.message = app_.secrets_.redact(problem.message);
    problem.hint = app_.secrets_.redact(problem.hint);
    return problem;
  }

  TaskOutcome outcome_of(size_t i, const run::Outcome& outcome) const {
    const auto& asset = app_.graph_.assets[assets_[i]];
    const auto& report = reports_[i];
    TaskOutcome out;
    out.asset = asset.name;
    out.kind = std::string(graph::name_of(asset.kind));
    if (const auto* model = app_.project_.model(asset.name))
      out.kind = std::string(project::name_of(model->build.kind));
    out.status = std::string(run::name_of(outcome.status));
    out.rows = report.changed ? report.rows : -1;
    out.table_rows = report.table_rows;
    out.version = report.version;
    out.intervals = report.intervals;
    out.elapsed = outcome.ended - outcome.started;
    out.quality_score = report.quality_score;
    out.rejected = report.rejected;
    for (const auto& warning : report.warnings)
      out.warnings.push_back(app_.secrets_.redact(warning));
    if (outcome.problem &&
        (outcome.status == run::Status::failed || outcome.status == run::Status::canceled)) {
      out.problem = redacted(*outcome.problem);
    }
    if (outcome.cause) out.caused_by = name(*outcome.cause);
    return out;
  }

  history::Task task_of(size_t i, const TaskOutcome& told, const run::Outcome& outcome) const {
    history::Task task;
    task.run = run_;
    task.asset = told.asset;
    task.kind = told.kind;
    task.status = told.status;
    task.attempts = outcome.attempts;
    task.started = outcome.started;
    task.ended = outcome.ended;
    task.rows = told.rows;
    task.version = told.version;
    task.intervals = int64_t(told.intervals);
    task.rejected = told.rejected;
    task.quality_score = told.quality_score;
    task.reasons = redact_json(app_.secrets_,
                               nlohmann::json(reports_[i].reasons)
                                   .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    if (told.problem) {
      task.error_code = std::string(windrow::name_of(told.problem->code));
      task.error = told.problem->message;
      task.hint = told.problem->hint;
    }
    task.caused_by = told.caused_by;
    return task;
  }

  AppImpl& app_;
  const RunEvents& events_;
  std::string run_;
  const std::vector<size_t>& assets_;
  std::vector<tasks::Report> reports_;
  observe::Log log_;
  std::map<size_t, TaskOutcome> told_;
};

void AppImpl::end_record(const history::Run& entry, observe::Log& log,
                         std::vector<std::string>& warnings) {
  auto& history = this->history();
  history.end(entry);
  history.keep(kRunsKept);
  history.flush();
  const auto lost = history.lost();
  if (lost.records == 0) return;
  warnings.push_back(secrets_.redact(fmt::format(
      "{} of the history could not be written ({}): `runs` and `retry` will not know "
      "all of this run; what it did stands",
      lost.records == 1 ? "one record" : fmt::format("{} records", lost.records), lost.why)));
  log.write("warn", "history.lost", {{"records", lost.records}, {"error", lost.why}});
}

std::optional<std::string> AppImpl::full_refresh_note(const PlanOptions& options,
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

size_t AppImpl::source_named(const std::string& name) const {
  const auto* asset = graph_.resolve(name);
  if (asset && project_.source(asset->name)) return graph_.by_name.at(asset->name);
  std::vector<std::string> known;
  for (const auto& each : project_.sources) known.push_back(each.name);
  throw Error(Code::usage, fmt::format("there is no source \"{}\"", name),
              did_you_mean(name, known));
}

RunResult AppImpl::run(const RunOptions& options, const RunEvents& events) {
  const auto begun = clock_.steady();
  const auto wanted = options.reload.empty() ? chosen(options.plan.select, options.plan.exclude)
                                             : std::set<size_t>{source_named(options.reload)};
  const std::vector<size_t> assets(wanted.begin(), wanted.end());
  lake();
  const std::string id = new_ordered_uuid(clock_.now());
  const auto world = tables();
  const auto task_context = context(*world, choices(options.plan), id);
  RunRecord record(*this, events, id, assets);

  std::map<size_t, size_t> position;
  std::vector<run::Task> list;
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
    task.work = [&, i](run::Context& context) {
      record.report(i) = {};
      if (options.reload.empty())
        work_on(task_context, graph_.assets[assets[i]], context, record.report(i));
      else
        tasks::reload_source(task_context, *project_.source(graph_.assets[assets[i]].name),
                             options.without_missing, context.cancel, context.progress,
                             record.report(i));
      return record.report(i).changed;
    };
    list.push_back(std::move(task));
  }

  history::Run entry{id,
                     environment_.name,
                     secrets_.redact(options.command),
                     std::string(kVersion),
                     options.retry_of,
                     clock_.now(),
                     {},
                     "running",
                     int64_t(list.size()),
                     0};
  history().begin(entry);
  record.log().write(
      "info", "run.started",
      {{"run", id}, {"environment", environment_.name}, {"tasks", int64_t(list.size())}});
  if (events.started) events.started(id, list.size());
  run::Settings settings;
  settings.jobs =
      options.jobs > 0 ? options.jobs : int(std::max(1u, std::thread::hardware_concurrency()));
  settings.fail_fast = options.fail_fast;
  settings.pools = project_.pools;
  settings.seed = std::hash<std::string>{}(id);
  const auto outcomes = run::execute(list, settings, cancel_, clock_, record);

  RunResult result;
  result.run = id;
  result.tasks = record.outcomes();
  result.status = "done";
  if (const auto note = full_refresh_note(options.plan, wanted)) result.warnings.push_back(*note);
  for (const auto& outcome : outcomes) {
    if (outcome.status == run::Status::failed) ++entry.failed;
    if (outcome.status == run::Status::canceled && result.status == "done")
      result.status = "canceled";
  }
  if (entry.failed > 0) result.status = "failed";
  if (cancel_.requested()) result.status = "canceled";
  entry.ended = clock_.now();
  entry.status = result.status;
  end_record(entry, record.log(), result.warnings);
  sql_cache_.save();
  result.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady() - begun);
  record.log().write(
      "info", "run.ended",
      {{"run", id}, {"status", result.status}, {"seconds", double(result.elapsed.count()) / 1e6}});
  return result;
}

}  // namespace windrow::app
