#include "cli/diff_verb.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/app.h"
#include "cli/rows_out.h"
#include "duck/duck.h"
#include "lake/change_data.h"
#include "lake/net_changes.h"
#include "lake/point_in_time.h"
#include "lake/table.h"

namespace windrow::cli {

namespace {

/// A version as it was given: by its number or by a time. −1: before the first.
int64_t version_argument(Session& session, const lake::Table& table, const std::string& text,
                         const std::string& option, const std::string& name) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size())
    return lake::version_at(table, time_in_project(session, text, option), name);
  if (const int64_t latest = table.latest_version(); number < -1 || number > latest) {
    throw Error(
        Code::usage, fmt::format("{}: \"{}\" has no version {}", option, name, number),
        latest == 0 ? "there is version 0" : fmt::format("there are versions 0 to {}", latest));
  }
  return number;
}

/// By which columns the project's model tells rows of this folder apart; none where there is no
/// such model, or no project that can be opened.
std::vector<std::string> key_in_project(Session& session, const std::string& path) {
  try {
    const auto app = open_app(session);
    const auto workspace = app->workspace();
    for (const auto& model : workspace->project.models) {
      const auto dot = model.name.find('.');
      if (workspace->environment.lake + "/" + model.name.substr(0, dot) + "/" +
              model.name.substr(dot + 1) !=
          path)
        continue;
      auto key = model.build.key;
      if (model.build.kind == project::BuildKind::scd2) key.emplace_back("valid_from");
      return key;
    }
  } catch (const Error&) {
    // Rows are shown all the same.
  }
  return {};
}

std::vector<std::string> key_of(Session& session, const lake::Table& table,
                                const lake::Snapshot& now) {
  if (!session.arguments.keys.empty()) return session.arguments.keys;
  auto key = key_in_project(session, table.path());
  const bool there = std::all_of(
      key.begin(), key.end(), [&](const auto& name) { return now.schema.find(name) != nullptr; });
  return there ? key : std::vector<std::string>{};
}

/// Throws where files of one of the versions are gone, and says so in the table's words.
void refuse_gone(storage::FileSystem& files, const lake::Snapshot& snapshot,
                 const std::vector<lake::Add>& needed, const std::string& name) {
  const auto gone = std::count_if(needed.begin(), needed.end(), [&](const auto& add) {
    return !files.stat(snapshot.file_path(add));
  });
  if (gone == 0) return;
  throw Error(
      Code::history_lost,
      fmt::format("version {} of \"{}\" cannot be compared: {} of its rows {} gone",
                  snapshot.version, name, counted(gone, "file"), gone == 1 ? "is" : "are"),
      "vacuum removes what no version inside its retention needs; compare younger versions");
}

void net(Session& session, storage::FileSystem& files, const lake::Table& table,
         duck::Connection& connection, int64_t from, int64_t to) {
  const auto& name = session.arguments.uri;
  const auto now = table.snapshot(to, &connection);
  std::optional<lake::Snapshot> then;
  if (from >= 0) then = table.snapshot(from, &connection);
  const auto* before = then ? &*then : nullptr;
  const auto changes = lake::net_changes(before, now, key_of(session, table, now));
  try {
    put_rows(
        session, connection,
        "SELECT _change_type, * EXCLUDE (_change_type) FROM (" + lake::duck_sql(changes) + ")");
  } catch (const Error& error) {
    if (error.code() == Code::canceled) throw;
    const auto between = lake::files_between(before, now);
    if (before) refuse_gone(files, *before, between.removed, name);
    refuse_gone(files, now, between.added, name);
    throw;
  }
}

}  // namespace

int diff_table(Session& session, storage::FileSystem& files, const lake::Table& table,
               duck::Connection& connection) {
  const auto& a = session.arguments;
  const int64_t to =
      a.to.empty() ? table.latest_version() : version_argument(session, table, a.to, "--to", a.uri);
  const int64_t from =
      a.from.empty() ? to - 1 : version_argument(session, table, a.from, "--from", a.uri);
  if (from > to || to < 0) {
    throw Error(Code::usage, fmt::format("there is nothing between version {} and {}", from, to),
                "--from is the older, --to the newer version");
  }
  if (!a.commits) {
    net(session, files, table, connection, from, to);
    return kDone;
  }
  put_rows(session, connection,
           "SELECT _commit_version, _change_type, _commit_timestamp, * EXCLUDE (_commit_version, "
           "_change_type, _commit_timestamp) FROM (" +
               lake::duck_sql(lake::change_feed(table, from, to, connection)) + ") ORDER BY ALL");
  return kDone;
}

}  // namespace windrow::cli
