#include "app/json.h"

#include <cmath>

#include "lake/provenance.h"
#include "lake/stats.h"
#include "lake/table.h"
#include "publish/store.h"
#include "quality/unit_test.h"
#include "tasks/publication_preview.h"

namespace windrow::app {

namespace {

double seconds(std::chrono::microseconds d) { return double(d.count()) / 1e6; }

Json intervals_json(const std::vector<Interval>& parts) {
  Json out = Json::array();
  for (const auto& part : parts)
    out.push_back({{"start", iso(part.start)}, {"end", iso(part.end)}});
  return out;
}

Json json_of(const PlannedStep& step) {
  Json out{{"asset", step.asset},
           {"kind", step.kind},
           {"certain", step.certain},
           {"reasons", step.reasons}};
  if (!step.how.empty()) out["how"] = step.how;
  if (!step.grain.empty()) {
    out["grain"] = step.grain;
    out["interval_count"] = step.interval_count;
    out["intervals"] = intervals_json(step.intervals);
    out["sealed_count"] = step.sealed_count;
    out["sealed"] = intervals_json(step.sealed);
    out["outside_count"] = step.outside_count;
  }
  out["inputs"] = Json::object();
  for (const auto& [name, version] : step.inputs) out["inputs"][name] = version;
  if (!step.files.empty()) out["files"] = app::json_of(step.files);
  if (step.cost) {
    out["cost"] = {{"files", step.cost->files},
                   {"rows", step.cost->rows},
                   {"bytes", step.cost->bytes},
                   {"commits", step.cost->commits}};
    if (!step.grain.empty()) {
      out["cost"]["intervals"] = step.cost->intervals;
      out["cost"]["empty_before"] = step.cost->empty_before;
      if (!step.cost->first.empty()) out["cost"]["first"] = step.cost->first;
    }
  }
  if (step.problem) out["problem"] = app::json_of(*step.problem);
  return out;
}

void add_usage(Json& out, const Usage& usage) {
  if (auto known = app::json_of(usage); !known.empty()) out["usage"] = std::move(known);
}

void add(Json& out, const observe::RunStarted& run) {
  out["event"] = "run.started";
  out["environment"] = run.environment;
  out["command"] = run.command;
  out["tasks"] = run.tasks;
  if (!run.retry_of.empty()) out["retry_of"] = run.retry_of;
  if (!run.schedule.empty()) out["schedule"] = run.schedule;
  if (run.due) out["due"] = iso(*run.due);
  if (!run.project_version.empty()) out["project_version"] = run.project_version;
}
void add(Json& out, const observe::TaskStarted& task) {
  out["event"] = "task.started";
  out["asset"] = task.asset;
  out["attempt"] = task.attempt;
}
void add(Json& out, const Progress& progress) {
  out["event"] = "task.progress";
  out["asset"] = progress.task;
  out["phase"] = progress.phase;
  if (progress.fraction >= 0) out["fraction"] = progress.fraction;
  if (progress.rows >= 0) out["rows"] = progress.rows;
}
void add(Json& out, const observe::TaskSaid& task) {
  out["event"] = "task.said";
  out["asset"] = task.asset;
  out["stream"] = task.error ? "stderr" : "stdout";
  out["line"] = task.line;
}
void add(Json& out, const observe::TaskHeld& task) {
  out["event"] = "task.held";
  out["asset"] = task.asset;
  out["until"] = iso(task.until);
}
void add(Json& out, const observe::TaskGaveWay& task) {
  out["event"] = "task.gave_way";
  out["asset"] = task.asset;
  out["to"] = task.to;
}
void add(Json& out, const observe::TaskWentOn& task) {
  out["event"] = "task.went_on";
  out["asset"] = task.asset;
  out["waited"] = seconds(task.waited);
}
void add(Json& out, const observe::BreakerMoved& breaker) {
  out["event"] = breaker.open ? "breaker.opened" : "breaker.closed";
  out["connection"] = breaker.connection;
  if (!breaker.open) return;
  out["failures"] = breaker.failures;
  out["wait"] = seconds(breaker.wait);
  out["why"] = breaker.why;
}
void add(Json& out, const observe::TaskRetrying& task) {
  out["event"] = "task.retrying";
  out["asset"] = task.asset;
  out["attempt"] = task.attempt;
  out["wait"] = seconds(task.wait);
  out["problem"] = app::json_of(task.problem);
}
void add(Json& out, const observe::CheckDone& check) {
  out["event"] = "check.done";
  out["asset"] = check.asset;
  out["check"] = check.description;
  out["severity"] = check.severity;
  out["passed"] = check.passed;
  out["failing"] = check.failing;
  out["total"] = check.total;
  if (!check.message.empty()) out["message"] = check.message;
}
void add(Json& out, const observe::TaskOutcome& task) {
  out["event"] = "task.ended";
  out.update(app::json_of(task));
}
void add(Json& out, const observe::StreamMoved& stream) {
  out["event"] = "stream.moved";
  out["source"] = stream.source;
  out.update(app::json_of(stream.status));
}
void add(Json& out, const observe::RunEnded& run) {
  out["event"] = "run.ended";
  out["status"] = run.status;
  out["failed"] = run.failed;
  out["seconds"] = seconds(run.elapsed);
  add_usage(out, run.usage);
}
void add(Json& out, const observe::HistoryLost& lost) {
  out["event"] = "history.lost";
  out["records"] = lost.records;
  out["why"] = lost.why;
}

}  // namespace

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string dumped_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json parsed(const std::string& text) {
  Json out = Json::parse(text, nullptr, false);
  return out.is_discarded() ? Json() : out;
}

Json json_of(const Problem& problem) {
  Json out{{"code", name_of(problem.code)}, {"message", problem.message}};
  if (!problem.hint.empty()) out["hint"] = problem.hint;
  if (problem.place.known()) {
    out["file"] = problem.place.file;
    if (problem.place.line > 0) out["line"] = problem.place.line;
    if (problem.place.column > 0) out["column"] = problem.place.column;
  }
  return out;
}

Json json_of(const Usage& usage) {
  Json out = Json::object();
  if (usage.cpu) out["cpu_seconds"] = double(usage.cpu->count() / 1000) / 1e6;
  const auto add = [&](const char* key, const std::optional<int64_t>& n) {
    if (n) out[key] = *n;
  };
  add("peak_memory", usage.peak_memory);
  add("bytes_read", usage.bytes_read);
  add("files_read", usage.files_read);
  add("bytes_written", usage.bytes_written);
  add("files_written", usage.files_written);
  return out;
}

Json json_of(const FilesOf& files) {
  return {{"table", files.table}, {"read", files.read}, {"there", files.there}};
}

Json json_of(const PlanView& plan) {
  Json steps = Json::array();
  for (const auto& step : plan.steps) steps.push_back(json_of(step));
  return {{"steps", std::move(steps)}, {"up_to_date", plan.up_to_date}, {"notices", plan.notices}};
}

Json json_of(const observe::TaskOutcome& task) {
  Json out{{"asset", task.asset},
           {"kind", task.kind},
           {"status", task.status},
           {"seconds", seconds(task.elapsed)}};
  if (task.rows >= 0) out["rows"] = task.rows;
  if (task.table_rows >= 0) out["table_rows"] = task.table_rows;
  if (task.version >= 0) out["version"] = task.version;
  if (task.intervals > 0) out["intervals"] = task.intervals;
  if (task.rejected > 0) out["rejected"] = task.rejected;
  if (task.quality_score) out["quality_score"] = *task.quality_score;
  if (!task.warnings.empty()) out["warnings"] = task.warnings;
  Json known = Json::array();
  for (size_t i = 0; i < task.known_warnings.size(); ++i)
    if (task.known_warnings[i]) known.push_back(task.warnings[i]);
  if (!known.empty()) out["known_warnings"] = std::move(known);
  if (task.problem) out["problem"] = json_of(*task.problem);
  if (!task.caused_by.empty()) out["caused_by"] = task.caused_by;
  if (task.gave_way > 0)
    out["gave_way"] = {{"times", task.gave_way}, {"seconds", seconds(task.gave_way_for)}};
  add_usage(out, task.usage);
  return out;
}

Json json_of(const RunResult& result) {
  Json out{{"run", result.run},
           {"status", result.status},
           {"seconds", seconds(result.elapsed)},
           {"tasks", json_of(result.tasks)},
           {"warnings", result.warnings}};
  add_usage(out, result.usage);
  return out;
}

Json json_of(const observe::StreamStatus& s) {
  Json out{{"phase", s.phase},
           {"rows", s.rows},
           {"messages", s.messages},
           {"bytes", s.bytes},
           {"rejected", s.rejected},
           {"files", s.files},
           {"file_bytes", s.file_bytes},
           {"commits", s.commits},
           {"conflicts", s.conflicts},
           {"lag", s.lag},
           {"waiting", s.waiting},
           {"partitions", s.partitions},
           {"flush_seconds", s.flush_seconds},
           {"since_commit_seconds", s.since_commit_seconds},
           {"version", s.version}};
  if (!s.problem.empty()) out["problem"] = s.problem;
  return out;
}

Json json_of(const observe::Event& event) {
  Json out{{"event", ""}, {"run", event.run}, {"at", iso(event.at)}};
  std::visit([&](const auto& what) { add(out, what); }, event.what);
  return out;
}

Json json_of(const AssetView& asset) {
  Json out{{"asset", asset.name},
           {"kind", asset.kind},
           {"layer", asset.layer},
           {"file", asset.file},
           {"tags", asset.tags}};
  if (!asset.description.empty()) out["description"] = asset.description;
  if (asset.version) out["version"] = *asset.version;
  if (asset.rows) out["rows"] = *asset.rows;
  if (asset.bytes) out["bytes"] = *asset.bytes;
  if (asset.files) out["files"] = *asset.files;
  if (asset.updated) out["updated"] = iso(*asset.updated);
  return out;
}

Json json_of(const HealthLine& line) {
  Json out{{"what", line.what}, {"ok", line.ok}, {"finding", line.finding}};
  if (!line.hint.empty()) out["hint"] = line.hint;
  return out;
}

Json json_of(const TriedSource& tried) {
  Json out{{"source", tried.name},
           {"file", tried.file},
           {"looked_at", tried.what},
           {"rows", tried.rows},
           {"set_aside", tried.set_aside}};
  if (!tried.fault.empty()) out["fault"] = tried.fault;
  out["columns"] = Json::array();
  for (const auto& column : tried.columns) {
    Json one{{"name", column.name}, {"type", column.type}, {"filled", column.filled}};
    if (column.filled > 0) one["example"] = column.example;
    out["columns"].push_back(std::move(one));
  }
  out["yaml"] = tried.yaml;
  return out;
}

Json json_of(const EnvironmentView& environment) {
  Json out{{"environment", environment.name},
           {"lake", environment.lake},
           {"chosen", environment.chosen},
           {"publishes", environment.publishes}};
  if (environment.tables) out["tables"] = *environment.tables;
  if (environment.bytes) out["bytes"] = *environment.bytes;
  if (!environment.shared_with.empty()) out["shared_with"] = environment.shared_with;
  if (environment.problem) out["problem"] = json_of(*environment.problem);
  return out;
}

Json json_of(const DroppedEnvironment& dropped, bool dry_run) {
  Json tables = Json::array();
  for (const auto& table : dropped.tables)
    tables.push_back({{"table", table.name}, {"files", table.files}, {"bytes", table.bytes}});
  return {{"environment", dropped.environment},
          {"lake", dropped.lake},
          {"tables", tables},
          {"left", dropped.left},
          {"dry_run", dry_run}};
}

Json json_of(const RetainedTable& table) {
  Json out{{"table", table.table},
           {"retention", duration_text(table.retention)},
           {"by", table.by},
           {"rows", table.rows},
           {"files_removed", table.files_removed},
           {"files_rewritten", table.files_rewritten},
           {"bytes", table.bytes}};
  if (table.keep_from) out["keep_from"] = iso(*table.keep_from);
  if (table.version >= 0) out["version"] = table.version;
  if (table.undated) out["undated"] = true;
  if (table.problem) out["problem"] = json_of(*table.problem);
  return out;
}

Json json_of(const LifecycleLine& line) {
  Json out{{"table", line.table}, {"prefix", line.prefix}};
  if (line.infrequent) out["infrequent"] = *line.infrequent;
  if (line.archive) out["archive"] = *line.archive;
  if (line.remove) out["delete"] = *line.remove;
  return out;
}

Json json_of(const ErasureReceipt& receipt, bool dry_run) {
  Json places = Json::array();
  for (const auto& each : receipt.places) {
    Json one{{"kind", each.kind}, {"name", each.name}, {"rows", each.rows}};
    if (!each.how.empty()) one["found_by"] = each.how;
    if (each.kind == "table") one["files"] = each.files, one["purged_files"] = each.purged;
    if (each.version >= 0) one["version"] = each.version;
    if (each.problem) one["problem"] = json_of(*each.problem);
    places.push_back(std::move(one));
  }
  return {{"dry_run", dry_run},
          {"rows", receipt.rows()},
          {"complete", !receipt.failed()},
          {"places", std::move(places)},
          {"passed_over", receipt.passed_over}};
}

Json json_of(const history::Run& run) {
  Json out{{"run", run.id},          {"status", run.status},   {"environment", run.environment},
           {"command", run.command}, {"version", run.version}, {"started", iso(run.started)},
           {"tasks", run.tasks},     {"failed", run.failed}};
  if (run.ended) out["ended"] = iso(*run.ended);
  if (!run.retry_of.empty()) out["retry_of"] = run.retry_of;
  if (!run.schedule.empty()) out["schedule"] = run.schedule;
  if (run.due) out["due"] = iso(*run.due);
  if (!run.project_version.empty()) out["project_version"] = run.project_version;
  add_usage(out, run.usage);
  return out;
}

Json json_of(const history::Task& task) {
  Json out{{"asset", task.asset},
           {"kind", task.kind},
           {"status", task.status},
           {"attempts", task.attempts}};
  if (task.started) out["started"] = iso(*task.started);
  if (task.ended) out["ended"] = iso(*task.ended);
  if (task.rows >= 0) out["rows"] = task.rows;
  if (task.version >= 0) out["version"] = task.version;
  if (task.intervals > 0) out["intervals"] = task.intervals;
  if (task.rejected > 0) out["rejected"] = task.rejected;
  if (task.quality_score) out["quality_score"] = *task.quality_score;
  if (const auto reasons = parsed(task.reasons); reasons.is_array()) out["reasons"] = reasons;
  if (const auto warnings = parsed(task.warnings); warnings.is_array() && !warnings.empty())
    out["warnings"] = warnings;
  if (!task.error.empty()) {
    out["problem"] = {{"code", task.error_code}, {"message", task.error}};
    if (!task.hint.empty()) out["problem"]["hint"] = task.hint;
  }
  if (!task.caused_by.empty()) out["caused_by"] = task.caused_by;
  add_usage(out, task.usage);
  return out;
}

Json json_of(const history::Check& check) {
  return {{"asset", check.asset},     {"check", check.description},    {"severity", check.severity},
          {"passed", check.passed},   {"failing", check.failing},      {"total", check.total},
          {"message", check.message}, {"sample", parsed(check.sample)}};
}

Json json_of(const quality::UnitTestResult& test) {
  Json out{{"test", test.name},
           {"model", test.model},
           {"passed", test.passed},
           {"expected_rows", test.expected_rows},
           {"found_rows", test.found_rows}};
  if (test.place.known()) out["file"] = test.place.file;
  if (!test.difference.empty()) out["difference"] = test.difference;
  if (test.problem) out["problem"] = json_of(*test.problem);
  return out;
}

Json json_of(const tasks::PublicationPreview& view) {
  Json out{{"publication", view.publication},
           {"view", view.view},
           {"mode", view.mode},
           {"what", view.what},
           {"statements", view.statements}};
  if (view.rows >= 0) out["rows"] = view.rows, out["whole"] = view.whole;
  if (view.rows_there >= 0) out["rows_there"] = view.rows_there;
  return out;
}

Json json_of(const publish::Manifest& manifest) {
  return {{"view", manifest.view},
          {"batch", manifest.batch_id},
          {"source", manifest.source_table},
          {"version", manifest.source_version},
          {"rows", manifest.rows}};
}

Json json_of(const lake::HistoryEntry& entry) {
  const auto object = [](const std::string& text) {
    return Json::parse(text.empty() ? "{}" : text, nullptr, false);
  };
  Json out{{"version", entry.version},
           {"timestamp", iso(entry.timestamp)},
           {"operation", entry.operation},
           {"engine", entry.engine_info},
           {"parameters", object(entry.parameters_json)},
           {"metrics", object(entry.metrics_json)}};
  if (entry.provenance) out["windrow"] = object(lake::to_json(*entry.provenance));
  return out;
}

Json json_of(const lake::TableStats& stats) {
  Json out{{"version", stats.version},
           {"timestamp", iso(stats.timestamp)},
           {"files", stats.files},
           {"bytes", stats.bytes},
           {"small_files", stats.small_files},
           {"partitions", stats.partitions},
           {"tombstones", stats.tombstones},
           {"tombstoned_bytes", stats.tombstoned_bytes},
           {"versions", stats.versions},
           {"first_version", stats.first_version},
           {"log_bytes", stats.log_bytes}};
  if (stats.rows >= 0) out["rows"] = stats.rows;
  if (stats.growth) {
    out["growth"] = {{"bytes_per_day", std::llround(stats.growth->bytes_per_day)},
                     {"points", stats.growth->points}};
  }
  return out;
}

}  // namespace windrow::app
