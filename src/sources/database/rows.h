#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/rows.h"
#include "clients/postgres.h"
#include "project/connection.h"

/// Private to sources/database: what a database is asked for, whichever it is.
namespace windrow::sources {

/// Rows under way, in a file that DuckDB reads.
struct DatabaseChunk {
  std::string relation;         ///< SQL of the rows
  std::vector<Column> columns;  ///< of `relation`, with the types that they should have
  bool loose = false;  ///< the database does not hold values to types: they are texts in `relation`
  int64_t rows = 0;
};

/// A table or query of a database at one moment. One thread.
class DatabaseRows {
 public:
  virtual ~DatabaseRows() = default;
  /// What the rows come from, as it stands in FROM: a table's name, or a query in parentheses.
  virtual std::string from(const std::string& table, const std::string& query) = 0;
  virtual std::string name(const std::string& column) = 0;
  /// The value of an expression as a literal of this database; nothing for NULL or no row.
  virtual std::optional<std::string> literal(const std::string& expression,
                                             const std::string& rest) = 0;
  /// `literal` less the overlap (a duration or a number), as an expression.
  virtual std::string less(const std::string& column, const std::string& from,
                           const std::string& literal, const std::string& overlap) = 0;
  /// Reads `SELECT * FROM …` with conditions into the file at `path`, row by row.
  virtual DatabaseChunk read(const std::string& from, const std::string& rest,
                             const std::string& path) = 0;
};

/// A moment that several DatabaseRows share.
class DatabaseMoment {
 public:
  virtual ~DatabaseMoment() = default;
  virtual std::unique_ptr<DatabaseRows> rows(Cancel* cancel) = 0;
};

/// Error(configuration) where there is no url.
clients::PostgresOptions postgres_source_options(const project::Connection& connection,
                                                 const std::string& root);
std::shared_ptr<DatabaseMoment> postgres_moment(const project::Connection& connection,
                                                const std::string& root);
std::shared_ptr<DatabaseMoment> sqlite_moment(const std::string& path);

}  // namespace windrow::sources
