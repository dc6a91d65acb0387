#include "api/shape.h"

namespace windrow::api {

// The keys are those of docs/cli.md: app/json.h makes what they describe.
const std::vector<std::pair<std::string, std::string>>& named_shapes() {
  static const std::vector<std::pair<std::string, std::string>> kShapes{
      {"Problem",
       "{code: text, message: text, hint?: text, file?: text, line?: whole, column?: whole}"},
      {"ProblemDocument",
       "{type: text, title: text, status: whole, code: text, message: text, hint?: text, file?: "
       "text, line?: whole, column?: whole, problems?: [Problem]}"},
      {"Interval", "{start: time, end: time}"},
      {"Usage",
       "{cpu_seconds?: number, peak_memory?: whole, bytes_read?: whole, files_read?: whole, "
       "bytes_written?: whole, files_written?: whole}"},
      {"Role", "'viewer'|'operator'|'editor'|'admin'"},
      {"Service",
       "{windrow: text, duckdb: text, login: 'open'|'required'|'setup', user?: text, role?: Role}"},
      {"Session", "{user: text, role: Role, expires: time}"},
      {"User", "{user: text, role: Role, created: time, last_login?: time}"},
      {"Token",
       "{id: text, name: text, role: Role, created: time, created_by: text, expires?: time, "
       "last_used?: time}"},
      {"Project",
       "{project: text, folder: text, environment: text, broken: truth, version?: text, timezone?: "
       "text, runs: [{run: text, schedule?: text, due?: time, started: time}], ingests: [{source: "
       "text, run?: text}], weight?: whole, tasks: [Standing]}"},
      {"Standing",
       "{run: text, task: text, state: text, priority?: whole, seconds: number, for?: [text], "
       "held_by?: [{project: text, run: text, task: text}], gave_way_to?: text, until?: time}"},
      {"Asset",
       "{asset: text, kind: text, layer: text, file: text, tags: [text], description?: text, "
       "version?: whole, rows?: whole, bytes?: whole, files?: whole, updated?: time}"},
      {"AssetDetail",
       "{asset: text, kind: text, layer: text, file: text, tags: [text], description?: text, "
       "version?: whole, rows?: whole, bytes?: whole, files?: whole, updated?: time, owner?: text, "
       "build?: text, sql?: text, upstream: [text], downstream: [text], columns: [{name: text, "
       "type?: text, description?: text, checks: [text]}], checks: [text], runs: [TaskOfRun]}"},
      {"Lineage", "{subject: text, nodes: [text], edges: [Edge], expressions?: {*: text}}"},
      {"Edge", "{from: text, to: text}"},
      {"Graph",
       "{nodes: [{asset: text, kind: text, layer: text, file: text, tags: [text], owner?: text, "
       "level: whole}], edges: [Edge]}"},
      {"Run",
       "{run: text, status: text, environment: text, command: text, version: text, started: time, "
       "tasks: whole, failed: whole, ended?: time, retry_of?: text, schedule?: text, due?: time, "
       "project_version?: text, usage?: Usage}"},
      {"RunDetail",
       "{run: text, status: text, environment: text, command: text, version: text, started: time, "
       "tasks: [Task], failed: whole, ended?: time, retry_of?: text, schedule?: text, due?: time, "
       "project_version?: text, usage?: Usage, checks: [Check]}"},
      {"Task",
       "{asset: text, kind: text, status: text, attempts: whole, started?: time, ended?: time, "
       "rows?: whole, version?: whole, intervals?: whole, rejected?: whole, quality_score?: "
       "number, reasons?: [text], warnings?: [text], problem?: Problem, caused_by?: text, usage?: "
       "Usage}"},
      {"TaskOfRun",
       "{run: text, asset: text, kind: text, status: text, attempts: whole, started?: time, "
       "ended?: "
       "time, rows?: whole, version?: whole, intervals?: whole, rejected?: whole, quality_score?: "
       "number, reasons?: [text], warnings?: [text], problem?: Problem, caused_by?: text, usage?: "
       "Usage}"},
      {"Check",
       "{asset: text, check: text, severity: text, passed: truth, failing: whole, total: whole, "
       "message: text, sample: any}"},
      {"CheckOfRun",
       "{run: text, asset: text, check: text, severity: text, passed: truth, failing: whole, "
       "total: whole, message: text, sample: any}"},
      {"CriticalRun",
       "{run: text, status: text, environment: text, command: text, version: text, started: time, "
       "tasks: whole, failed: whole, ended?: time, retry_of?: text, schedule?: text, due?: time, "
       "project_version?: text, usage?: Usage, critical: {seconds: number, steps: [{asset: text, "
       "wait: number, seconds: number, share: number, ended: truth, median?: number, p90?: number, "
       "runs?: whole}], expected?: time, late?: time}}"},
      {"LogLine", "object"},
      {"Begun", "{run: text, due?: time}"},
      {"RunNamed", "{run: text}"},
      {"Plan",
       "{steps: [{asset: text, kind: text, certain: truth, reasons: [text], how?: text, grain?: "
       "text, interval_count?: whole, intervals?: [Interval], sealed_count?: whole, sealed?: "
       "[Interval], outside_count?: whole, inputs: {*: whole}, files?: [{table: text, read: whole, "
       "there: whole}], cost?: {files: whole, rows: whole, bytes: whole, commits: whole, "
       "intervals?: whole, empty_before?: whole, first?: text}, problem?: Problem}], up_to_date: "
       "whole, notices: [text], dry_run?: truth}"},
      {"Schedules",
       "{schedules: [{schedule: text, project: text, trigger: text, timezone: text, next: any, "
       "calendar: any, select: text, tags: [text], paused: truth, catchup: text, overlap: text, "
       "max_active_runs: whole, deadline?: text, paused_by_hand: truth, behind: truth, running: "
       "[text]}], problems: [Problem]}"},
      {"Due", "{from: time, due: [{schedule: text, due: time, local: text, timezone: text}]}"},
      {"Fire",
       "{schedule: text, due: time, run?: text, status: text, decided: time, ended?: time, last?: "
       "time, count: whole, reason?: text}"},
      {"Sensors",
       "{sensors: [{sensor: text, state: text, looking?: truth, told_of_changes?: truth, sees?: "
       "text, looked?: time, next_look?: time, seen?: text, seen_at?: time, problem?: Problem, "
       "looks_at: text, schedules: [text]}], problems: [Problem]}"},
      {"Backfill",
       "{backfill?: text, status: text, start?: time, end?: time, select?: text, order?: text, "
       "only?: text, max_active?: whole, created: time, intervals?: {total: whole, done: whole, "
       "failed: whole, left: whole}, rows?: whole, runs?: whole, retries?: whole, seconds?: "
       "number, "
       "name?: text, reason?: text, ended?: time, seconds_left?: number, tables?: [{asset: text, "
       "grain: text, total: whole, done: whole, failed: whole, left: whole, left_ranges: "
       "[Interval]}], failures?: [{asset: text, start: time, end: time, intervals: whole, "
       "problem?: "
       "Problem, caused_by?: text}], problem?: Problem}"},
      {"BackfillNamed", "{backfill: text}"},
      {"BackfillState", "{backfill: text, status: text}"},
      {"Column", "{name: text, type: text, nullable?: truth, description?: text}"},
      {"TableSchema",
       "{table: text, version: whole, timestamp: time, columns: [Column], partition_by: [text], "
       "properties: {*: text}}"},
      {"TableVersion",
       "{version: whole, timestamp: time, operation: text, engine: text, parameters: any, metrics: "
       "any, windrow?: any}"},
      {"TableStats",
       "{version: whole, timestamp: time, files: whole, bytes: whole, small_files: whole, "
       "partitions: whole, tombstones: whole, tombstoned_bytes: whole, versions: whole, "
       "first_version: whole, log_bytes: whole, rows?: whole, growth?: {bytes_per_day: whole, "
       "points: whole}, sizes: [{time: time, bytes: whole}]}"},
      {"Rows",
       "{columns: [{name: text, type: text}], rows: [[any]], more: truth, seconds: number}"},
      {"Quality",
       "{asset: text, run: text, ended?: time, quality_score?: number, checks: whole, failed: "
       "whole, warned: whole, rejected: whole}"},
      {"Health", "{ok: truth, findings: [{what: text, ok: truth, finding: text, hint?: text}]}"}};
  return kShapes;
}

}  // namespace windrow::api
