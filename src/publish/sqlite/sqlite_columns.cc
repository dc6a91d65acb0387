#include "publish/sqlite/sqlite_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>

#include "duck/quoting.h"

namespace windrow::publish {

namespace {

using clients::SqliteValue;
using duck::quote_name;
using Value = SqliteColumn::Value;

bool is(const std::string& type, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* each) { return type == each; });
}

SqliteColumn column_of(const Column& column, const ViewBatch& view) {
  const std::string& type = column.type;
  const std::string name = quote_name(column.name), text = "CAST(" + name + " AS VARCHAR)";
  if (type.ends_with("]") || type.starts_with("STRUCT(") || type.starts_with("MAP(") ||
      type.starts_with("UNION(")) {
    return {column.name, "TEXT", "CAST(to_json(" + name + ") AS VARCHAR)"};
  }
  if (is(type, {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT",
                "UINTEGER"})) {
    return {column.name, "INTEGER", name};
  }
  if (is(type, {"HUGEINT", "UBIGINT", "UHUGEINT"}))
    return {column.name, "INTEGER", text, Value::whole};
  if (is(type, {"DOUBLE", "FLOAT"})) return {column.name, "REAL", name};
  if (type.starts_with("DECIMAL(")) {
    if (type.ends_with(",0)")) return {column.name, "INTEGER", text, Value::whole};
    return {column.name, "REAL", text, Value::decimal};
  }
  if (type == "TIMESTAMP WITH TIME ZONE") {
    return {column.name, "TEXT", "CAST(" + name + " AT TIME ZONE 'UTC' AS VARCHAR) || '+00:00'",
            Value::time};
  }
  if (type == "DATE" || type.starts_with("TIMESTAMP"))
    return {column.name, "TEXT", text, Value::time};
  if (type == "INTERVAL") {
    throw Error(Code::configuration,
                fmt::format("column \"{}\" of view \"{}\" is an INTERVAL, which has no order in "
                            "SQLite",
                            column.name, view.table),
                "SELECT epoch(" + name + "), or columns: {" + column.name + ": text}",
                view.settings.place);
  }
  if (type == "BLOB") return {column.name, "TEXT", "hex(" + name + ")"};
  return {column.name, "TEXT", text};
}

/// As `columns` declares it.
SqliteColumn declared_column(const Column& column, const std::string& declared,
                             const ViewBatch& view) {
  static const std::map<std::string, std::pair<const char*, const char*>, std::less<>> known = {
      {"integer", {"INTEGER", "BIGINT"}}, {"int", {"INTEGER", "BIGINT"}},
      {"bigint", {"INTEGER", "BIGINT"}},  {"real", {"REAL", "DOUBLE"}},
      {"double", {"REAL", "DOUBLE"}},     {"text", {"TEXT", "VARCHAR"}}};
  std::string lower = declared;
  for (char& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
  const auto found = known.find(lower);
  if (found == known.end()) {
    throw Error(Code::configuration,
                fmt::format("column \"{}\" of view \"{}\": SQLite's type \"{}\" is not one that "
                            "windrow writes",
                            column.name, view.table, declared),
                "integer, real or text", view.settings.place);
  }
  const auto [type, cast] = found->second;
  const std::string name = quote_name(column.name);
  if (std::string_view(type) != "TEXT")
    return {column.name, type, fmt::format("CAST({} AS {})", name, cast)};
  if (column.type == "INTERVAL") return {column.name, type, "CAST(" + name + " AS VARCHAR)"};
  auto out = column_of(column, view);
  if (out.type == "TEXT") return out;
  return {column.name, type, "CAST(" + name + " AS VARCHAR)"};
}

/// Without zeros that say nothing, so that equal numbers are equal texts.
std::string_view significant(std::string_view digits) {
  if (digits.starts_with('-')) digits.remove_prefix(1);
  while (digits.starts_with('0')) digits.remove_prefix(1);
  if (digits.find('.') != std::string_view::npos) {
    while (digits.ends_with('0')) digits.remove_suffix(1);
    if (digits.ends_with('.')) digits.remove_suffix(1);
  }
  return digits;
}

std::string shown_hint(const SqliteColumn& column) {
  return fmt::format(
      "columns: {{{0}: real}} at the view rounds it to what a double keeps, {{{0}: text}} keeps "
      "every digit and gives up comparing",
      column.name);
}

[[noreturn]] void refuse(const SqliteColumn& column, const std::string& text, const char* why,
                         const std::string& hint, const ViewBatch& view) {
  throw Error(
      Code::data,
      fmt::format("column \"{}\" of view \"{}\" has {}, {}", column.name, view.table, text, why),
      hint, view.settings.place);
}

SqliteValue whole(const SqliteColumn& column, const std::string& text, const ViewBatch& view) {
  int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end)
    refuse(column, text, "which is beyond SQLite's 64 bits", shown_hint(column), view);
  return number;
}

SqliteValue decimal(const SqliteColumn& column, const std::string& text, const ViewBatch& view) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  std::array<char, 400> room;
  const auto written =
      std::to_chars(room.data(), room.data() + room.size(), number, std::chars_format::fixed);
  if (significant(text) != significant({room.data(), size_t(written.ptr - room.data())}))
    refuse(column, text, "which SQLite's REAL does not keep", shown_hint(column), view);
  return number;
}

SqliteValue time_text(const SqliteColumn& column, const std::string& text, const ViewBatch& view) {
  // Years of four digits sort as texts; so do the words of the infinite ones around them.
  for (const char* infinite : {"infinity", "-infinity"})
    if (text.starts_with(infinite)) return infinite;
  if (text.size() <= 4 || text[4] != '-' || text.find("(BC)") != std::string::npos)
    refuse(column, text, "which does not sort as a text",
           "leave out times outside of the years 1 to 9999, or publish their epoch()", view);
  return text;
}

}  // namespace

std::vector<SqliteColumn> sqlite_columns(const std::vector<Column>& columns,
                                         const ViewBatch& view) {
  refuse_unknown_columns(view, columns);
  std::vector<SqliteColumn> out;
  std::map<std::string, std::string> seen;
  for (const auto& column : columns) {
    std::string lower = column.name;
    for (char& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
    const auto [other, fresh] = seen.emplace(lower, column.name);
    if (!fresh) {
      throw Error(Code::data,
                  "view \"" + view.table + "\" has the columns \"" + other->second + "\" and \"" +
                      column.name + "\", which SQLite takes for one",
                  "rename one of them in the view's SELECT");
    }
    const auto declared = view.settings.columns.find(column.name);
    out.push_back(declared == view.settings.columns.end()
                      ? column_of(column, view)
                      : declared_column(column, declared->second, view));
  }
  return out;
}

SqliteValue sqlite_value(const SqliteColumn& column, const Cell& cell, const ViewBatch& view) {
  if (const auto* flag = std::get_if<bool>(&cell)) return int64_t(*flag);
  if (const auto* number = std::get_if<int64_t>(&cell)) return *number;
  if (const auto* number = std::get_if<double>(&cell)) {
    if (std::isnan(*number)) return std::monostate{};
    return *number;
  }
  const auto* text = std::get_if<std::string>(&cell);
  if (!text) return std::monostate{};
  switch (column.value) {
    case Value::as_it_is: break;
    case Value::whole: return whole(column, *text, view);
    case Value::decimal: return decimal(column, *text, view);
    case Value::time: return time_text(column, *text, view);
  }
  return *text;
}

}  // namespace windrow::publish
