#include <fmt/format.h>

#include <filesystem>

#include "app/app.h"
#include "app/homes.h"
#include "cli/diff_verb.h"
#include "cli/json_text.h"
#include "cli/maintenance_verbs.h"
#include "cli/rows_out.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "cli/write_verbs.h"
#include "duck/duck.h"
#include "lake/copies.h"
#include "lake/point_in_time.h"
#include "lake/table.h"
#include "storage/folders.h"

namespace windrow::cli {

namespace {

std::string folder_of(const std::string& uri) {
  if (uri.starts_with("file://")) return uri.substr(7);
  if (!storage::scheme_of(uri).empty()) {
    return uri.substr(0, uri.find_last_not_of('/') + 1);
  }
  return std::filesystem::absolute(uri).lexically_normal().string();
}

std::optional<int64_t> wanted_version(Session& session, const lake::Table& table) {
  const auto& a = session.arguments;
  if (a.version) return a.version;
  if (!a.at.empty()) return lake::version_at(table, time_in_project(session, a.at, "--at"), a.uri);
  return {};
}

int history(Session& session, const lake::Table& table) {
  std::optional<size_t> limit;
  if (session.arguments.limit) limit = size_t(*session.arguments.limit);
  Json list = Json::array();
  TextTable text({"version", "time", "operation", "by", "run", "metrics"}, {0});
  text.give_way({5, 3, 2});
  for (const auto& entry : table.history(limit)) {
    const Json one = json_of(entry);
    list.push_back(one);
    std::string metrics;
    if (one["metrics"].is_object()) {
      for (const auto& [key, value] : one["metrics"].items()) {
        metrics += (metrics.empty() ? "" : ", ") + key + " " + value_text(value);
      }
    }
    text.add({std::to_string(entry.version), short_time(entry.timestamp), entry.operation,
              entry.engine_info, entry.provenance ? entry.provenance->run.substr(0, 13) : "",
              metrics});
  }
  if (session.out.json()) {
    session.out.write(dumped(list));
  } else {
    session.out.table(text);
  }
  return kDone;
}

int restore(Session& session, storage::FileSystem& files, const lake::Table& table,
            duck::Connection& connection) {
  const auto version = wanted_version(session, table);
  if (!version) throw Error(Code::usage, "restore needs --version or --at");
  std::optional<Time> asked;
  if (!session.arguments.at.empty()) asked = time_in_project(session, session.arguments.at, "--at");
  const auto done = lake::restore(files, table.path(), connection, *version, asked, session.clock);
  const int64_t now = done.version < 0 ? table.latest_version() : done.version;
  session.out.write(
      session.out.json() ? dumped({{"version", now}, {"restored", *version}})
      : done.version < 0
          ? fmt::format("version {} holds the same as version {}: nothing to do\n", now, *version)
          : fmt::format("version {} is version {} again\n", now, *version));
  return kDone;
}

int drop(Session& session, storage::FileSystem& files, const std::string& path) {
  const auto& a = session.arguments;
  const bool by_name = !files.stat(folder_of(a.uri)) && a.uri.find('/') == std::string::npos;
  if (by_name && !a.force) {
    const auto app = open_app(session);
    if (const auto* asset = app->workspace()->graph.resolve(a.uri)) {
      throw Error(
          Code::usage,
          fmt::format("\"{}\" is made by {}: the next run would make it again", a.uri, asset->file),
          "take it out of the project first, or say --force");
    }
  }
  const lake::Table table(files, path);
  if (!table.exists() && !(a.force && files.stat(path + "/_delta_log"))) {
    throw Error(Code::not_found, "there is no Delta table in \"" + a.uri + "\"",
                "`windrow ls --orphans` lists those that nothing makes any more");
  }
  int64_t bytes = 0, count = 0;
  for (const auto& file : files.list_tree(path)) {
    bytes += int64_t(file.size);
    ++count;
  }
  if (!a.dry_run) storage::remove_folder(files, path, "_delta_log");
  session.out.write(
      session.out.json()
          ? dumped({{"table", a.uri}, {"files", count}, {"bytes", bytes}, {"dry_run", a.dry_run}})
          : fmt::format("\"{}\": {} of {} {}\n", a.uri, counted(count, "file"), bytes_text(bytes),
                        a.dry_run ? "would be removed" : "removed"));
  return kDone;
}

/// The folder of what the command line names: a folder or URI, or a table of the project's lake.
std::string table_path(Session& session, storage::FileSystem& files, const std::string& uri) {
  const std::string folder = folder_of(uri);
  if (files.stat(folder) || uri.find('/') != std::string::npos) return folder;
  if (const size_t dot = uri.find('.'); dot == 0 || dot == std::string::npos) return folder;
  try {
    const auto app = open_app(session);
    return app->workspace()->environment.lake + "/" + uri.substr(0, uri.find('.')) + "/" +
           uri.substr(uri.find('.') + 1);
  } catch (const Error& error) {
    if (error.code() != Code::configuration) throw;
    return folder;  // no project here: it is a folder that is not there
  }
}

}  // namespace

int table_verb(Session& session) {
  const auto files = app::all_homes(storage::process_environment(), session.secrets);
  const lake::Table table(*files, table_path(session, *files, session.arguments.uri));
  if (session.arguments.sub_verb == "write") return write_table(session, *files, table.path());
  if (session.arguments.sub_verb == "drop") return drop(session, *files, table.path());
  if (!table.exists()) {
    throw Error(Code::not_found, "there is no Delta table in \"" + session.arguments.uri + "\"",
                "the folder of a table holds a folder _delta_log");
  }
  if (is_writing(session.arguments.sub_verb)) return write_table(session, *files, table.path());
  if (is_maintenance(session.arguments.sub_verb)) return maintain(session, *files, table.path());
  if (session.arguments.sub_verb == "clone")
    return clone_table(session, *files, table.path(), folder_of(session.arguments.target));
  if (session.arguments.sub_verb == "history") return history(session, table);
  duck::Database database{duck::Options{}};
  lake::attach(database, *files);
  duck::Connection connection(database);
  if (session.arguments.sub_verb == "diff") return diff_table(session, *files, table, connection);
  if (session.arguments.sub_verb == "restore") return restore(session, *files, table, connection);
  put_rows(session, connection,
           lake::duck_sql(lake::scan(table.snapshot(wanted_version(session, table), &connection))));
  return kDone;
}

}  // namespace windrow::cli
