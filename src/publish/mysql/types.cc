#include "publish/mysql/types.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/text.h"
#include "duck/quoting.h"

namespace windrow::publish {

namespace {

using Kind = MysqlType::Kind;

MysqlType integer(int bytes, bool is_unsigned) {
  const char* name = bytes == 1   ? "tinyint"
                     : bytes == 2 ? "smallint"
                     : bytes == 3 ? "mediumint"
                     : bytes == 4 ? "int"
                                  : "bigint";
  MysqlType out{.kind = Kind::integer, .name = name, .bytes = bytes, .is_unsigned = is_unsigned};
  if (is_unsigned) out.name += " unsigned";
  return out;
}

MysqlType decimal(int precision, int scale) {
  return {.kind = Kind::decimal,
          .name = fmt::format("decimal({},{})", precision, scale),
          .precision = precision,
          .scale = scale};
}

MysqlType plain(Kind kind, const char* name) { return {.kind = kind, .name = name}; }

/// `base(first,second) more`.
struct Written {
  std::string base, more;
  std::optional<int64_t> first, second;
};

std::optional<Written> taken_apart(std::string_view text) {
  Written out;
  const std::string all = lower(text);
  const size_t open = all.find('('), close = all.find(')');
  const auto trimmed = [](std::string part) {
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    return part;
  };
  if (open == std::string::npos) {
    const std::string whole = trimmed(all);
    const size_t blank = whole.find(' ');
    out.base = whole.substr(0, blank);
    if (blank != std::string::npos) out.more = trimmed(whole.substr(blank));
    return out;
  }
  if (close == std::string::npos || close < open) return {};
  out.base = trimmed(all.substr(0, open));
  out.more = trimmed(all.substr(close + 1));
  const std::string inside = all.substr(open + 1, close - open - 1) + ",";
  for (size_t at = 0, end; (end = inside.find(',', at)) != std::string::npos; at = end + 1) {
    const std::string number = trimmed(inside.substr(at, end - at));
    int64_t value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    if (read.ec != std::errc() || read.ptr != number.data() + number.size() || out.second)
      return {};
    (out.first ? out.second : out.first) = value;
  }
  return out;
}

bool nested(const std::string& type) {
  return type.ends_with("]") || type.starts_with("STRUCT(") || type.starts_with("MAP(") ||
         type.starts_with("UNION(");
}

[[noreturn]] void refuse(std::string_view value, const MysqlType& type, const std::string& column,
                         const ViewBatch& view, const std::string& hint) {
  throw Error(Code::data,
              fmt::format("column \"{}\" of view \"{}\" has {}, which is no {} of MySQL", column,
                          view.table, value, type.name),
              hint, view.settings.place);
}

/// `1000-01-01` and later, with four digits of the year.
bool is_dated(std::string_view value) {
  return value.size() >= 10 && value[4] == '-' && value[0] >= '1' && value[0] <= '9' &&
         value.find("(BC)") == std::string_view::npos;
}

}  // namespace

MysqlType mysql_type_of(const Column& column, const ViewBatch& view) {
  static const std::map<std::string, MysqlType, std::less<>> known = {
      {"BOOLEAN", plain(Kind::boolean, "tinyint(1)")},
      {"TINYINT", integer(1, false)},
      {"SMALLINT", integer(2, false)},
      {"INTEGER", integer(4, false)},
      {"BIGINT", integer(8, false)},
      {"UTINYINT", integer(1, true)},
      {"USMALLINT", integer(2, true)},
      {"UINTEGER", integer(4, true)},
      {"UBIGINT", integer(8, true)},
      {"HUGEINT", decimal(39, 0)},
      {"UHUGEINT", decimal(39, 0)},
      {"FLOAT", plain(Kind::real, "double")},
      {"DOUBLE", plain(Kind::real, "double")},
      {"BLOB", plain(Kind::bytes, "longblob")},
      {"DATE", plain(Kind::date, "date")},
      {"TIME", plain(Kind::time, "time(6)")},
      {"UUID", {.kind = Kind::text, .name = "char(36)", .length = 36}},
  };
  const std::string& type = column.type;
  if (const auto found = known.find(type); found != known.end()) return found->second;
  if (type.starts_with("TIMESTAMP")) return plain(Kind::datetime, "datetime(6)");
  if (type.starts_with("DECIMAL(")) {
    const auto parts = taken_apart(type);
    return decimal(int(parts->first.value_or(18)), int(parts->second.value_or(0)));
  }
  if (type == "INTERVAL") {
    throw Error(Code::configuration,
                fmt::format("column \"{}\" of view \"{}\" is an INTERVAL, which has no order in "
                            "MySQL",
                            column.name, view.table),
                "SELECT epoch(" + duck::quote_name(column.name) + "), or columns: {" + column.name +
                    ": longtext}",
                view.settings.place);
  }
  return plain(Kind::text, "longtext");
}

std::optional<MysqlType> read_mysql_type(std::string_view text) {
  const auto parts = taken_apart(text);
  if (!parts) return {};
  const auto& [base, more, first, second] = *parts;
  const bool is_unsigned = more == "unsigned" || more == "unsigned zerofill";
  if (!more.empty() && !is_unsigned) return {};
  if (base == "boolean" || base == "bool" || (base == "tinyint" && first == 1 && !is_unsigned))
    return plain(Kind::boolean, "tinyint(1)");
  static const std::map<std::string, int, std::less<>> integers = {
      {"tinyint", 1}, {"smallint", 2}, {"mediumint", 3}, {"int", 4}, {"integer", 4}, {"bigint", 8}};
  if (const auto found = integers.find(base); found != integers.end())
    return integer(found->second, is_unsigned);
  if (base == "decimal" || base == "numeric") {
    if (is_unsigned) return {};
    return decimal(int(first.value_or(10)), int(second.value_or(0)));
  }
  if (is_unsigned || second) return {};
  if (base == "double" && !first) return plain(Kind::real, "double");
  if (base == "json" && !first) return plain(Kind::json, "json");
  if (base == "date" && !first) return plain(Kind::date, "date");
  if ((base == "datetime" || base == "time") && first.value_or(0) <= 6) {
    MysqlType out = plain(base == "time" ? Kind::time : Kind::datetime, "");
    out.name = first.value_or(0) > 0 ? fmt::format("{}({})", base, *first) : base;
    return out;
  }
  const bool letters = base == "char" || base == "varchar";
  if (letters || base == "binary" || base == "varbinary") {
    const int64_t length = first.value_or(1);
    return MysqlType{.kind = letters ? Kind::text : Kind::bytes,
                     .name = fmt::format("{}({})", base, length),
                     .length = length};
  }
  if (first) return {};
  for (const char* name : {"tinytext", "text", "mediumtext", "longtext"})
    if (base == name) return plain(Kind::text, name);
  for (const char* name : {"tinyblob", "blob", "mediumblob", "longblob"})
    if (base == name) return plain(Kind::bytes, name);
  return {};
}

bool widens(const MysqlType& from, const MysqlType& to) {
  if (from == to) return false;
  // The decimal digits that an integer may have.
  const auto digits = [](const MysqlType& type) {
    constexpr int kDigits[] = {0, 3, 5, 8, 10, 0, 0, 0, 20};
    return type.kind == Kind::boolean ? 1 : kDigits[type.bytes];
  };
  const bool whole = from.kind == Kind::integer || from.kind == Kind::boolean;
  if (whole && to.kind == Kind::integer) {
    const int before = from.kind == Kind::boolean ? 0 : from.bytes;
    if (from.is_unsigned == to.is_unsigned) return before < to.bytes;
    return from.is_unsigned && before < to.bytes;
  }
  if (to.kind == Kind::decimal) {
    if (whole) return to.precision - to.scale >= digits(from);
    return from.kind == Kind::decimal && to.scale >= from.scale &&
           to.precision - to.scale >= from.precision - from.scale;
  }
  if (from.kind != to.kind || from.kind == Kind::json) return false;
  if (from.kind == Kind::text || from.kind == Kind::bytes)
    return from.length > 0 && (to.length == 0 || to.length > from.length);
  return (from.kind == Kind::datetime || from.kind == Kind::time) && from.name < to.name;
}

std::string mysql_select(const Column& column, const MysqlType& type) {
  const std::string name = duck::quote_name(column.name);
  const auto as_text = [](const std::string& sql) { return "CAST(" + sql + " AS VARCHAR)"; };
  const auto cast = [&](const std::string& to) {
    return as_text("CAST(" + name + " AS " + to + ")");
  };
  switch (type.kind) {
    case Kind::boolean: return as_text("CAST(CAST(" + name + " AS BOOLEAN) AS TINYINT)");
    case Kind::integer: {
      const std::string sign = type.is_unsigned ? "U" : "";
      return cast(sign + (type.bytes == 1   ? "TINYINT"
                          : type.bytes == 2 ? "SMALLINT"
                          : type.bytes <= 4 ? "INTEGER"
                                            : "BIGINT"));
    }
    case Kind::real: return cast("DOUBLE");
    case Kind::decimal:
      if (type.precision > 38) return as_text(name);
      return cast(fmt::format("DECIMAL({},{})", type.precision, type.scale));
    case Kind::bytes: return "CAST(" + name + " AS BLOB)";
    case Kind::date: return cast("DATE");
    case Kind::time: return cast("TIME");
    case Kind::datetime:
      // Times are the same ones whatever the zone of who reads them.
      if (column.type == "TIMESTAMP WITH TIME ZONE")
        return as_text("(" + name + " AT TIME ZONE 'UTC')");
      return cast("TIMESTAMP");
    case Kind::text:
    case Kind::json:
      if (nested(column.type)) return as_text("to_json(" + name + ")");
      if (type.kind == Kind::json && column.type != "VARCHAR" && column.type != "JSON")
        return as_text("to_json(" + name + ")");
      return as_text(name);
  }
  return as_text(name);
}

void append_mysql_value(std::string_view value, const MysqlType& type, const std::string& column,
                        const ViewBatch& view, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (type.kind) {
    case Kind::boolean:
    case Kind::integer:
    case Kind::decimal: out += value; return;
    case Kind::real:
      if (value.find_first_of("nN") != std::string_view::npos)  // nan, inf, -inf
        refuse(value, type, column, view,
               "MySQL has no such number: nullif or filter it out in the view's SELECT, or "
               "columns: {" +
                   column + ": varchar(30)}");
      out += value;
      // With an exponent it is read as a double, without one as a decimal.
      if (value.find('e') == std::string_view::npos) out += "e0";
      return;
    case Kind::bytes:
      out += "x'";
      for (const unsigned char c : value) {
        out += kHex[c >> 4];
        out += kHex[c & 15];
      }
      out += '\'';
      return;
    case Kind::date:
    case Kind::datetime:
      if (!is_dated(value))
        refuse(value, type, column, view,
               "it has the years 1000 to 9999: leave out others, or publish their epoch()");
      break;
    case Kind::text:
    case Kind::json:
    case Kind::time: break;
  }
  out += '\'';
  for (size_t at = 0;;) {
    const size_t quote = value.find('\'', at);
    if (quote == std::string_view::npos) {
      out += value.substr(at);
      break;
    }
    out += value.substr(at, quote + 1 - at);
    out += '\'';
    at = quote + 1;
  }
  out += '\'';
}

}  // namespace windrow::publish
