#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clients/postgres.h"
#include "duck/forward.h"
#include "publish/postgres/binary_rows.h"
#include "publish/store.h"

/// Private to publish/postgres: tables, indexes and merge views made and evolved.
namespace windrow::publish {

/// Where a store's tables lie.
struct PostgresPlace {
  std::string schema;
  std::string qualified(const std::string& table) const {
    return clients::postgres_name(schema) + "." + clients::postgres_name(table);
  }
};

/// A table as it has to be for a view, and what has to be done for that.
struct PostgresTable {
  bool exists = false;
  std::vector<BinaryRows::Column> columns;  ///< that are sent, in order
  std::vector<std::string> collations;      ///< of each column; empty where its type has none
  std::string select;                       ///< what yields their rows
  std::vector<std::string> create;          ///< statements; empty where it exists
  std::vector<std::string> evolve;          ///< statements; empty where it fits already

  std::string column_list() const;
  /// A column of another table, collated as this one's: PostgreSQL joins no two collations.
  std::string collated(const std::string& column) const;
};

/// Looks at the server. Error(configuration) names a declared column or type that does not fit,
/// Error(data) a table that is not ours.
PostgresTable postgres_table(clients::Postgres& database, const PostgresPlace& place,
                             const ViewBatch& view, bool ours, duck::Connection& connection);
/// Statements that make the declared indexes and drop those of ours that are declared no more.
std::vector<std::string> postgres_indexes(clients::Postgres& database, const PostgresPlace& place,
                                          const ViewBatch& view);
/// The statement that makes the merge view; Error(not_found) where the speed layer has no table
/// yet.
std::string postgres_merge_view(clients::Postgres& database, const PostgresPlace& place,
                                const ViewBatch& view, const PostgresTable& table);

}  // namespace windrow::publish
