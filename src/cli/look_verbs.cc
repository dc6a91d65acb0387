#include "app/app.h"
#include "base/version.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "duck/duck.h"

// test, ls, lineage, health, version.
namespace windrow::cli {

int test_verb(Session& session) {
  const auto app = open_app(session);
  const auto results = app->unit_tests(joined(session.arguments.select));
  const auto& out = session.out;
  int64_t failed = 0;
  for (const auto& result : results) {
    failed += !result.passed;
    if (out.json() || (result.passed && out.quiet())) continue;
    out.print((result.passed ? out.style().green("passed") : out.style().red("failed")) + "  " +
              result.name + "  " + out.style().dim(result.model));
    if (!result.passed && result.place.known()) out.print("  at " + result.place.text());
    if (!result.difference.empty())
      out.write(result.difference + (result.difference.ends_with('\n') ? "" : "\n"));
    if (result.problem) out.write(problem_text(*result.problem, out.style()));
  }
  if (out.json()) {
    out.write(dumped({{"tests", json_of(results)}, {"failed", failed}}));
  } else if (results.empty()) {
    out.print("no tests: they are files in tests/ (docs/project.md)");
  } else {
    out.print(counted(int64_t(results.size()), "test") + ", " + count_text(failed) + " failed");
  }
  return failed > 0 ? kFailed : kDone;
}

int ls_verb(Session& session) {
  const auto app = open_app(session);
  const auto& out = session.out;
  TextTable table({"asset", "kind", "version", "rows", "size", "updated", "description"},
                  {2, 3, 4});
  table.give_way({6, 5, 4});  // the name is what one copies
  Json list = Json::array();
  const auto assets =
      session.arguments.orphans ? app->orphans() : app->list(joined(session.arguments.select));
  for (const auto& asset : assets) {
    if (session.arguments.tables && !asset.version) continue;
    // The first line: what follows belongs into the documentation, not into a table.
    const auto summary = asset.description.substr(0, asset.description.find('\n'));
    list.push_back(json_of(asset));
    table.add({asset.name, asset.kind, asset.version ? std::to_string(*asset.version) : "",
               asset.rows ? count_text(*asset.rows) : "",
               asset.bytes ? bytes_text(*asset.bytes) : "",
               asset.updated ? short_time(*asset.updated) : "",
               out.verbose() ? asset.file + (summary.empty() ? "" : ": " + summary) : summary});
  }
  if (out.json()) {
    out.write(dumped(list));
  } else if (table.empty()) {
    out.note(session.arguments.orphans ? "no orphans: everything in the lake is made by the project"
             : session.arguments.tables ? "no tables yet: `windrow run` makes them"
                                        : "no assets");
  } else {
    out.table(table);
    if (session.arguments.orphans)
      out.note("nothing makes these any more: `windrow table drop TABLE` removes one");
  }
  return kDone;
}

int lineage_verb(Session& session) {
  const auto app = open_app(session);
  const auto lineage = app->lineage(session.arguments.subject);
  const auto& format = session.arguments.format;
  if (format == "json" || (session.out.json() && format.empty())) {
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

int health_verb(Session& session) {
  const auto app = open_app(session);
  const auto& out = session.out;
  bool ok = true;
  const auto lines = app->health(session.interrupts.cancel());
  for (const auto& line : lines) {
    ok = ok && line.ok;
    if (out.json() || (line.ok && out.quiet())) continue;
    out.print((line.ok ? out.style().green("ok   ") : out.style().red("wrong")) + "  " + line.what +
              ": " + line.finding);
    if (!line.hint.empty()) out.print("       " + out.style().dim("hint:") + " " + line.hint);
  }
  if (out.json()) out.write(dumped({{"ok", ok}, {"findings", json_of(lines)}}));
  return ok ? kDone : kFailed;
}

int version_verb(Session& session) {
  if (session.out.json()) {
    session.out.write(dumped({{"windrow", kVersion}, {"duckdb", duck::version()}}));
  } else {
    session.out.print("windrow " + std::string(kVersion) + ", DuckDB " + duck::version());
  }
  return kDone;
}

}  // namespace windrow::cli
