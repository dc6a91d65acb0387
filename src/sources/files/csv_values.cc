#include "sources/files/csv_values.h"

#include "duck/quoting.h"
#include "sources/files/declared_columns.h"

namespace windrow::sources {

using duck::quote_name;
using duck::quote_text;

namespace {

CsvForm form_of(const Column& column, const CsvShape& shape, const std::string& decimal) {
  if (column.type == "VARCHAR") return CsvForm::any;
  if (column.type == "BIGINT") return CsvForm::whole;
  if (column.type == "DOUBLE" && decimal.empty()) return CsvForm::real;
  if (column.type == "BOOLEAN") return CsvForm::boolean;
  if (column.type == "DATE" && shape.date_format.empty()) return CsvForm::date;
  if (column.type == "TIMESTAMP" && shape.timestamp_format.empty()) return CsvForm::timestamp;
  if (column.type == "TIMESTAMP WITH TIME ZONE" && shape.timestamp_format.empty())
    return CsvForm::moment;
  if (column.type == "TIME") return CsvForm::time;
  return CsvForm::empty;
}

}  // namespace

bool cast_by_sql(const std::string& type) {
  const auto is = [&](const char* name) { return same_name(type, name); };  // as it was declared
  return is("TIMESTAMP WITH TIME ZONE") || is("TIMESTAMPTZ") || is("TIME WITH TIME ZONE") ||
         is("TIMETZ");
}

std::string read_type(const std::string& type) { return cast_by_sql(type) ? "VARCHAR" : type; }

std::string unlike(const Column& column, const CsvShape& shape, const std::string& decimal) {
  const std::string text = "trim(" + quote_name(column.name) + ")";
  const auto form = [&](const std::string& expression) {
    return "NOT regexp_full_match(" + text + ", " + quote_text(expression) + ")";
  };
  const std::string no_cast = "TRY_CAST(" + text + " AS " + column.type + ") IS NULL";
  const auto as = [&](const std::string& format) {
    return "try_strptime(" + text + ", " + quote_text(format) + ") IS NULL";
  };
  const std::string day = R"(\d{4}-\d\d?-\d\d?)", time = R"(\d\d?:\d\d(:\d\d(\.\d+)?)?)";
  if (column.type.empty()) return "true";
  if (column.type == "BIGINT") return form(R"([+-]?\d+)") + " OR " + no_cast;
  if (column.type == "DOUBLE" && decimal.empty()) return no_cast;
  if (column.type == "BOOLEAN") return form("(?i)true|false");
  if (column.type == "DATE")
    return shape.date_format.empty() ? form(day) + " OR " + no_cast : as(shape.date_format);
  if (column.type == "TIMESTAMP")
    return shape.timestamp_format.empty() ? form(day + "([ T]" + time + ")?") + " OR " + no_cast
                                          : as(shape.timestamp_format);
  if (column.type == "TIMESTAMP WITH TIME ZONE" && shape.timestamp_format.empty())
    return form(day + "[ T]" + time + R"( ?(Z|[+-]\d\d(:?\d\d)?))") + " OR " + no_cast;
  if (column.type == "TIME") return form(time) + " OR " + no_cast;
  return "true";
}

std::vector<CsvForm> forms_of(const CsvShape& shape, const std::string& decimal,
                              const std::function<bool(const std::string& column)>& told) {
  std::vector<CsvForm> out;
  for (const auto& column : shape.columns)
    out.push_back(told(column.name) ? CsvForm::any : form_of(column, shape, decimal));
  return out;
}

std::string misfit_of(const std::string& text, const std::string& type,
                      const std::string& decimal) {
  std::string out = "(" + text + " IS NOT NULL AND TRY_CAST(" + text + " AS " + type + ") IS NULL";
  if (!decimal.empty())
    out += " AND TRY_CAST(replace(" + text + ", " + quote_text(decimal) + ", '.') AS " + type +
           ") IS NULL";
  if (!cast_by_sql(type) && (type == "DATE" || type.starts_with("TIME")))
    out += " AND NOT regexp_matches(" + text + ", '^\\s*\\d+\\D+\\d+\\D+\\d')";
  return out + ")";
}

}  // namespace windrow::sources
