#pragma once

#include <string>
#include <vector>

#include "clients/mysql.h"
#include "duck/forward.h"
#include "publish/mysql/types.h"
#include "publish/sql/statements.h"

/// Private to publish/mysql: tables as views need them.
namespace windrow::publish {

struct MysqlColumn {
  std::string name;
  MysqlType type;
  std::string collation;  ///< of texts
  bool required = false;

  std::string declared() const;  ///< `name` type …
};

struct MysqlTable {
  bool exists = false;
  std::vector<MysqlColumn> columns;  ///< that are sent, in order
  std::string select;                ///< what yields their rows
  /// Of one that stays: statements; empty where it fits already. MySQL commits at each.
  std::vector<std::string> evolve;
  /// Of one that is swapped: indexes that others made, as SHOW CREATE TABLE writes them.
  std::vector<std::string> others;

  std::vector<std::string> names() const;
  /// The columns of a statement that makes a table with them; those of `only`, where it has any.
  std::string definitions(const std::vector<std::string>& only = {}) const;
};

const SqlWords& mysql_words();
/// The collation under which texts are the same where their bytes are, and sort by them.
std::string mysql_collation(clients::Mysql& database);

/// Looks at the server. `swapped`: a new table takes the place of the one that is there.
/// Error(configuration) names a declared column or type that does not fit, Error(data) a table that
/// is not ours, or has what a swap would lose.
MysqlTable mysql_table(clients::Mysql& database, const ViewBatch& view, bool ours, bool swapped,
                       duck::Connection& connection);
std::string mysql_create(const std::string& name, const ViewBatch& view, const MysqlTable& table);
/// What `ALTER TABLE` is followed by to make the declared indexes, and to drop those of ours that
/// are declared no more; `there`: names of those that there are.
std::vector<std::string> mysql_indexes(const ViewBatch& view, const MysqlTable& table,
                                       const std::vector<std::string>& there);
std::vector<std::string> mysql_indexes_there(clients::Mysql& database, const std::string& table);
bool mysql_there(clients::Mysql& database, const std::string& table);
/// Type and collation of a table's columns, by their names.
std::map<std::string, MysqlColumn> mysql_columns(clients::Mysql& database,
                                                 const std::string& table);

/// The condition of rows with the key; nothing where the table has no such columns. A value that a
/// column cannot have is no row's.
std::optional<std::string> mysql_key_condition(const std::map<std::string, MysqlColumn>& columns,
                                               const KeyValues& key);

}  // namespace windrow::publish
