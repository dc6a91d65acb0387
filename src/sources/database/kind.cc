#include "sources/database/kind.h"

#include <filesystem>

#include "clients/sqlite.h"
#include "project/project.h"
#include "sources/database/rows.h"
#include "sources/database/snapshots.h"
#include "sources/look.h"

namespace windrow::sources {

namespace {

using project::text_type;

project::Keys<DatabaseFrom> keys() {
  project::Keys<DatabaseFrom> out("database");
  out.required("database", &DatabaseFrom::connection, text_type(),
               "The connection: postgres or sqlite.")
      .optional("table", &DatabaseFrom::table, text_type(), "",
                "The table, with its schema where it needs one.")
      .optional("query", &DatabaseFrom::query, text_type(), "", "A SELECT instead of a table.")
      .optional("mode", &DatabaseFrom::mode, project::word_type({"append", "replace"}), "append",
                "Without a cursor: each reading's rows come beside the former ones, or instead of "
                "them.")
      .optional("cursor", &DatabaseFrom::cursor, text_type(), "none: everything is read",
                "A column that grows: only rows behind its last value are read.")
      .optional("overlap", &DatabaseFrom::overlap, project::scalar_type(), "none",
                "With a cursor: so far before the last value is read again; a duration or a "
                "number.")
      .optional("chunk", &DatabaseFrom::chunk, project::integer_type(1), "500000",
                "With a cursor: about so many rows in one commit.")
      .optional("every", &DatabaseFrom::every, project::duration_type(), "each run",
                "Reads again only where the last reading began so long ago.");
  return out;
}

std::string look_at_sqlite(const project::Project& project, const project::Connection& connection,
                           Cancel&) {
  const std::string path = connection.file("path", project.root);
  if (!std::filesystem::exists(path)) {
    throw Error(Code::not_found, "there is no file \"" + path + "\"",
                "see to `path` of the connection, or make the database");
  }
  clients::Sqlite database(path, clients::Sqlite::Mode::read_only);
  const auto tables =
      database.query("SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view')");
  return "opens, " + counted(std::get<int64_t>(tables.at(0).at(0)), "table");
}

std::string look_at_postgres(const project::Project& project, const project::Connection& connection,
                             Cancel&) {
  auto options = postgres_source_options(connection, project.root);
  options.connect_timeout = kLook;
  clients::Postgres database(options);
  const int version = database.server_version();
  return fmt::format("PostgreSQL {}.{} at {}{}", version / 10000, version % 10000,
                     database.address(), database.encrypted() ? " with TLS" : "");
}

std::string look(const project::Source& source, const Context& context, Cancel& cancel) {
  const auto& said = project::own_or_default<DatabaseFrom>(source);
  Snapshots own;
  const auto rows = own.of(context.project, said.connection, source.from.place, &cancel);
  const auto from = rows->from(said.table, said.query);
  const std::string& cursor = said.cursor;
  const auto found = rows->literal(cursor.empty() ? "1" : rows->name(cursor), from + " LIMIT 1");
  const std::string what = said.table.empty() ? "the query" : "table " + said.table;
  return what + (found || !cursor.empty() ? " can be read" : " can be read, and has no row");
}

}  // namespace

SourceKind database_kind() {
  SourceKind out;
  out.declared = {"database", project::own_type(keys()), {}};
  out.declared.origin = "the source's own columns say where a row comes from";
  out.connections = {{"postgres", look_at_postgres}, {"sqlite", look_at_sqlite}};
  out.open = database_reader;
  out.look = look;
  out.finds_columns = true;
  out.shaping = {"query"};
  return out;
}

}  // namespace windrow::sources
