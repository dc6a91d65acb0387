#include <fmt/format.h>

#include "app/app.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/text_table.h"

namespace windrow::cli {

namespace {

std::string number_text(int64_t number) { return number < 0 ? "" : count_text(number); }

int preview(Session& session, app::App& app, const std::string& select) {
  const auto views = app.preview_publications(select, session.interrupts.cancel());
  TextTable text({"view", "mode", "rows now", "rows sent", "what"}, {2, 3});
  std::string statements;
  for (const auto& each : views) {
    text.add({each.publication + "/" + each.view, each.mode, number_text(each.rows_there),
              number_text(each.rows), each.what});
    for (const auto& statement : each.statements) statements += "  " + statement + "\n";
  }
  if (session.out.json()) {
    session.out.write(dumped({{"views", json_of(views)}, {"dry_run", true}}));
    return kDone;
  }
  if (views.empty()) {
    session.out.print("nothing is published, or nothing is built yet");
    return kDone;
  }
  session.out.table(text);
  if (!statements.empty()) session.out.write("\nin the store:\n" + statements);
  session.out.note("nothing was changed");
  return kDone;
}

int roll_back(Session& session, app::App& app) {
  const auto manifests = app.roll_back(session.arguments.names, session.interrupts.cancel());
  for (const auto& each : manifests) {
    if (!session.out.json())
      session.out.print(fmt::format("{}: back at version {} of {}, {} rows", each.view,
                                    each.source_version, each.source_table, each.rows));
  }
  if (session.out.json()) session.out.write(dumped({{"rolled_back", json_of(manifests)}}));
  return kDone;
}

}  // namespace

int publish_verb(Session& session) {
  const auto app = open_app(session);
  const auto& a = session.arguments;
  if (a.rollback) {
    if (a.names.empty())
      throw Error(Code::usage, "say what goes back: NAME of a publication, or NAME/TABLE",
                  "windrow publish --rollback historical");
    return roll_back(session, *app);
  }
  std::string select;
  for (const auto& name : a.names)
    select +=
        (select.empty() ? "" : " ") + (name.starts_with("publish.") ? name : "publish." + name);
  if (a.names.empty()) select = "publish.*";
  if (a.dry_run) return preview(session, *app, select);
  return run_selected(session, *app, select);
}

}  // namespace windrow::cli
