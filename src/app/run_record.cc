#include "app/run_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "app/app.h"
#include "app/json.h"
#include "app/versions.h"
#include "base/clock.h"
#include "base/secret_text.h"
#include "base/version.h"

namespace windrow::app {

namespace {

constexpr size_t kRunsKept = 1000;

/// How many runs back the last one is looked for that built an asset.
constexpr size_t kRunsLookedAt = 50;

/// What a warning is about, without how many rows and which: one row more makes no news.
std::string subject_of(const std::string& text) { return text.substr(0, text.find(": ")); }

/// Records that this run has set aside are never those of the run before.
bool tells_new_records(const std::string& text) {
  return text.find(" could not be read") != std::string::npos;
}

std::string sample_json(const Rows& rows) {
  nlohmann::ordered_json out;
  out["columns"] = nlohmann::ordered_json::array();
  for (const auto& column : rows.columns) out["columns"].push_back(column.name);
  out["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : rows.rows) {
    auto& line = out["rows"].emplace_back(nlohmann::ordered_json::array());
    for (const auto& cell : row) {
      line.push_back(std::holds_alternative<std::monostate>(cell)
                         ? nlohmann::ordered_json()
                         : nlohmann::ordered_json(cell_text(cell)));
    }
  }
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

RunRecord::RunRecord(const Workspace& workspace, Services& services, std::string run,
                     std::vector<size_t> assets, observe::Listener listener, SteadyTime begun)
    : workspace_(workspace),
      services_(services),
      run_(std::move(run)),
      assets_(std::move(assets)),
      listener_(std::move(listener)),
      begun_(begun),
      reports_(assets_.size()),
      log_(workspace.project.state_folder() + "/logs/" + run_ + ".jsonl", services.secrets(),
           services.clock()) {
  lost_before_ = services.history().lost().records;
}

void RunRecord::begin(const RunOptions& options) {
  const auto& version = workspace_.options.version;
  tell(observe::RunStarted{workspace_.environment.name, redacted(options.command),
                           std::string(kVersion), options.retry_of, int64_t(assets_.size()),
                           options.schedule, options.due, version ? version->hash : ""});
}

void RunRecord::moved(size_t i, const observe::StreamStatus& status) {
  stream_ = status;
  stream_->problem = redacted(status.problem);
  tell(observe::StreamMoved{name(i), *stream_});
}

void RunRecord::started(size_t i, int attempt) { tell(observe::TaskStarted{name(i), attempt}); }

void RunRecord::progressed(size_t i, const Progress& progress) {
  Progress named = progress;
  named.task = name(i);
  tell(std::move(named));
}

void RunRecord::retrying(size_t i, int attempt, const Problem& problem,
                         std::chrono::microseconds wait) {
  tell(observe::TaskRetrying{name(i), attempt, redacted(problem), wait});
}

void RunRecord::said(const std::string& task, bool error, const std::string& line) {
  tell(observe::TaskSaid{task, error, line});
}

void RunRecord::spread(size_t parent, size_t first, const std::vector<std::string>& names) {
  WINDROW_INVARIANT(first == assets_.size() + children_.size());
  for (const auto& each : names) children_.push_back({redacted(each), parent});
  std::lock_guard lock(reports_mutex_);
  reports_.resize(first + names.size());
}

void RunRecord::gave_way(size_t i, const run::Asker& to) {
  auto whom = redacted(to.task);
  if (to.project != workspace_.project.name) whom = to.project + "/" + whom;
  if (to.run != run_) whom += " of run " + to.run.substr(0, 13);
  gave_way_to_[i] = whom;
  tell(observe::TaskGaveWay{name(i), std::move(whom)});
}

void RunRecord::went_on(size_t i, std::chrono::microseconds waited) {
  tell(observe::TaskWentOn{name(i), waited});
}

void RunRecord::held(size_t i, Time until) { tell(observe::TaskHeld{name(i), until}); }

void RunRecord::breaker(const run::BreakerState& state) {
  const auto wait = state.open ? state.until - services_.clock().steady() : SteadyTime::duration{};
  const auto slash = state.connection.rfind('/');
  tell(observe::BreakerMoved{state.connection.substr(slash + 1), state.open, state.failures,
                             std::chrono::duration_cast<std::chrono::microseconds>(wait),
                             redacted(state.why)});
}

std::string RunRecord::kind_of(size_t i) const {
  if (i >= assets_.size()) return kind_of(children_[i - assets_.size()].parent);
  const auto& asset = workspace_.graph.assets[assets_[i]];
  if (const auto* model = workspace_.project.model(asset.name))
    return std::string(project::name_of(model->build.kind));
  if (const auto* task = workspace_.project.task(asset.name))
    return std::string(project::name_of(task->kind));
  return std::string(graph::name_of(asset.kind));
}

void RunRecord::finished(size_t i, const run::Outcome& outcome) {
  for (const auto& check : report(i).checks) {
    tell(observe::CheckDone{
        name(i), redacted(check.description), check.check.blocks ? "block" : "warn", check.passed,
        check.failing, check.total, redacted(check.message),
        check.passed ? "" : redact_json(services_.secrets(), sample_json(check.sample))});
  }
  auto told = outcome_of(i, outcome);
  tell(told);
  outcomes_[i] = std::move(told);
}

RunResult RunRecord::end(const std::string& status) {
  RunResult out;
  out.run = run_;
  out.status = status;
  out.stream = stream_;
  observe::RunEnded ended{status, 0, {}, {}};
  for (auto& [i, outcome] : outcomes_) {
    ended.failed += outcome.status == "failed";
    ended.usage += outcome.usage;
    out.tasks.push_back(outcome);
  }
  ended.usage.peak_memory = process_peak_memory();
  out.usage = ended.usage;
  const auto elapsed = services_.clock().steady() - begun_;
  out.elapsed = ended.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(elapsed);
  // The history has the end first, so that it can be said whether it has all.
  const auto event = event_of(ended);
  services_.recorder().told(event);
  auto& history = services_.history();
  history.keep(kRunsKept);
  history.flush();
  const auto lost = history.lost();
  if (const auto records = lost.records - lost_before_; records > 0) {
    out.warnings.push_back(redacted(
        fmt::format("{} of the history could not be written ({}): `runs` and `retry` will not know "
                    "all of this run; what it did stands",
                    records == 1 ? "one record" : fmt::format("{} records", records), lost.why)));
    show(event_of(observe::HistoryLost{records, redacted(lost.why)}));
  }
  show(event);
  return out;
}

Problem RunRecord::redacted(Problem problem) const {
  problem.message = redacted(problem.message);
  problem.hint = redacted(problem.hint);
  return problem;
}

std::vector<std::string> RunRecord::redacted(const std::vector<std::string>& texts) const {
  std::vector<std::string> out;
  for (const auto& text : texts) out.push_back(redacted(text));
  return out;
}

std::vector<bool> RunRecord::known(const std::string& asset,
                                   const std::vector<std::string>& warnings) const {
  std::vector<bool> out(warnings.size(), false);
  if (warnings.empty()) return out;
  std::vector<history::Task> past;
  try {
    past = services_.history().tasks_of(asset, workspace_.environment.name, kRunsLookedAt);
  } catch (const Error&) {
    return out;  // no history costs a run anything
  }
  for (const auto& task : past) {
    if (task.run == run_ || task.status != "done") continue;
    std::set<std::string> before;
    const auto list = parsed(task.warnings);
    for (const auto& text : list.is_array() ? list : Json::array())
      if (text.is_string()) before.insert(subject_of(text.get<std::string>()));
    for (size_t i = 0; i < warnings.size(); ++i)
      out[i] = before.contains(subject_of(warnings[i])) && !tells_new_records(warnings[i]);
    return out;
  }
  return out;
}

observe::TaskOutcome RunRecord::outcome_of(size_t i, const run::Outcome& outcome) {
  const auto& report = this->report(i);
  observe::TaskOutcome out;
  out.asset = name(i);
  out.kind = kind_of(i);
  out.status = std::string(run::name_of(outcome.status));
  const bool task = out.asset.starts_with("task.");
  out.rows = report.changed && !task ? report.rows : -1;
  out.table_rows = report.table_rows;
  out.version = report.version;
  out.intervals = report.intervals;
  out.elapsed = outcome.ended - outcome.started;
  out.quality_score = report.quality_score;
  out.rejected = report.rejected;
  if (stream_) {
    out.rows = stream_->rows;
    out.rejected = stream_->rejected;
    out.version = stream_->version;
  }
  auto warnings = report.warnings;
  warnings.insert(warnings.end(), report.check_warnings.begin(), report.check_warnings.end());
  out.warnings = redacted(warnings);
  out.known_warnings = known(out.asset, out.warnings);
  if (outcome.problem &&
      (outcome.status == run::Status::failed || outcome.status == run::Status::canceled)) {
    out.problem = redacted(*outcome.problem);
  }
  if (outcome.cause) out.caused_by = name(*outcome.cause);
  out.attempts = outcome.attempts;
  out.usage = outcome.usage;
  out.started = outcome.started;
  out.ended = outcome.ended;
  out.reasons = redacted(report.reasons);
  if (outcome.gave_way > 0) {
    out.gave_way = outcome.gave_way;
    out.gave_way_for = outcome.gave_way_for;
    out.reasons.push_back(fmt::format(
        "gave way{} to {}, for {} in all",
        outcome.gave_way == 1 ? "" : fmt::format(" {} times, last", outcome.gave_way),
        gave_way_to_[i],
        duration_text(std::chrono::round<std::chrono::milliseconds>(outcome.gave_way_for))));
  }
  if (outcome.status == run::Status::passed_over && out.reasons.empty())
    out.reasons = {redacted(outcome.why)};
  return out;
}

}  // namespace windrow::app
