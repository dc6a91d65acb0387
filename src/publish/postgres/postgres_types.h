#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/rows.h"

/// Private to publish/postgres: DuckDB's types in PostgreSQL, so that nothing is lost.
///
/// | DuckDB | PostgreSQL |
/// |---|---|
/// | BOOLEAN | boolean |
/// | TINYINT, SMALLINT, UTINYINT; INTEGER, USMALLINT; BIGINT, UINTEGER | smallint; integer; bigint
/// | | HUGEINT, UBIGINT | numeric | | FLOAT, DOUBLE | real, double precision; NaN and infinities
/// too | | DECIMAL(p,s) | numeric(p,s) | | VARCHAR, ENUM | text | | JSON; STRUCT, MAP, UNION, lists
/// of them and of lists | jsonb | | lists | arrays | | BLOB | bytea | | DATE, TIME, INTERVAL, UUID
/// | date, time, interval, uuid; infinities of dates too | | TIMESTAMP (of any unit), TIMESTAMPTZ |
/// timestamp, timestamptz; infinities too |
namespace windrow::publish {

struct PostgresType {
  enum class Kind {
    boolean,
    int2,
    int4,
    int8,
    float4,
    float8,
    numeric,
    text,
    json,
    jsonb,
    bytea,
    date,
    timestamp,
    timestamptz,
    time,
    interval,
    uuid
  };
  Kind kind = Kind::text;
  bool array = false;
  int precision = 0, scale = 0;  ///< of numeric; 0: without bounds
  std::string name;              ///< of the element, as PostgreSQL's format_type writes it

  std::string sql() const { return name + (array ? "[]" : ""); }
  /// As a column of ours is declared: texts compare byte by byte, as they do in the lake.
  std::string declared() const { return sql() + (kind == Kind::text ? " COLLATE \"C\"" : ""); }
  uint32_t element_oid() const;
};

/// The type that a column gets where nobody says otherwise.
PostgresType postgres_type_of(const std::string& duck_type);
/// Reads a declaration or format_type's text; nothing for types whose binary form is not known
/// here.
std::optional<PostgresType> read_postgres_type(std::string_view text);
/// True where every value of `from` is one of `to`, and PostgreSQL converts the column by itself.
bool widens(const PostgresType& from, const PostgresType& to);
/// Over the SELECT's columns: what `BinaryRows` writes as this type.
std::string select_as(const Column& column, const PostgresType& type);

}  // namespace windrow::publish
