#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/app.h"
#include "base/nearest.h"
#include "cli/command_line.h"
#include "cli/examples.h"
#include "cli/plan_lines.h"
#include "cli/run_view.h"
#include "cli/text_table.h"

extern char** environ;

namespace windrow::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string head(const Out& out) { return out.terminal() ? "\033[2m" : ""; }
std::string head_end(const Out& out) { return out.terminal() ? "\033[0m" : ""; }

}  // namespace

std::unique_ptr<app::App> open_app(Session& session) {
  app::Options options;
  const auto& a = session.arguments;
  options.folder = a.folder;
  options.environment = a.environment;
  options.defer = a.defer;
  for (const auto& text : a.variables) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(Code::usage, "--var takes NAME=VALUE, but \"" + text + "\" is none");
    }
    options.variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    if (const auto equals = text.find('='); equals != std::string::npos) {
      options.process_environment[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  return app::App::open(options, session.secrets, session.clock, session.cancel);
}

namespace {

app::PlanOptions plan_options(const Session& session, const std::string& zone) {
  const auto& a = session.arguments;
  app::PlanOptions out;
  out.select = a.select;
  out.exclude = a.exclude;
  out.full_refresh = a.full_refresh;
  out.rebuild_sealed = a.rebuild_sealed;
  if (!a.start.empty()) out.start = time_argument(a.start, "--start", zone);
  if (!a.end.empty()) out.end = time_argument(a.end, "--end", zone);
  if (out.start && out.end && *out.start >= *out.end) {
    throw Error(Code::usage, "the range from " + a.start + " to " + a.end + " is empty",
                "the end is not part of the range");
  }
  return out;
}

/// First rows of a table, for the end of a run.
void show_rows(Session& session, app::App& app, const std::string& table) {
  const auto connection = app.query_connection({}, {});
  const auto* asset = app.graph().resolve(table);
  const std::string name = asset ? asset->name : table;
  const auto dot = name.find('.');
  const auto rows = connection->query(
      "SELECT * FROM " + duck::quote_name(name.substr(0, dot)) + "." +
      duck::quote_name(dot == std::string::npos ? name : name.substr(dot + 1)) + " LIMIT 5");
  session.out.print("\n" + session.out.bold(name) + ", first rows");
  session.out.write(
      table_of(rows).text(size_t(session.out.width()), head(session.out), head_end(session.out)));
}

/// The table behind the last view of the last publication that did something.
std::string last_published(const app::App& app, const app::RunResult& result) {
  std::string out;
  for (const auto& task : result.tasks) {
    if (task.kind != "publication" || task.status != "done") continue;
    for (const auto& publication : app.project().publications) {
      if ("publish." + publication.name != task.asset || publication.views.empty()) continue;
      if (publication.views.front().sql.empty()) out = publication.views.front().from.value;
    }
  }
  return out;
}

void show_next(Session& session, app::App& app, const std::string& table) {
  const auto& out = session.out;
  const std::string at = session.arguments.folder == "." ? "" : " -C " + session.arguments.folder;
  const std::string name =
      table.empty() && !app.project().models.empty() ? app.project().models.back().name : table;
  std::string text = "\n" + out.bold("Try next") + "\n";
  text += fmt::format("  windrow{} ls                         what there is now\n", at);
  if (!name.empty()) {
    text += fmt::format("  windrow{} query \"FROM {} LIMIT 5\"\n", at, name);
    text += fmt::format("  windrow{} lineage {}\n", at, name);
  }
  text += fmt::format(
      "  windrow{} plan                       nothing is stale until something changes", at);
  out.print(text);
}

int report_run(Session& session, app::App& app, const app::RunResult& result) {
  if (session.arguments.json) {
    session.out.write(result_json(result));
  } else {
    session.out.write(result_text(result, session.out));
    const auto table =
        session.arguments.show.empty() ? last_published(app, result) : session.arguments.show;
    if (result.status == "done" && !table.empty()) {
      show_rows(session, app, table);
      show_next(session, app, table);
    }
  }
  if (result.status == "canceled") return kStopped;
  return result.status == "done" ? kDone : kFailed;
}

int run_with(Session& session, app::App& app, app::RunOptions options) {
  options.jobs = session.arguments.jobs;
  options.fail_fast = session.arguments.fail_fast;
  options.command = session.command;
  for (const auto& notice : app.check()) session.out.note(session.out.yellow("note: ") + notice);
  app::RunResult result;
  {
    RunView view(session.out, session.clock);
    result = app.run(options, view.events());
  }
  return report_run(session, app, result);
}

}  // namespace

int init_verb(Session& session) {
  std::map<std::string, std::vector<const ExampleFile*>> examples;
  for (const auto& file : example_files()) examples[std::string(file.example)].push_back(&file);
  if (session.arguments.list) {
    for (const auto& [name, files] : examples) session.out.print(name);
    return kDone;
  }
  const std::string name = session.arguments.name.empty() ? "quickstart" : session.arguments.name;
  auto found = examples.find(name);
  if (found == examples.end()) {
    std::vector<std::string> known;
    for (const auto& [example, files] : examples) known.push_back(example);
    throw Error(Code::usage, "there is no example \"" + name + "\"",
                did_you_mean(name, known).empty() ? "`windrow init --list` names them"
                                                  : did_you_mean(name, known));
  }
  const std::filesystem::path target =
      session.arguments.target.empty() ? name : session.arguments.target;
  for (const auto* file : found->second) {
    if (std::filesystem::exists(target / file->path)) {
      throw Error(Code::usage, "\"" + (target / file->path).string() + "\" is there already",
                  "choose another folder: nothing was written");
    }
  }
  for (const auto* file : found->second) {
    const auto path = target / file->path;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream stream(path, std::ios::binary);
    stream << file->content;
    stream.close();
    if (!stream)
      throw Error(Code::full, "cannot write \"" + path.string() + "\"",
                  "free some space, or choose another folder");
  }
  session.out.print(fmt::format("made {} ({} files)\nnext: cd {} && windrow plan && windrow run",
                                target.string(), found->second.size(), target.string()));
  return kDone;
}

int check_verb(Session& session) {
  const auto app = open_app(session);
  const auto notices = app->check();
  const auto& project = app->project();
  if (session.arguments.json) {
    session.out.write(dumped({{"project", project.name},
                              {"sources", project.sources.size()},
                              {"models", project.models.size()},
                              {"publications", project.publications.size()},
                              {"tests", project.tests.size()},
                              {"notices", notices}}));
    return kDone;
  }
  for (const auto& notice : notices) session.out.print(session.out.yellow("note: ") + notice);
  session.out.print(
      fmt::format("{}: {} sources, {} models, {} publications, {} tests: nothing wrong",
                  project.name, project.sources.size(), project.models.size(),
                  project.publications.size(), project.tests.size()));
  return kDone;
}

int plan_verb(Session& session) {
  const auto app = open_app(session);
  if (!session.arguments.accept.empty()) {
    for (const auto& name : app->accept(session.arguments.accept))
      session.out.print("accepted " + name + " as it stands");
    return kDone;
  }
  const auto plan = app->plan(plan_options(session, app->project().zone));
  session.out.write(session.arguments.json
                        ? plan_json(plan)
                        : plan_text(plan, session.out, session.arguments.explain));
  const bool problems = std::any_of(plan.steps.begin(), plan.steps.end(),
                                    [](const auto& step) { return step.problem.has_value(); });
  return problems ? kFailed : kDone;
}

int run_verb(Session& session) {
  const auto app = open_app(session);
  app::RunOptions options;
  options.plan = plan_options(session, app->project().zone);
  return run_with(session, *app, options);
}

int backfill_verb(Session& session) {
  const auto app = open_app(session);
  app::RunOptions options;
  options.plan = plan_options(session, app->project().zone);
  options.plan.rebuild = true;
  return run_with(session, *app, options);
}

int retry_verb(Session& session) {
  const auto app = open_app(session);
  const auto run = app->history().run(session.arguments.run);
  if (!run) {
    throw Error(Code::usage,
                session.arguments.run.empty() ? "there is no run to retry"
                                              : "there is no run \"" + session.arguments.run + "\"",
                "`windrow runs` shows what there was");
  }
  app::RunOptions options;
  for (const auto& task : app->history().tasks(run->id)) {
    if (task.status != "failed" && task.status != "skipped" && task.status != "canceled") continue;
    if (app->graph().find(task.asset))
      options.plan.select += (options.plan.select.empty() ? "" : " ") + task.asset;
  }
  if (options.plan.select.empty()) {
    session.out.print("nothing failed in run " + run->id.substr(0, 13));
    return kDone;
  }
  options.retry_of = run->id;
  return run_with(session, *app, options);
}

int test_verb(Session& session) {
  const auto app = open_app(session);
  const auto results = app->unit_tests(session.arguments.select);
  size_t failed = 0;
  Json list = Json::array();
  for (const auto& result : results) {
    failed += !result.passed;
    Json one{{"test", result.name}, {"model", result.model}, {"passed", result.passed}};
    if (!result.difference.empty()) one["difference"] = result.difference;
    if (result.problem) one["problem"] = result.problem->text();
    list.push_back(std::move(one));
    if (session.arguments.json) continue;
    session.out.print((result.passed ? session.out.green("ok    ") : session.out.red("FAILED")) +
                      " " + result.name + "  " + session.out.dim(result.model));
    if (!result.difference.empty())
      session.out.write(result.difference + (result.difference.ends_with('\n') ? "" : "\n"));
    if (result.problem) session.out.print("  " + result.problem->text());
  }
  if (session.arguments.json) {
    session.out.write(dumped({{"tests", std::move(list)}, {"failed", failed}}));
  } else {
    session.out.print(fmt::format("{} tests, {} failed", results.size(), failed));
  }
  return failed > 0 ? kFailed : kDone;
}

int ls_verb(Session& session) {
  const auto app = open_app(session);
  TextTable table({"asset", "kind", "version", "rows", "size", "updated", "description"});
  for (const size_t right : {2, 3, 4}) table.align_right(right);
  Json list = Json::array();
  for (const auto& asset : app->list(session.arguments.select)) {
    Json one{
        {"asset", asset.name}, {"kind", asset.kind}, {"file", asset.file}, {"tags", asset.tags}};
    if (!asset.description.empty()) one["description"] = asset.description;
    if (asset.version) one["version"] = *asset.version;
    if (asset.rows) one["rows"] = *asset.rows;
    if (asset.bytes) one["bytes"] = *asset.bytes;
    if (asset.updated) one["updated"] = iso(*asset.updated);
    list.push_back(std::move(one));
    table.add({asset.name, asset.kind, asset.version ? std::to_string(*asset.version) : "",
               asset.rows ? count_text(*asset.rows) : "",
               asset.bytes ? bytes_text(*asset.bytes) : "",
               asset.updated ? iso(*asset.updated).substr(0, 19) : "", asset.description});
  }
  if (session.arguments.json) {
    session.out.write(dumped(list));
  } else {
    session.out.write(
        table.text(size_t(session.out.width()), head(session.out), head_end(session.out)));
  }
  return kDone;
}

int lineage_verb(Session& session) {
  const auto app = open_app(session);
  const auto lineage = app->lineage(session.arguments.subject);
  const auto& format = session.arguments.format;
  if (session.arguments.json || format == "json") {
    session.out.write(graph::as_json(lineage));
  } else if (format == "mermaid") {
    session.out.write(graph::as_mermaid(lineage));
  } else if (format == "graphviz") {
    session.out.write(graph::as_graphviz(lineage));
  } else {
    session.out.write(graph::as_text(lineage));
  }
  return kDone;
}

namespace {

int one_run(Session& session, const history::History& history, const history::Run& run) {
  const auto tasks = history.tasks(run.id);
  const auto checks = history.checks(run.id);
  if (session.arguments.json) {
    Json out{{"run", run.id},
             {"status", run.status},
             {"environment", run.environment},
             {"command", run.command},
             {"started", iso(run.started)}};
    if (run.ended) out["ended"] = iso(*run.ended);
    for (const auto& t : tasks) {
      out["tasks"].push_back({{"asset", t.asset},
                              {"status", t.status},
                              {"attempts", t.attempts},
                              {"rows", t.rows},
                              {"version", t.version},
                              {"reasons", Json::parse(t.reasons, nullptr, false)},
                              {"error", t.error}});
    }
    for (const auto& c : checks) {
      out["checks"].push_back(
          {{"asset", c.asset},
           {"check", c.description},
           {"passed", c.passed},
           {"severity", c.severity},
           {"failing", c.failing},
           {"message", c.message},
           {"sample", Json::parse(c.sample.empty() ? "null" : c.sample, nullptr, false)}});
    }
    session.out.write(dumped(out));
    return kDone;
  }
  const auto& out = session.out;
  out.print(fmt::format("run {}  {}  {}\n{}\n", run.id, run.status, iso(run.started),
                        out.dim(run.command)));
  TextTable table({"asset", "kind", "status", "attempts", "rows", "version", "time", "why"});
  for (const size_t right : {3, 4, 5, 6}) table.align_right(right);
  for (const auto& t : tasks) {
    std::string why;
    const auto reasons = Json::parse(t.reasons, nullptr, false);
    if (reasons.is_array()) {
      for (const auto& reason : reasons)
        why += (why.empty() ? "" : "; ") + reason.get<std::string>();
    }
    const auto elapsed =
        t.started && t.ended ? *t.ended - *t.started : std::chrono::microseconds(0);
    table.add({t.asset, t.kind, t.status, std::to_string(t.attempts),
               t.rows >= 0 ? count_text(t.rows) : "",
               t.version >= 0 ? std::to_string(t.version) : "", seconds_text(elapsed),
               t.error.empty() ? why : t.error});
  }
  out.write(table.text(size_t(out.width()), head(out), head_end(out)));
  for (const auto& c : checks) {
    if (c.passed) continue;
    out.print(fmt::format("\n{} {}: {}: {}",
                          c.severity == "block" ? out.red("failed") : out.yellow("warning"),
                          c.asset, c.description, c.message));
    const auto sample = Json::parse(c.sample, nullptr, false);
    if (!sample.is_object() || sample["rows"].empty()) continue;
    TextTable rows(sample["columns"].get<std::vector<std::string>>());
    for (const auto& row : sample["rows"]) {
      std::vector<std::string> cells;
      for (const auto& cell : row)
        cells.push_back(cell.is_null() ? "NULL" : cell.get<std::string>());
      rows.add(std::move(cells));
    }
    out.write(rows.text(size_t(out.width()), head(out), head_end(out)));
  }
  return kDone;
}

}  // namespace

int runs_verb(Session& session) {
  const auto app = open_app(session);
  const auto& history = app->history();
  if (!session.arguments.run.empty()) {
    const auto run = history.run(session.arguments.run);
    if (!run)
      throw Error(Code::usage, "there is no run \"" + session.arguments.run + "\"",
                  "`windrow runs` shows what there was");
    return one_run(session, history, *run);
  }
  Json list = Json::array();
  TextTable table(
      {"run", "started", "status", "tasks", "failed", "time", "environment", "command"});
  for (const size_t right : {3, 4, 5}) table.align_right(right);
  for (const auto& run :
       history.runs(size_t(session.arguments.limit > 0 ? session.arguments.limit : 20))) {
    list.push_back({{"run", run.id},
                    {"started", iso(run.started)},
                    {"status", run.status},
                    {"tasks", run.tasks},
                    {"failed", run.failed},
                    {"environment", run.environment},
                    {"command", run.command}});
    table.add({run.id.substr(0, 13), iso(run.started).substr(0, 19), run.status,
               count_text(run.tasks), count_text(run.failed),
               run.ended ? seconds_text(*run.ended - run.started) : "", run.environment,
               run.command});
  }
  if (session.arguments.json) {
    session.out.write(dumped(list));
  } else if (table.empty()) {
    session.out.print("no runs yet");
  } else {
    session.out.write(
        table.text(size_t(session.out.width()), head(session.out), head_end(session.out)));
  }
  return kDone;
}

int schema_verb(Session& session) {
  const auto& a = session.arguments;
  if (!a.write_folder.empty()) {
    std::filesystem::create_directories(a.write_folder);
    for (const auto& kind : project::schema_kinds()) {
      std::ofstream stream(a.write_folder + "/" + kind + ".schema.json");
      stream << project::json_schema(kind);
      stream.close();
      if (!stream) throw Error(Code::full, "cannot write into \"" + a.write_folder + "\"");
    }
    session.out.print("wrote the schemas of " + std::to_string(project::schema_kinds().size()) +
                      " kinds into " + a.write_folder);
    return kDone;
  }
  if (a.kind.empty()) {
    for (const auto& kind : project::schema_kinds()) session.out.print(kind);
    return kDone;
  }
  const auto kinds = project::schema_kinds();
  if (std::find(kinds.begin(), kinds.end(), a.kind) == kinds.end()) {
    throw Error(Code::usage, "there is no kind of file \"" + a.kind + "\"",
                did_you_mean(a.kind, kinds));
  }
  session.out.print(project::json_schema(a.kind));
  return kDone;
}

int health_verb(Session& session) {
  const auto app = open_app(session);
  const auto lines = app->health();
  bool ok = true;
  Json list = Json::array();
  for (const auto& line : lines) {
    ok = ok && line.ok;
    list.push_back(
        {{"what", line.what}, {"ok", line.ok}, {"finding", line.finding}, {"hint", line.hint}});
    if (session.arguments.json) continue;
    session.out.print((line.ok ? session.out.green("ok   ") : session.out.red("WRONG")) + " " +
                      line.what + ": " + line.finding);
    if (!line.hint.empty()) session.out.print("      hint: " + line.hint);
  }
  if (session.arguments.json) session.out.write(dumped(list));
  return ok ? kDone : kFailed;
}

}  // namespace windrow::cli
