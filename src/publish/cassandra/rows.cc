#include "publish/cassandra/rows.h"

#include <cmath>

#include "duck/quoting.h"

namespace windrow::publish {

namespace {

using clients::cassandra::Kind;
using clients::cassandra::put_big_endian;
using clients::cassandra::put_bytes;
using clients::cassandra::Type;
using clients::cassandra::Values;

constexpr int64_t kNanosecondsInMicrosecond = 1000;

bool is_list(const Type& type) { return type.kind == Kind::list || type.kind == Kind::set; }

/// What DuckDB is asked for, so that the bytes follow from it; empty where this is not written.
std::string cast_of(const Type& type) {
  switch (type.kind) {
    case Kind::boolean: return "BOOLEAN";
    case Kind::tinyint: return "TINYINT";
    case Kind::smallint: return "SMALLINT";
    case Kind::int_: return "INTEGER";
    case Kind::bigint: return "BIGINT";
    case Kind::float_: return "FLOAT";
    case Kind::double_: return "DOUBLE";
    case Kind::date: return "DATE";
    case Kind::timestamp: return "TIMESTAMP";
    case Kind::blob: return "BLOB";
    case Kind::duration: return "INTERVAL";
    case Kind::text:
    case Kind::ascii:
    case Kind::varint:
    case Kind::decimal:
    case Kind::uuid:
    case Kind::timeuuid:
    case Kind::inet:
    case Kind::time: return "VARCHAR";
    case Kind::list:
    case Kind::set: {
      const std::string element = is_list(type.of[0]) ? "" : cast_of(type.of[0]);
      return element.empty() ? "" : element + "[]";
    }
    default: return "";
  }
}

bool is_nested(const std::string& type) {
  return type.ends_with("]") || type.starts_with("STRUCT(") || type.starts_with("MAP(") ||
         type == "JSON";
}

/// False for what Cassandra has no value for: an infinite time.
bool put_scalar(const Type& type, const duck::Vector& vector, size_t row, Values& out) {
  switch (type.kind) {
    case Kind::boolean: return out.boolean(vector.at<bool>(row)), true;
    case Kind::tinyint: return out.integer(vector.at<int8_t>(row)), true;
    case Kind::smallint: return out.integer(vector.at<int16_t>(row)), true;
    case Kind::int_: return out.integer(vector.at<int32_t>(row)), true;
    case Kind::bigint: return out.integer(vector.at<int64_t>(row)), true;
    case Kind::float_: return out.real(vector.at<float>(row)), true;
    case Kind::double_: return out.real(vector.at<double>(row)), true;
    case Kind::text:
    case Kind::ascii:
    case Kind::blob: return out.bytes(vector.text(row)), true;
    case Kind::date: {
      const auto days = vector.at<int32_t>(row);
      if (days == INT32_MAX || days == -INT32_MAX) return false;
      return out.integer(clients::cassandra::date_value(days)), true;
    }
    case Kind::timestamp: {
      const auto at = vector.at<int64_t>(row);
      if (at == INT64_MAX || at == -INT64_MAX) return false;
      const int64_t milliseconds = at / 1000 - (at % 1000 < 0 ? 1 : 0);
      return out.integer(milliseconds), true;
    }
    case Kind::duration: {
      const auto value = vector.at<duck::IntervalValue>(row);
      out.bytes(clients::cassandra::duration_bytes(value.months, value.days,
                                                   value.micros * kNanosecondsInMicrosecond));
      return true;
    }
    default: return out.bytes(clients::cassandra::from_text(type, vector.text(row))), true;
  }
}

/// `[a, b]`: the number of elements, then each behind its length.
void put_list(const CassandraField& field, const duck::Vector& vector, size_t row, Values& out) {
  const auto entry = vector.at<duck::ListEntry>(row);
  std::string bytes;
  put_big_endian(bytes, int32_t(entry.length));
  Values element;
  for (uint64_t i = 0; i < entry.length; ++i) {
    element.clear();
    if (vector.child->null(entry.offset + i) ||
        !put_scalar(field.type.of[0], *vector.child, entry.offset + i, element)) {
      throw Error(
          Code::data,
          "column \"" + field.name + "\" has a NULL in a list, which cassandra does not take",
          "list_filter(" + field.name + ", x -> x IS NOT NULL) leaves them out");
    }
    put_bytes(bytes, element.at(0));
  }
  out.bytes(bytes);
}

}  // namespace

std::string cassandra_type_of(const std::string& type) {
  if (type.ends_with("[]") && !is_nested(type.substr(0, type.size() - 2)))
    return "frozen<list<" + cassandra_type_of(type.substr(0, type.size() - 2)) + ">>";
  if (type == "BOOLEAN") return "boolean";
  if (type == "TINYINT") return "tinyint";
  if (type == "SMALLINT" || type == "UTINYINT") return "smallint";
  if (type == "INTEGER" || type == "USMALLINT") return "int";
  if (type == "BIGINT" || type == "UINTEGER") return "bigint";
  if (type == "UBIGINT" || type == "HUGEINT" || type == "UHUGEINT") return "varint";
  if (type == "FLOAT") return "float";
  if (type == "DOUBLE") return "double";
  if (type.starts_with("DECIMAL(")) return "decimal";
  if (type == "DATE") return "date";
  if (type == "TIME") return "time";
  if (type.starts_with("TIMESTAMP")) return "timestamp";
  if (type == "UUID") return "uuid";
  if (type == "BLOB") return "blob";
  if (type == "INTERVAL") return "duration";
  return "text";
}

CassandraField cassandra_field(const std::string& name, const std::string& duck_type,
                               const Type& type) {
  CassandraField out{name, type, false, {}};
  const std::string column = duck::quote_name(name);
  const std::string cast = cast_of(type);
  if (cast.empty()) {
    throw Error(Code::unsupported,
                "column \"" + name + "\" has the type " + type.text() +
                    " in the store, which windrow does not write",
                "publish it as text, or into a table of another name");
  }
  const std::string inner =
      duck_type.ends_with("]") ? duck_type.substr(0, duck_type.rfind('[')) : std::string();
  if (type.kind == Kind::text && is_nested(duck_type)) {
    out.sql = "CAST(to_json(" + column + ") AS VARCHAR)";
  } else if (is_list(type) && inner.empty()) {
    throw Error(Code::configuration,
                "column \"" + name + "\" is no list, but " + type.text() + " in the store");
  } else if (type.kind == Kind::timestamp) {
    // As exact as the store is: keys that differ only below it would become one.
    out.sql = "date_trunc('millisecond', CAST(" + column + " AS TIMESTAMP))";
  } else if (type.kind == Kind::set) {
    // A set lies in its order there; sorted and each once is what a node makes of it.
    out.sql = "list_sort(list_distinct(CAST(" + column + " AS " + cast + ")))";
  } else {
    out.sql = "CAST(" + column + " AS " + cast + ")";
  }
  return out;
}

void put_cassandra_value(const CassandraField& field, const duck::Vector& vector, size_t row,
                         bool unset, Values& out) {
  if (!field.lost && !vector.null(row)) {
    if (is_list(field.type)) return put_list(field, vector, row, out);
    if (put_scalar(field.type, vector, row, out)) return;
  }
  if (unset) {
    out.unset();
  } else {
    out.null();
  }
}

}  // namespace windrow::publish
