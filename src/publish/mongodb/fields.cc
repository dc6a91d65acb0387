#include "publish/mongodb/fields.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <set>

#include "duck/quoting.h"
#include "publish/mongodb/kind.h"

namespace windrow::publish {

namespace {

using clients::Bson;

constexpr int64_t kDayMs = 86400000;

BsonKind kind_of(const std::string& type, std::string& cast) {
  if (type == "BOOLEAN") return BsonKind::boolean;
  if (type == "DOUBLE" || type == "FLOAT") return cast = "DOUBLE", BsonKind::real;
  if (type == "DATE") return BsonKind::date;
  if (type == "BLOB") return BsonKind::bytes;
  if (type.starts_with("TIMESTAMP")) {
    if (type != "TIMESTAMP WITH TIME ZONE") cast = "TIMESTAMP";
    return BsonKind::time;
  }
  if (type.starts_with("DECIMAL(") || type == "HUGEINT" || type == "UBIGINT")
    return cast = "VARCHAR", BsonKind::decimal;
  if (type.ends_with("INT") || type == "INTEGER" || type == "UINTEGER")
    return cast = "BIGINT", BsonKind::integer;
  if (type.ends_with("]") || type.starts_with("STRUCT(") || type.starts_with("MAP(") ||
      type == "JSON")
    return BsonKind::json;
  return cast = "VARCHAR", BsonKind::text;
}

/// DuckDB's type for one of BSON that `columns` names.
std::string declared_type(const Column& column, const std::string& declared,
                          const ViewBatch& view) {
  static const std::map<std::string, std::string> known = {
      {"bool", "BOOLEAN"},   {"long", "BIGINT"},    {"double", "DOUBLE"},
      {"string", "VARCHAR"}, {"date", "TIMESTAMP"}, {"object", "JSON"}};
  const auto found = known.find(declared);
  if (found != known.end()) return found->second;
  throw Error(Code::configuration,
              fmt::format("column \"{}\" of view \"{}\": BSON's type \"{}\" is not one that "
                          "windrow writes",
                          column.name, view.table, declared),
              "bool, long, double, string, date or object", view.settings.place);
}

void put_value(const BsonField& field, const std::string& key, const duck::Vector& vector,
               size_t row, Bson& out) {
  if (vector.null(row)) return out.null(key);
  switch (field.kind) {
    case BsonKind::boolean: return out.boolean(key, vector.at<bool>(row));
    case BsonKind::integer: return out.int64(key, vector.at<int64_t>(row));
    case BsonKind::real: return out.real(key, vector.at<double>(row));
    case BsonKind::decimal: {
      const std::string digits(vector.text(row));
      if (!out.decimal(key, digits)) {
        throw Error(Code::data,
                    fmt::format("column \"{}\" has {}, which is beyond the 34 digits of MongoDB's "
                                "decimals",
                                field.name, digits),
                    fmt::format("columns: {{{0}: double}} at the view rounds it, {{{0}: string}} "
                                "keeps every digit and gives up comparing",
                                field.name));
      }
      return;
    }
    case BsonKind::text: return out.text(key, vector.text(row));
    case BsonKind::bytes: return out.binary(key, vector.text(row));
    case BsonKind::date: {
      const int32_t days = vector.at<int32_t>(row);
      if (days == INT32_MAX || days == -INT32_MAX) return out.null(key);
      return out.date(key, days * kDayMs);
    }
    case BsonKind::time: {
      const int64_t at = vector.at<int64_t>(row);
      if (at == INT64_MAX || at == -INT64_MAX) return out.null(key);
      return out.date(key, bson_milliseconds(time_from_micros(at)));
    }
    case BsonKind::json: {
      // A document is not told from an array or a single value by its text alone.
      const auto whole = Bson::from_json("{\"v\":" + std::string(vector.text(row)) + "}");
      return out.first_of(key, whole);
    }
  }
}

}  // namespace

int64_t bson_milliseconds(Time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

BsonField bson_field(const Column& column, const ViewBatch& view) {
  BsonField out;
  out.name = column.name;
  std::string cast, type = column.type, name = duck::quote_name(column.name);
  const auto declared = view.settings.columns.find(column.name);
  if (declared != view.settings.columns.end()) {
    type = declared_type(column, declared->second, view);
    name = "CAST(" + name + " AS " + type + ")";
  }
  if (type.ends_with("]")) {
    const std::string element = type.substr(0, type.rfind('['));
    if (kind_of(element, cast) != BsonKind::json) {
      out.list = true;
      type = element;
      cast.clear();
    }
  }
  out.kind = kind_of(type, cast);
  if (out.list && cast.empty()) cast = type;
  if (out.kind == BsonKind::json) {
    out.sql = "CAST(to_json(" + name + ") AS VARCHAR)";
  } else {
    out.sql = cast.empty() ? name : "CAST(" + name + " AS " + cast + (out.list ? "[]" : "") + ")";
  }
  return out;
}

void put_bson(const BsonField& field, const duck::Vector& vector, size_t row, Bson& out) {
  if (!field.list || vector.null(row)) return put_value(field, field.name, vector, row, out);
  const auto entry = vector.at<duck::ListEntry>(row);
  out.begin_array(field.name);
  for (uint64_t i = 0; i < entry.length; ++i)
    put_value(field, std::to_string(i), *vector.child, entry.offset + i, out);
  out.end_array();
}

void refuse_odd_top_level(const std::vector<BsonField>& fields, const ViewBatch& view) {
  static const std::set<std::string> own = {"_id", "view_type", "computed_at", "batch_run_id"};
  const bool flat = document_form(view.settings).flat;
  for (const auto& field : fields) {
    if (!flat && !field.top) continue;
    const bool taken = own.contains(field.name) || (!flat && field.name == "data");
    if (!taken && !field.name.starts_with('$')) continue;
    throw Error(
        Code::configuration,
        fmt::format("column \"{}\" of view \"{}\" cannot stand at the top of a document{}",
                    field.name, view.table, taken ? ", which has a field of that name" : ""),
        "leave it in data, or give it another name in the SELECT", view.settings.place);
  }
}

void put_bson_values(const std::string& value, Bson& out) {
  out.begin_array("$in");
  int at = 0;
  out.text(std::to_string(at++), value);
  int64_t whole = 0;
  const auto end = value.data() + value.size();
  if (const auto read = std::from_chars(value.data(), end, whole);
      read.ec == std::errc() && read.ptr == end)
    out.int64(std::to_string(at++), whole);
  const bool digits = value.find_first_not_of("0123456789.-+eE") == std::string::npos;
  if (digits && out.decimal(std::to_string(at), value)) ++at;
  double real = 0;
  if (const auto read = std::from_chars(value.data(), end, real);
      read.ec == std::errc() && read.ptr == end)
    out.real(std::to_string(at++), real);
  if (const auto time = parse_time(value)) out.date(std::to_string(at++), bson_milliseconds(*time));
  if (value == "true" || value == "false") out.boolean(std::to_string(at++), value == "true");
  out.end_array();
}

}  // namespace windrow::publish
