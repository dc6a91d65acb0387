#include <fmt/format.h>

#include <algorithm>

#include "app/app.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/text_table.h"

namespace windrow::cli {

namespace {

int retain(Session& session) {
  const auto& a = session.arguments;
  const auto app = open_app(session);
  const auto tables = app->retain(joined(a.select), a.dry_run, session.interrupts.cancel());
  TextTable text({"table", "kept from", "by", "rows", "files", "freed later", ""}, {3, 4});
  bool failed = false;
  for (const auto& each : tables) {
    failed |= each.problem.has_value();
    text.add({each.table, each.keep_from ? short_time(*each.keep_from) : "", each.by,
              count_text(each.rows), count_text(each.files_removed + each.files_rewritten),
              bytes_text(each.bytes),
              each.problem   ? each.problem->message
              : each.undated ? "nothing says how old its rows are"
                             : ""});
  }
  if (session.out.json()) {
    session.out.write(dumped({{"tables", json_of(tables)}, {"dry_run", a.dry_run}}));
    return failed ? kFailed : kDone;
  }
  if (tables.empty()) {
    session.out.print("no table lies in a layer with a retention");
    return kDone;
  }
  session.out.table(text);
  if (std::any_of(tables.begin(), tables.end(), [](const auto& each) { return each.undated; })) {
    session.out.note(
        "declare `retention_column:` with a DATE or TIMESTAMP column where nothing says how old "
        "rows are, or partition by year, month, day");
  }
  for (const auto& each : tables) {
    if (each.problem && !each.problem->hint.empty())
      session.out.note(fmt::format("{}: {}", each.table, each.problem->hint));
  }
  if (a.dry_run) session.out.note("nothing was changed");
  return failed ? kFailed : kDone;
}

int lifecycle(Session& session) {
  const auto& a = session.arguments;
  const auto app = open_app(session);
  const auto lines = app->lifecycle(a.dry_run);
  const auto days = [](const std::optional<int>& age) {
    return age ? std::to_string(*age) + "d" : std::string();
  };
  TextTable text({"table", "files", "infrequent", "archive", "delete"}, {2, 3, 4});
  for (const auto& line : lines) {
    text.add({line.table, line.prefix + "…", days(line.infrequent), days(line.archive),
              days(line.remove)});
  }
  if (session.out.json()) {
    session.out.write(dumped({{"rules", json_of(lines)}, {"dry_run", a.dry_run}}));
    return kDone;
  }
  if (lines.empty()) {
    session.out.print("no table lies in a layer with infrequent, archive or delete");
    return kDone;
  }
  session.out.table(text);
  if (a.dry_run) session.out.note("nothing was changed");
  return kDone;
}

}  // namespace

int lake_verb(Session& session) {
  return session.arguments.sub_verb == "lifecycle" ? lifecycle(session) : retain(session);
}

}  // namespace windrow::cli
