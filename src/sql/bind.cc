#include <atomic>

#include "sql/sql.h"

namespace windrow::sql {

Scratch::Scratch(duck::Connection& connection, const Catalog& catalog,
                 const std::set<std::string>& tables)
    : connection_(connection) {
  static std::atomic<uint64_t> made{0};
  name_ = "scratch_" + std::to_string(++made);
  std::string sql = "ATTACH ':memory:' AS " + name_ + "; USE " + name_ + ";";
  for (const auto& table : tables) {
    auto found = catalog.find(table);
    if (found == catalog.end()) continue;
    std::string name;
    if (const auto dot = table.find('.'); dot != std::string::npos) {
      const auto schema = duck::quote_name(table.substr(0, dot));
      sql += "CREATE SCHEMA IF NOT EXISTS " + schema + ";";
      name = schema + "." + duck::quote_name(table.substr(dot + 1));
    } else {
      name = duck::quote_name(table);
    }
    std::string columns;
    for (const auto& column : found->second) {
      columns += (columns.empty() ? "" : ", ") + duck::quote_name(column.name) + " " + column.type;
    }
    sql += "CREATE TABLE " + name + " (" + columns + ");";
  }
  connection_.execute(sql);
}

Scratch::~Scratch() {
  try {
    connection_.execute("USE memory; DETACH " + name_);
  } catch (const Error&) {
    // Empty tables; they go with the connection.
  }
}

std::vector<duck::Column> bind(duck::Connection& connection, const Parsed& select,
                               const Catalog& catalog, const duck::Parameters& parameters) {
  const Scratch scratch(connection, catalog, select.table_names());
  try {
    return connection.describe(select.text, parameters);
  } catch (const duck::SqlError& error) {
    throw placed(error, select);
  }
}

Error placed(const duck::SqlError& error, const Parsed& select) {
  Problem problem = error.problem();
  problem.place = place_at(select.begin, select.text, error.position().value_or(0));
  return Error(std::move(problem));
}

}  // namespace windrow::sql
