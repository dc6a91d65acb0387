#include "publish/store.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace windrow::publish {

std::vector<Manifest> Store::roll_back(const std::vector<std::string>&, Cancel&) {
  throw Error(Code::unsupported, "this store keeps no former batches",
              "restore the tables in the lake and publish again: windrow table restore");
}

std::vector<ErasedRows> Store::erase(const std::vector<project::PublishedView>&, const KeyValues&,
                                     bool) {
  throw Error(Code::unsupported, "what was delivered is out of reach",
              "ask its receivers, and remove the files that hold it");
}

void refuse_kept_name(const ViewBatch& view, std::string_view name, std::string_view kept) {
  if (!name.starts_with(kept)) return;
  throw Error(Code::configuration,
              fmt::format("view \"{}\": names with \"{}\" are kept for the store itself",
                          view.table, kept));
}

void refuse_unknown_columns(const ViewBatch& view, const std::vector<duck::Column>& sent) {
  std::vector<std::string> names;
  for (const auto& column : sent) names.push_back(column.name);
  for (const auto& [name, type] : view.settings.columns) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error(Code::configuration,
                fmt::format("view \"{}\" has no column \"{}\", which its \"columns\" give a type",
                            view.table, name),
                did_you_mean(name, names), view.settings.place);
  }
}

std::string layout_of(const std::string& connection_type) {
  return connection_type == "sqlite" ? "numbers compare as numbers" : "";
}

std::unique_ptr<Store> open_store(const project::Connection& connection, const std::string& root,
                                  storage::FileSystem& files, const Clock& clock) {
  const auto* found = connection.settings.find("path");
  std::string path = found ? found->text() : "serving.db";
  if (path.find("://") == std::string::npos && !path.starts_with('/')) path = root + "/" + path;
  if (connection.type == "sqlite") return sqlite_store(path, clock);
  if (connection.type == "postgres") return postgres_store(connection, root, clock);
  if (connection.type == "duckdb") return duckdb_store(path, clock);
  if (connection.type == "mongodb") return mongodb_store(connection, root, clock);
  if (connection.type == "cassandra") return cassandra_store(connection, root, clock);
  if (connection.type == "files") return file_store(path, files, clock);
  throw Error(Code::unsupported,
              fmt::format("connection \"{}\" is of the type \"{}\", which this version does not "
                          "publish to",
                          connection.name, connection.type),
              "use a connection of the type sqlite, duckdb, postgres, mongodb, cassandra or files",
              connection.place);
}

}  // namespace windrow::publish
