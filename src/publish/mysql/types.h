#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/rows.h"
#include "publish/store.h"

/// Private to publish/mysql: DuckDB's types in MySQL and MariaDB, so that values compare and sort
/// there as they do in the lake, and no digit is lost. What has no place is an error that names it.
///
/// | DuckDB | MySQL |
/// |---|---|
/// | BOOLEAN | tinyint(1), 0 or 1 |
/// | TINYINT to BIGINT, UTINYINT to UBIGINT | tinyint to bigint, and unsigned |
/// | HUGEINT, UHUGEINT | decimal(39,0) |
/// | FLOAT, DOUBLE | double; NaN and infinities are errors |
/// | DECIMAL(p,s) | decimal(p,s) |
/// | VARCHAR, ENUM, lists, structs, maps, JSON, any other | longtext; varchar(n) in a key |
/// | DATE | date; an error outside of the years 1000 to 9999 |
/// | TIMESTAMP of any unit, TIMESTAMPTZ in UTC | datetime(6); the same bounds |
/// | TIME | time(6) |
/// | UUID | char(36) |
/// | BLOB | longblob; varbinary(n) in a key |
/// | INTERVAL | an error: no text of it sorts |
namespace windrow::publish {

struct MysqlType {
  enum class Kind { boolean, integer, real, decimal, text, json, bytes, date, datetime, time };
  Kind kind = Kind::text;
  std::string name;              ///< as the server writes it: `decimal(12,2)`
  int precision = 0, scale = 0;  ///< of decimal
  int bytes = 8;                 ///< of integer
  bool is_unsigned = false;
  int64_t length = 0;  ///< of char, varchar, binary, varbinary; 0: any

  bool operator==(const MysqlType& o) const { return name == o.name; }
  /// Without a bound that is small enough for an index of the whole value.
  bool is_long() const { return (kind == Kind::text || kind == Kind::bytes) && length == 0; }
};

/// The type that a column gets where nobody says otherwise; Error(configuration) for an INTERVAL.
MysqlType mysql_type_of(const Column& column, const ViewBatch& view);
/// Reads a declaration or COLUMN_TYPE of the server; nothing for types that are not written here.
std::optional<MysqlType> read_mysql_type(std::string_view text);
/// True where every value of `from` is one of `to`, in the same order.
bool widens(const MysqlType& from, const MysqlType& to);
/// Over the SELECT's columns: a VARCHAR, or a BLOB for bytes, that `append_mysql_value` takes.
std::string mysql_select(const Column& column, const MysqlType& type);
/// As a literal of a statement. Error(data) for a value that has no place in the type.
void append_mysql_value(std::string_view value, const MysqlType& type, const std::string& column,
                        const ViewBatch& view, std::string& out);

}  // namespace windrow::publish
