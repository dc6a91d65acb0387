#include "quality/unit_test_values.h"
#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "quality/literal.h"

namespace windrow::quality {

namespace {

using duck::quote_name;
using project::Value;

constexpr double kNear = 1e-9;

const Value::List& list_of(const Value& rows) {
  static const Value::List none;
  const auto* list = std::get_if<Value::List>(&rows.data);
  return list ? *list : none;
}
const Value::Map& map_of(const Value& row) {
  static const Value::Map none;
  const auto* map = std::get_if<Value::Map>(&row.data);
  return map ? *map : none;
}
bool nested(const Value& value) {
  return std::holds_alternative<Value::List>(value.data) ||
         std::holds_alternative<Value::Map>(value.data);
}

/// As SQL of the column's type. Texts and JSON columns take a mapping or a list as JSON.
std::string typed(const Value& value, const std::string& type) {
  if (value.is_null()) return "NULL";
  std::string sql;
  if (!nested(value))
    sql = duck::quote_text(value.text());
  else if (type == "VARCHAR" || type == "JSON")
    sql = duck::quote_text(json_of(value));
  else
    sql = sql_of(value);
  return "CAST(" + sql + " AS " + type + ")";
}

/// The type that the values of one column show; empty: DuckDB's own inference, for nested values.
std::string shown_type(const std::vector<const Value*>& values) {
  bool any = false, flags = true, whole = true, numbers = true, dates = true, times = true;
  for (const Value* value : values) {
    if (value->is_null()) continue;
    if (nested(*value)) return {};
    any = true;
    flags &= std::holds_alternative<bool>(value->data);
    whole &= std::holds_alternative<int64_t>(value->data);
    numbers &=
        std::holds_alternative<int64_t>(value->data) || std::holds_alternative<double>(value->data);
    const auto* text = std::get_if<std::string>(&value->data);
    const bool time = text && text->size() >= 10 && parse_time(*text).has_value();
    dates &= time && text->size() == 10;
    times &= time;
  }
  if (!any) return "VARCHAR";
  if (flags) return "BOOLEAN";
  if (whole) return "BIGINT";
  if (numbers) return "DOUBLE";
  if (dates) return "DATE";
  return times ? "TIMESTAMP" : "VARCHAR";
}

std::vector<std::string> names_in(const Value& rows) {
  std::vector<std::string> names;
  for (const auto& row : list_of(rows)) {
    for (const auto& [key, value] : map_of(row)) {
      if (std::find(names.begin(), names.end(), key.value) == names.end())
        names.push_back(key.value);
    }
  }
  return names;
}

void refuse_unknown(const Value& rows, const std::string& whose,
                    const std::vector<Column>& columns) {
  std::vector<std::string> known;
  for (const auto& column : columns) known.push_back(column.name);
  Problems problems;
  for (const auto& row : list_of(rows)) {
    for (const auto& [key, value] : map_of(row)) {
      if (std::find(known.begin(), known.end(), key.value) != known.end()) continue;
      std::string hint = did_you_mean(key.value, known);
      if (hint.empty()) hint = fmt::format("columns: {}", fmt::join(known, ", "));
      problems.add(Code::configuration, whose + " has no column \"" + key.value + "\"", hint,
                   key.place);
    }
  }
  problems.raise();
}

/// Finds the value that DuckDB would not take, and says so with its place.
[[noreturn]] void blame(duck::Connection& connection, const std::string& table, const Value& row,
                        const std::vector<Column>& columns, const SqlError& error) {
  for (const auto& column : columns) {
    const Value* value = row.find(column.name);
    if (!value) continue;
    try {
      connection.query("SELECT " + typed(*value, column.type));
    } catch (const SqlError& reason) {
      throw Error(Code::configuration,
                  "given \"" + table + "\": \"" + column.name + "\" is " + column.type + ": " +
                      reason.problem().message,
                  "", value->place);
    }
  }
  throw Error(Code::configuration, "given \"" + table + "\": " + error.problem().message, "",
              row.place);
}

std::string normal_decimal(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::optional<double> double_of(const Cell& cell) {
  if (const auto* whole = std::get_if<int64_t>(&cell)) return double(*whole);
  if (const auto* number = std::get_if<double>(&cell)) return *number;
  return {};
}

Expected expected_value(duck::Connection& connection, const Value& value, const std::string& type) {
  Expected out;
  out.compared = true;
  out.shown = value.is_null() ? "NULL" : nested(value) ? json_of(value) : value.text();
  if (value.is_null()) return out;
  const bool number =
      std::holds_alternative<int64_t>(value.data) || std::holds_alternative<double>(value.data);
  const bool to_number =
      type == "DOUBLE" || type == "FLOAT" || type.ends_with("INT") || type == "INTEGER";
  if (number && to_number) {
    // As it was written: a cast would round 1.5 to the column's integers and call it equal to 2.
    if (const auto* whole = std::get_if<int64_t>(&value.data))
      out.cell = *whole;
    else
      out.cell = std::get<double>(value.data);
    return out;
  }
  try {
    // A decimal keeps digits that the column has no room for, so that they count.
    const std::string as = type.starts_with("DECIMAL") ? "VARCHAR" : type;
    std::string sql = typed(value, as);
    if (type == "JSON") sql = "json(" + sql + ")";
    out.cell = connection.value("SELECT " + sql);
    if (!nested(value) || type != "JSON") out.shown = cell_text(out.cell);
  } catch (const SqlError&) {
    out.misfit = true;
  }
  return out;
}

}  // namespace

void make_table(duck::Connection& connection, const std::string& name, const Value& rows,
                const std::vector<Column>* known) {
  const auto dot = name.find('.');
  std::string table = quote_name(name);
  if (dot != std::string::npos) {
    const std::string schema = quote_name(name.substr(0, dot));
    connection.execute("CREATE SCHEMA IF NOT EXISTS " + schema);
    table = schema + "." + quote_name(name.substr(dot + 1));
  }
  std::vector<Column> columns;
  if (known && !known->empty()) {
    columns = *known;
    refuse_unknown(rows, "given \"" + name + "\"", columns);
  } else {
    for (const auto& column : names_in(rows)) {
      std::vector<const Value*> values;
      std::string all;
      for (const auto& row : list_of(rows)) {
        if (const Value* value = row.find(column)) {
          values.push_back(value);
          all += (all.empty() ? "" : ", ") + sql_of(*value);
        }
      }
      std::string type = shown_type(values);
      if (type.empty()) type = connection.describe("SELECT unnest([" + all + "]) AS v").at(0).type;
      columns.push_back({column, type});
    }
  }
  if (columns.empty()) {
    throw Error(Code::configuration, "the columns of \"" + name + "\" are not known",
                "give it a row", rows.place);
  }
  std::string declared;
  for (const auto& column : columns) {
    declared += (declared.empty() ? "" : ", ") + quote_name(column.name) + " " + column.type;
  }
  connection.execute("CREATE TABLE " + table + " (" + declared + ")");
  for (const auto& row : list_of(rows)) {
    std::string values;
    for (const auto& column : columns) {
      const Value* value = row.find(column.name);
      values +=
          (values.empty() ? "" : ", ") + (value ? typed(*value, column.type) : std::string("NULL"));
    }
    try {
      connection.execute("INSERT INTO " + table + " VALUES (" + values + ")");
    } catch (const SqlError& error) {
      blame(connection, name, row, columns, error);
    }
  }
}

std::vector<std::vector<Expected>> expected_rows(duck::Connection& connection, const Value& rows,
                                                 const std::vector<Column>& columns) {
  refuse_unknown(rows, "the model's result", columns);
  std::vector<std::vector<Expected>> out;
  for (const auto& row : list_of(rows)) {
    auto& line = out.emplace_back();
    for (const auto& column : columns) {
      const Value* value = row.find(column.name);
      line.push_back(value ? expected_value(connection, *value, column.type) : Expected{});
    }
  }
  return out;
}

bool equal(const Expected& expected, const Cell& found, const std::string& type) {
  if (!expected.compared) return true;
  if (expected.misfit) return false;
  const bool null = std::holds_alternative<std::monostate>(found);
  if (null || std::holds_alternative<std::monostate>(expected.cell)) {
    return null && std::holds_alternative<std::monostate>(expected.cell);
  }
  if (expected.cell == found) return true;
  if (type.starts_with("DECIMAL")) {
    return normal_decimal(cell_text(expected.cell)) == normal_decimal(cell_text(found));
  }
  const auto a = double_of(expected.cell), b = double_of(found);
  if (!a || !b) return false;
  if (std::holds_alternative<int64_t>(expected.cell) && std::holds_alternative<int64_t>(found))
    return false;
  if (std::isnan(*a) || std::isnan(*b)) return std::isnan(*a) && std::isnan(*b);
  return *a == *b || std::abs(*a - *b) <= kNear * std::max(std::abs(*a), std::abs(*b));
}

}  // namespace windrow::quality
