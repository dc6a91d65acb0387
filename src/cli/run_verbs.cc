#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/app.h"
#include "app/retry.h"
#include "cli/data_out.h"
#include "cli/json_text.h"
#include "cli/plan_lines.h"
#include "cli/run_view.h"
#include "cli/server_channel.h"
#include "cli/session.h"
#include "duck/duck.h"
#include "duck/quoting.h"

// plan, run, retry.
namespace windrow::cli {

namespace {

std::optional<tasks::Sample> sample_argument(const std::string& text) {
  if (text.empty()) return {};
  auto out = tasks::parse_sample(text);
  if (out) return out;
  throw Error(Code::usage, "--sample takes a share of the rows, but \"" + text + "\" is none",
              "write it in percent, more than 0 and less than 100: --sample 1%");
}

app::PlanOptions plan_options(const Session& session, const std::string& zone) {
  const auto& a = session.arguments;
  app::PlanOptions out;
  out.select = joined(a.select);
  out.exclude = joined(a.exclude);
  out.full_refresh = a.full_refresh;
  out.rebuild_sealed = a.rebuild_sealed;
  out.sample = sample_argument(a.sample);
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
  constexpr int kRows = 5;
  const auto workspace = app.workspace();
  const auto* asset = workspace->graph.resolve(table);
  const std::string name = asset ? asset->name : table;
  const auto dot = name.find('.');
  const std::string schema =
      dot == std::string::npos ? "" : duck::quote_name(name.substr(0, dot)) + ".";
  const auto query = app.query({});
  const std::string select = "FROM " + schema +
                             duck::quote_name(name.substr(dot == std::string::npos ? 0 : dot + 1)) +
                             " LIMIT " + std::to_string(kRows);
  query->prepare(select);
  const auto rows = query->connection().query(select);
  session.out.print("\n" + session.out.style().bold(name) + ", first rows");
  put_data(session.out, table_of(rows));
}

/// The table behind the last view that this run published; empty where it published none.
std::string last_published(const app::App& app, const app::RunResult& result) {
  std::string out;
  const auto workspace = app.workspace();
  for (const auto& task : result.tasks) {
    if (task.status != "done" || !task.asset.starts_with("publish.")) continue;
    for (const auto& publication : workspace->project.publications) {
      if ("publish." + publication.name != task.asset) continue;
      for (const auto& view : publication.views) {
        if (!view.from.empty()) out = view.from.value;
      }
    }
  }
  return out;
}

void show_next(Session& session, const std::string& table) {
  const auto& a = session.arguments;
  const auto quoted = [](const std::string& text) {
    return text.find_first_of(" '\"$&;()*") == std::string::npos ? text : "\"" + text + "\"";
  };
  std::string windrow = "windrow";
  if (a.folder != ".") windrow += " -C " + quoted(a.folder);
  if (a.environment != "dev") windrow += " --env " + quoted(a.environment);
  std::vector<std::pair<std::string, std::string>> lines{
      {windrow + " ls", "every asset and its table"}};
  if (!table.empty()) {
    lines.emplace_back(windrow + " query \"FROM " + table + " LIMIT 5\"", "SQL over the lake");
    lines.emplace_back(windrow + " lineage " + table, "where it comes from");
  }
  lines.emplace_back(windrow + " plan", "nothing to do until something changes");
  size_t width = 0;
  for (const auto& [command, what] : lines) width = std::max(width, display_width(command));
  std::string text = "\n" + session.out.style().bold("Try next") + "\n";
  for (const auto& [command, what] : lines) {
    text += "  " + command + std::string(width - display_width(command) + 3, ' ') +
            session.out.style().dim(what) + "\n";
  }
  session.out.write(text);
}

int report(Session& session, app::App& app, const app::RunResult& result) {
  const auto& out = session.out;
  if (out.json()) {
    out.write(dumped(json_of(result)));
  } else {
    out.write(result_text(result, {out.width(), out.style(), &out.secrets()}, out.verbose()));
    const auto published = last_published(app, result);
    const auto& show = session.arguments.show;
    if (result.status == "done" && !out.quiet()) {
      if (!(show + published).empty()) show_rows(session, app, show.empty() ? published : show);
      if (!published.empty()) show_next(session, published);
    }
  }
  if (result.status == "canceled") return kStopped;
  return result.status == "done" ? kDone : kFailed;
}

}  // namespace

int run_with(Session& session, app::App& app, const app::RunOptions& asked) {
  auto options = asked;
  options.jobs = session.arguments.jobs;
  options.fail_fast = session.arguments.fail_fast;
  options.command = session.secrets.redact(session.command);
  for (const auto& notice : app.check()) {
    if (!session.out.json())
      session.out.note(session.out.error_style().yellow("note:") + " " + notice);
  }
  app::RunResult result;
  {
    RunView view(session.out, session.clock);
    result = app.start(options, [&](const observe::Event& event) { view.told(event); })
                 ->wait(session.interrupts.cancel());
  }
  return report(session, app, result);
}

namespace {

std::vector<std::string> accept(Session& session, app::App& app) {
  if (session.arguments.accept.empty()) return {};
  return app.accept(joined(session.arguments.accept));
}

}  // namespace

int plan_verb(Session& session) {
  const auto app = open_app(session);
  const auto& out = session.out;
  auto options = plan_options(session, app->workspace()->project.zone);
  options.files = session.arguments.explain;
  if (!session.arguments.accept.empty()) {
    const auto names = accept(session, *app);
    if (out.json()) {
      out.write(dumped({{"accepted", names}}));
    } else {
      for (const auto& name : names) out.print("accepted " + name + " as it stands");
    }
    return kDone;
  }
  const auto plan = app->plan(options, session.interrupts.cancel());
  const bool explain = session.arguments.explain || out.verbose();
  out.write(out.json() ? dumped(json_of(plan))
                       : plan_text(plan, app->workspace()->project.zone, out.style(), explain));
  const bool problems = std::any_of(plan.steps.begin(), plan.steps.end(),
                                    [](const auto& step) { return step.problem.has_value(); });
  return problems ? kFailed : kDone;
}

int run_verb(Session& session) {
  const auto app = open_app(session);
  app::RunOptions options;
  options.plan = plan_options(session, app->workspace()->project.zone);
  for (const auto& name : accept(session, *app)) {
    if (!session.out.json()) session.out.note("accepted " + name + " as it stands");
  }
  return run_with(session, *app, options);
}

int run_selected(Session& session, app::App& app, const std::string& select) {
  app::RunOptions options;
  options.plan.select = select;
  return run_with(session, app, options);
}

int retry_verb(Session& session) {
  const auto app = open_app(session);
  const auto& wanted = session.arguments.run;
  const auto history = app->history();
  const auto run = history->run(wanted);
  if (!run) {
    throw Error(Code::usage,
                wanted.empty() ? "there is no run to retry" : "there is no run \"" + wanted + "\"",
                "`windrow runs` shows what there was");
  }
  const auto assets =
      app::assets_to_retry(app->workspace()->graph, *history, *run, session.arguments.from_failed);
  if (assets.empty()) {
    if (session.out.json()) {
      session.out.write(dumped(json_of(app::RunResult{"", "done", {}, {}})));
    } else {
      session.out.print("nothing to retry: nothing failed in run " + short_run(run->id));
    }
    return kDone;
  }
  app::RunOptions options;
  options.plan.select = joined(assets);
  options.plan.sample = sample_argument(session.arguments.sample);
  options.retry_of = run->id;
  const Json request{{"do", "retry"},
                     {"run", run->id},
                     {"select", options.plan.select},
                     {"jobs", session.arguments.jobs},
                     {"fail_fast", session.arguments.fail_fast},
                     {"wait", true}};
  if (const auto answer = ask_server(session, app->workspace()->project.root, request, true))
    return show_server_result(session, *answer);
  return run_with(session, *app, options);
}

}  // namespace windrow::cli
