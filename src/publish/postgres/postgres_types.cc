#include "publish/postgres/postgres_types.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>

#include "duck/quoting.h"

namespace windrow::publish {

namespace {

using Kind = PostgresType::Kind;

struct Known {
  Kind kind;
  const char* name;  ///< as format_type writes it
  uint32_t oid;
  const char* duck;  ///< what the rows are cast to
};
constexpr Known kKnown[] = {
    {Kind::boolean, "boolean", 16, "BOOLEAN"},
    {Kind::int2, "smallint", 21, "SMALLINT"},
    {Kind::int4, "integer", 23, "INTEGER"},
    {Kind::int8, "bigint", 20, "BIGINT"},
    {Kind::float4, "real", 700, "FLOAT"},
    {Kind::float8, "double precision", 701, "DOUBLE"},
    {Kind::numeric, "numeric", 1700, "VARCHAR"},
    {Kind::text, "text", 25, "VARCHAR"},
    {Kind::json, "json", 114, "VARCHAR"},
    {Kind::jsonb, "jsonb", 3802, "VARCHAR"},
    {Kind::bytea, "bytea", 17, "BLOB"},
    {Kind::date, "date", 1082, "DATE"},
    {Kind::timestamp, "timestamp without time zone", 1114, "TIMESTAMP"},
    {Kind::timestamptz, "timestamp with time zone", 1184, "TIMESTAMP WITH TIME ZONE"},
    {Kind::time, "time without time zone", 1083, "TIME"},
    {Kind::interval, "interval", 1186, "INTERVAL"},
    {Kind::uuid, "uuid", 2950, "UUID"},
};
const Known& known(Kind kind) {
  return *std::find_if(std::begin(kKnown), std::end(kKnown),
                       [&](const Known& k) { return k.kind == kind; });
}

constexpr std::pair<const char*, Kind> kOtherNames[] = {
    {"bool", Kind::boolean},    {"int2", Kind::int2},
    {"int", Kind::int4},        {"int4", Kind::int4},
    {"int8", Kind::int8},       {"float4", Kind::float4},
    {"float8", Kind::float8},   {"double", Kind::float8},
    {"decimal", Kind::numeric}, {"timestamp", Kind::timestamp},
    {"time", Kind::time},       {"timestamptz", Kind::timestamptz},
    {"varchar", Kind::text},    {"character varying", Kind::text},
};

PostgresType plain(Kind kind) { return {kind, false, 0, 0, known(kind).name}; }

PostgresType numeric(int precision, int scale) {
  PostgresType out = plain(Kind::numeric);
  out.precision = precision;
  out.scale = scale;
  if (precision > 0)
    out.name = "numeric(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
  return out;
}

const std::map<std::string, Kind, std::less<>>& of_duck() {
  static const std::map<std::string, Kind, std::less<>> all = {
      {"BOOLEAN", Kind::boolean},
      {"TINYINT", Kind::int2},
      {"SMALLINT", Kind::int2},
      {"UTINYINT", Kind::int2},
      {"INTEGER", Kind::int4},
      {"USMALLINT", Kind::int4},
      {"BIGINT", Kind::int8},
      {"UINTEGER", Kind::int8},
      {"HUGEINT", Kind::numeric},
      {"UBIGINT", Kind::numeric},
      {"FLOAT", Kind::float4},
      {"DOUBLE", Kind::float8},
      {"JSON", Kind::jsonb},
      {"BLOB", Kind::bytea},
      {"DATE", Kind::date},
      {"TIME", Kind::time},
      {"INTERVAL", Kind::interval},
      {"UUID", Kind::uuid},
      {"TIMESTAMP", Kind::timestamp},
      {"TIMESTAMP_S", Kind::timestamp},
      {"TIMESTAMP_MS", Kind::timestamp},
      {"TIMESTAMP_NS", Kind::timestamp},
      {"TIMESTAMP WITH TIME ZONE", Kind::timestamptz},
  };
  return all;
}

bool nested(const std::string& duck_type) {
  return duck_type.ends_with("]") || duck_type.starts_with("STRUCT(") ||
         duck_type.starts_with("MAP(") || duck_type.starts_with("UNION(");
}

/// `a(b,c)` → a, b, c.
struct Written {
  std::string base;
  int first = 0, second = 0;
};
Written taken_apart(std::string_view text) {
  Written out;
  for (const char c : text) out.base += char(std::tolower(static_cast<unsigned char>(c)));
  while (!out.base.empty() && out.base.back() == ' ') out.base.pop_back();
  const size_t open = out.base.find('(');
  if (open == std::string::npos) return out;
  const size_t close = out.base.find(')', open);
  std::sscanf(out.base.c_str() + open, "(%d , %d", &out.first, &out.second);
  std::string rest = close == std::string::npos ? "" : out.base.substr(close + 1);
  out.base = out.base.substr(0, open) + rest;
  while (!out.base.empty() && out.base.back() == ' ') out.base.pop_back();
  return out;
}

}  // namespace

uint32_t PostgresType::element_oid() const { return known(kind).oid; }

PostgresType postgres_type_of(const std::string& duck_type) {
  if (duck_type.ends_with("]")) {
    const std::string element = duck_type.substr(0, duck_type.rfind('['));
    if (nested(element) || element == "JSON") return plain(Kind::jsonb);
    PostgresType out = postgres_type_of(element);
    out.array = true;
    return out;
  }
  if (nested(duck_type)) return plain(Kind::jsonb);
  if (duck_type.starts_with("DECIMAL(")) {
    const auto parts = taken_apart(duck_type);
    return numeric(parts.first, parts.second);
  }
  const auto found = of_duck().find(duck_type);
  return plain(found == of_duck().end() ? Kind::text : found->second);
}

std::optional<PostgresType> read_postgres_type(std::string_view text) {
  if (text.ends_with("[]")) {
    auto out = read_postgres_type(text.substr(0, text.size() - 2));
    if (out) out->array = true;
    return out;
  }
  const auto parts = taken_apart(text);
  for (const auto& each : kKnown) {
    if (parts.base != each.name) continue;
    return each.kind == Kind::numeric ? numeric(parts.first, parts.second) : plain(each.kind);
  }
  for (const auto& [name, kind] : kOtherNames) {
    if (parts.base != name) continue;
    if (kind == Kind::numeric) return numeric(parts.first, parts.second);
    PostgresType out = plain(kind);
    if (kind == Kind::text)
      out.name = parts.first > 0 ? "character varying(" + std::to_string(parts.first) + ")"
                                 : "character varying";
    return out;
  }
  return std::nullopt;
}

bool widens(const PostgresType& from, const PostgresType& to) {
  if (from.array || to.array) return false;
  const auto rank = [](const PostgresType& t) -> int {
    switch (t.kind) {
      case Kind::int2: return 1;
      case Kind::int4: return 2;
      case Kind::int8: return 3;
      case Kind::numeric: return 4;
      default: return 0;
    }
  };
  if (rank(from) > 0 && rank(to) > 0) {
    if (rank(from) < 4) {
      constexpr int kDigits[] = {0, 5, 10, 19};
      if (rank(to) < 4) return rank(from) < rank(to);
      return to.precision == 0 || to.precision - to.scale >= kDigits[rank(from)];
    }
    if (rank(to) < 4) return false;
    if (to.precision == 0) return from.precision > 0;
    return from.precision > 0 && to.scale >= from.scale &&
           to.precision - to.scale >= from.precision - from.scale && from.name != to.name;
  }
  if (from.kind == Kind::float4 && to.kind == Kind::float8) return true;
  return from.kind == Kind::text && to.kind == Kind::text && to.name == "text" &&
         from.name != "text";
}

std::string select_as(const Column& column, const PostgresType& type) {
  const std::string name = duck::quote_name(column.name);
  std::string to = known(type.kind).duck;
  switch (type.kind) {
    case Kind::numeric:
      if (type.precision > 0 && type.precision <= 38) {
        to = "DECIMAL(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
      } else if (column.type.starts_with("DECIMAL(") && !type.array) {
        return name;
      }
      break;
    case Kind::json:
    case Kind::jsonb:
      if (!type.array && column.type != "VARCHAR" && column.type != "JSON")
        return "CAST(to_json(" + name + ") AS VARCHAR)";
      break;
    default: break;
  }
  return "CAST(" + name + " AS " + to + (type.array ? "[]" : "") + ")";
}

}  // namespace windrow::publish
