#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "duck/duck.h"
#include "sql/sql.h"

namespace windrow::sql {

/// SELECTs over two empty tables.
class Sql : public testing::Test {
 protected:
  Sql() : database_(duck::Options{}), connection_(database_) {}

  Parsed parse(std::string_view text) { return parse_select(connection_, text, {"m.sql", 10, 1}); }
  std::string problem(std::string_view text) {
    try {
      parse(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  std::string print(std::string_view text,
                    const std::map<std::string, std::string>& settings = {}) {
    return fingerprint(parse(text), catalog_, settings);
  }
  /// `table: expression` per table read by intervals, with `?` where the SELECT does not prove it.
  std::string proved(const std::string& text) { return listed(parse(text).intervals); }
  /// The same over the tables' columns.
  std::string proved_over(const std::string& text) {
    return listed(intervals_over(connection_, parse(text), catalog_));
  }
  static std::string listed(const std::vector<IntervalUse>& intervals) {
    std::string out;
    for (const auto& use : intervals) {
      if (!use.expression) continue;
      out +=
          (out.empty() ? "" : ", ") + use.table + ": " + *use.expression + (use.exact ? "" : " ?");
    }
    return out;
  }
  std::string filters(std::string_view text) {
    std::set<std::string> all;
    const auto parsed = parse(text);
    for (const auto& column : column_lineage(connection_, parsed, catalog_)) {
      for (const auto& source : column.filtered_by) all.insert(source.column);
    }
    std::string out;
    for (const auto& name : all) out += name + " ";
    return out;
  }
  std::map<std::string, std::string> uses(std::string_view text) {
    std::map<std::string, std::string> out;
    for (const auto& use : parse(text).intervals) out[use.table] = use.expression.value_or("-");
    return out;
  }
  std::string lineage(std::string_view text) {
    std::string out;
    const auto parsed = parse(text);
    for (const auto& column : column_lineage(connection_, parsed, catalog_)) {
      out += column.column + "<-";
      for (const auto& source : column.from) out += source.table + "." + source.column + ",";
      out += " ";
    }
    return out;
  }

  duck::Database database_;
  duck::Connection connection_;
  Catalog catalog_{{"silver.events",
                    {{"id", "BIGINT"}, {"at", "TIMESTAMP"}, {"kind", "VARCHAR"}, {"n", "INTEGER"}}},
                   {"silver.kinds", {{"kind", "VARCHAR"}, {"label", "VARCHAR"}}}};
};

}  // namespace windrow::sql
