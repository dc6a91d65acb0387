#include "quality/check_compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "base/text.h"
#include "base/time.h"
#include "duck/quoting.h"
#include "duck/sandbox.h"
#include "quality/literal.h"

namespace windrow::quality {

namespace {

using duck::quote_name;
using duck::quote_text;
using project::Value;

bool is_float(const std::string& type) { return type == "DOUBLE" || type == "FLOAT"; }
bool is_number(const std::string& type) {
  return is_float(type) || type.starts_with("DECIMAL") || type.ends_with("INT") ||
         type == "INTEGER";
}

/// A scalar of YAML as SQL of the column's type. Numbers keep their value beside a number column: a
/// bound of 0.5 is not rounded to the column's integers.
std::string literal(const Value& value, const std::string& type) {
  if (value.is_null()) return "NULL";
  const bool number =
      std::holds_alternative<int64_t>(value.data) || std::holds_alternative<double>(value.data);
  if (number && is_number(type)) return sql_of(value);
  return "CAST(" + quote_text(value.text()) + " AS " + type + ")";
}

/// Bounds as a person reads them: `0..10`, `>= 0`, `<= 50`.
std::string bounds(const std::string& min, const std::string& max) {
  if (max.empty()) return ">= " + min;
  if (min.empty()) return "<= " + max;
  return "between " + min + " and " + max;
}

const Value* argument(const project::Check& check, std::string_view key) {
  if (!std::holds_alternative<Value::Map>(check.arguments.data)) return nullptr;
  return check.arguments.find(key);
}

/// The one argument of a check, however it was written: alone, or under its key.
const Value& main_argument(const project::Check& check, std::string_view key) {
  const Value* named = argument(check, key);
  return named ? *named : check.arguments;
}

class Compiler {
 public:
  Compiler(const Subject& subject, Problems& problems) : subject_(subject), problems_(problems) {}

  std::vector<Compiled> all() {
    contract();
    for (const auto& column : subject_.declared) {
      for (auto check : column.checks) {
        if (check.column.empty()) check.column = column.name;
        add(check);
      }
    }
    for (const auto& check : subject_.checks) add(check);
    return std::move(compiled_);
  }

 private:
  void add(const project::Check& check) {
    Compiled out;
    out.check = check;
    if (!check.column.empty()) {
      const auto* column = find(check.column, check.place);
      if (!column) return;
      out.columns = {column->name};
    }
    if (!fill(out)) return;
    if (!check.label.empty()) out.description = check.label;
    compiled_.push_back(std::move(out));
  }

  bool fill(Compiled& out) {
    const auto& name = out.check.name;
    if (name == "unique") return unique(out);
    if (name == "rows") return rows(out);
    if (name == "freshness") return freshness(out);
    if (name == "expression") return expression(out);
    if (name == "not_null" || name == "accepted_values" || name == "range" || name == "regex" ||
        name == "relationship") {
      if (out.columns.empty()) return refuse(out, "check \"" + name + "\" is one of a column");
      if (name == "not_null") return not_null(out);
      if (name == "accepted_values") return accepted_values(out);
      if (name == "range") return range(out);
      if (name == "regex") return regex(out);
      return relationship(out);
    }
    return refuse(out, "unknown check \"" + name + "\"");
  }

  bool not_null(Compiled& out) {
    out.failing = quoted(out) + " IS NULL";
    out.description = out.columns[0] + " is not NULL";
    out.complaint = "\"" + out.columns[0] + "\" is NULL";
    return true;
  }

  bool accepted_values(Compiled& out) {
    const auto* values = std::get_if<Value::List>(&main_argument(out.check, "values").data);
    if (!values || values->empty())
      return refuse(out, "\"accepted_values\" needs a list of values");
    std::string list, shown;
    for (const auto& value : *values) {
      if (value.is_null()) continue;  // NULL passes in any case
      list += (list.empty() ? "" : ", ") + literal(value, type_of(out));
      shown += (shown.empty() ? "" : ", ") + value.text();
    }
    out.failing =
        list.empty() ? quoted(out) + " IS NOT NULL" : quoted(out) + " NOT IN (" + list + ")";
    out.description = out.columns[0] + " is one of " + shown;
    out.complaint = "\"" + out.columns[0] + "\" is not one of " + shown;
    return true;
  }

  bool range(Compiled& out) {
    const Value *min = argument(out.check, "min"), *max = argument(out.check, "max");
    if (!min && !max) return refuse(out, "\"range\" needs \"min\" or \"max\"");
    const std::string column = quoted(out);
    if (min) out.failing = column + " < " + literal(*min, type_of(out));
    if (max) out.failing += (min ? " OR " : "") + column + " > " + literal(*max, type_of(out));
    // DuckDB orders NaN after every number, so a lower bound alone would let it through.
    if (is_float(type_of(out))) out.failing += " OR isnan(" + column + ")";
    const std::string text = bounds(min ? min->text() : "", max ? max->text() : "");
    out.description = out.columns[0] + " is " + text;
    out.complaint = "\"" + out.columns[0] + "\" is not " + text;
    return true;
  }

  bool regex(Compiled& out) {
    const std::string pattern = main_argument(out.check, "pattern").text();
    out.failing =
        "NOT regexp_matches(CAST(" + quoted(out) + " AS VARCHAR), " + quote_text(pattern) + ")";
    out.description = out.columns[0] + " matches " + pattern;
    out.complaint = "\"" + out.columns[0] + "\" does not match " + pattern;
    return true;
  }

  bool expression(Compiled& out) {
    const std::string sql = main_argument(out.check, "sql").text();
    const std::string runs = as_it_runs(sql);
    const auto breaches = duck::breaches_of_expression(runs, {subject_.external_files});
    for (const auto& breach : breaches) {
      problems_.add(Code::configuration,
                    "check \"" + sql + "\" of \"" + subject_.asset + "\": " + breach.message,
                    breach.hint, out.check.place);
    }
    if (!breaches.empty()) return false;
    // On lines of its own: the text may end in a comment.
    out.failing = "NOT CAST((\n" + runs + "\n) AS BOOLEAN)";
    out.description = sql;
    out.complaint = "not " + sql;
    return true;
  }

  /// With macros expanded.
  std::string as_it_runs(const std::string& sql) const {
    if (!subject_.expressions) return sql;
    const auto found = subject_.expressions->find(sql);
    return found == subject_.expressions->end() ? sql : found->second;
  }

  bool relationship(Compiled& out) {
    const Value *to = argument(out.check, "to"), *column = argument(out.check, "column");
    if (!to || !column) return refuse(out, "\"relationship\" needs \"to\" and \"column\"");
    const auto relation = subject_.relations.find(to->text());
    if (relation == subject_.relations.end()) {
      problems_.add(Code::configuration,
                    "check \"relationship\" of \"" + subject_.asset + "\" looks at \"" +
                        to->text() + "\", which is not there to look at",
                    "name a table of this project", to->place);
      return false;
    }
    const std::string other = quote_name(column->text());
    out.failing = quoted(out) + " NOT IN (SELECT " + other + " FROM (" + relation->second +
                  "\n) AS related WHERE " + other + " IS NOT NULL)";
    out.description = out.columns[0] + " is in " + to->text() + "." + column->text();
    out.complaint = "\"" + out.columns[0] + "\" is not in " + to->text() + "." + column->text();
    return true;
  }

  bool unique(Compiled& out) {
    out.kind = Compiled::Kind::unique;
    if (out.columns.empty()) {
      const Value& columns = main_argument(out.check, "columns");
      std::vector<Value> names;
      if (const auto* list = std::get_if<Value::List>(&columns.data))
        names = *list;
      else if (std::holds_alternative<std::string>(columns.data))
        names = {columns};
      if (names.empty()) return refuse(out, "\"unique\" needs \"columns\"");
      for (const auto& name : names) {
        const auto* column = find(name.text(), name.place.known() ? name.place : out.check.place);
        if (!column) return false;
        out.columns.push_back(column->name);
      }
    }
    out.description = fmt::format("{} is unique", fmt::join(out.columns, ", "));
    out.complaint = fmt::format("\"{}\" is not unique", fmt::join(out.columns, "\", \""));
    return true;
  }

  bool rows(Compiled& out) {
    out.kind = Compiled::Kind::rows;
    const Value *min = argument(out.check, "min"), *max = argument(out.check, "max");
    if (!min && !max) return refuse(out, "\"rows\" needs \"min\" or \"max\"");
    for (const auto& [from, to] : {std::pair{min, &out.min}, std::pair{max, &out.max}}) {
      if (!from) continue;
      const auto* number = std::get_if<int64_t>(&from->data);
      if (!number)
        return refuse(out, "\"rows\": expected a whole number, found \"" + from->text() + "\"");
      *to = *number;
    }
    out.description = "rows " + bounds(min ? min->text() : "", max ? max->text() : "");
    return true;
  }

  bool freshness(Compiled& out) {
    out.kind = Compiled::Kind::freshness;
    if (out.columns.empty()) {
      const Value* name = argument(out.check, "column");
      if (!name) return refuse(out, "\"freshness\" needs \"column\"");
      const auto* column = find(name->text(), name->place);
      if (!column) return false;
      out.columns = {column->name};
    }
    const auto& type = type_of(out);
    if (!type.starts_with("TIMESTAMP") && type != "DATE") {
      return refuse(out, "\"freshness\" needs a time, and \"" + out.columns[0] + "\" is " + type);
    }
    const Value* max = argument(out.check, "max");
    const auto age = max ? parse_duration(max->text()) : std::nullopt;
    if (!age) return refuse(out, "\"freshness\" needs \"max\", a duration such as 2h");
    out.age = *age;
    out.description = out.columns[0] + " is not older than " + duration_text(*age);
    return true;
  }

  /// Declared types are promises in any case; `contract: true` says that there are no other columns
  /// either.
  void contract() {
    const bool typed = std::any_of(subject_.declared.begin(), subject_.declared.end(),
                                   [](const auto& column) { return !column.type.empty(); });
    if (!typed && !subject_.contract) return;
    Compiled out;
    out.kind = Compiled::Kind::contract;
    out.check.name = "contract";
    if (!subject_.declared.empty()) out.check.place = subject_.declared.front().place;
    out.description = subject_.contract ? "columns and types are exactly the declared ones"
                                        : "columns have the declared types";
    compiled_.push_back(std::move(out));
  }

  const Column* find(const std::string& name, const Place& place) {
    for (const auto& column : subject_.columns) {
      if (column.name == name) return &column;
    }
    for (const auto& column : subject_.columns) {
      if (same_letters(column.name, name)) return &column;
    }
    std::vector<std::string> known;
    for (const auto& column : subject_.columns) known.push_back(column.name);
    std::string hint = did_you_mean(name, known);
    if (hint.empty()) hint = fmt::format("columns: {}", fmt::join(known, ", "));
    problems_.add(Code::configuration,
                  "\"" + subject_.asset + "\" has no column \"" + name + "\" to check", hint,
                  place);
    return nullptr;
  }

  const std::string& type_of(const Compiled& out) const {
    return std::find_if(subject_.columns.begin(), subject_.columns.end(),
                        [&](const auto& column) { return column.name == out.columns[0]; })
        ->type;
  }
  static std::string quoted(const Compiled& out) { return quote_name(out.columns[0]); }

  bool refuse(const Compiled& out, std::string message) {
    problems_.add(Code::configuration, std::move(message), "", out.check.place);
    return false;
  }

  const Subject& subject_;
  Problems& problems_;
  std::vector<Compiled> compiled_;
};

}  // namespace

std::vector<Compiled> compile_checks(const Subject& subject, Problems& problems) {
  return Compiler(subject, problems).all();
}

}  // namespace windrow::quality
