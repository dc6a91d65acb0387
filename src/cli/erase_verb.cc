#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "app/app.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/text_table.h"

namespace windrow::cli {

namespace {

void show(const Session& session, const app::ErasureReceipt& receipt) {
  TextTable text({"where", "", "rows", "files", "of older versions", ""}, {2, 3, 4});
  for (const auto& each : receipt.places) {
    const bool table = each.kind == "table";
    text.add({each.kind, each.name, count_text(each.rows), table ? count_text(each.files) : "",
              table ? count_text(each.purged) : "",
              each.problem         ? each.problem->message
              : each.how == "text" ? "by its text"
                                   : ""});
  }
  session.out.table(text);
  for (const auto& each : receipt.passed_over) session.out.note("not looked into: " + each);
  for (const auto& each : receipt.places) {
    if (each.problem && !each.problem->hint.empty())
      session.out.note(each.name + ": " + each.problem->hint);
  }
}

/// Asks whoever sits there; nobody does where input is no terminal.
bool confirmed(const Session& session, int64_t rows) {
  if (::isatty(STDIN_FILENO) == 0) {
    throw Error(Code::usage, "erase asks before it removes anything, and nobody is there to answer",
                "--dry-run looks, --yes answers");
  }
  session.out.write(fmt::format("erase {} for good? [y/N] ", counted(rows, "row")));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

}  // namespace

int erase_verb(Session& session) {
  const auto& a = session.arguments;
  app::EraseOptions options;
  for (const auto& text : a.keys) {
    options.key.push_back(pair_argument(text, "--key", "COLUMN=VALUE"));
    if (options.key.back().second.empty())
      throw Error(Code::usage, "--key \"" + text + "\" has no value", "--key COLUMN=VALUE");
  }
  options.purge = !a.keep_versions;
  const auto app = open_app(session);
  if (a.dry_run || !a.yes) {
    options.dry_run = true;
    const auto found = app->erase(options, session.interrupts.cancel());
    if (a.dry_run && session.out.json()) {
      session.out.write(dumped(json_of(found, true)));
      return found.failed() ? kFailed : kDone;
    }
    if (!session.out.json()) show(session, found);
    if (a.dry_run) {
      session.out.note("nothing was changed");
      return found.failed() ? kFailed : kDone;
    }
    if (!confirmed(session, found.rows())) {
      session.out.note("nothing was changed");
      return kDone;
    }
  }
  options.dry_run = false;
  const auto receipt = app->erase(options, session.interrupts.cancel());
  if (session.out.json()) {
    session.out.write(dumped(json_of(receipt, false)));
  } else {
    show(session, receipt);
    session.out.print(receipt.failed() ? "not everywhere: mend what is said above and erase again"
                                       : fmt::format("{} erased", counted(receipt.rows(), "row")));
  }
  return receipt.failed() ? kFailed : kDone;
}

}  // namespace windrow::cli
