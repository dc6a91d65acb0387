#include "quality/check.h"

#include <fmt/format.h>

#include "base/time.h"
#include "base/utf8_prefix.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/schema.h"
#include "quality/check_compile.h"

namespace windrow::quality {

namespace {

using duck::quote_name;

constexpr size_t kShownValues = 5;
constexpr size_t kShownBytes = 60;

int64_t number(const Cell& cell) {
  if (const auto* whole = std::get_if<int64_t>(&cell)) return *whole;
  if (const auto* text = std::get_if<std::string>(&cell)) return std::stoll(*text);
  return 0;
}

/// A value in a message: texts quoted, long ones cut at a character's border.
std::string shown(const Cell& cell) {
  std::string text = cell_text(cell);
  if (text.size() > kShownBytes) text = std::string(utf8_prefix(text, kShownBytes)) + "…";
  return std::holds_alternative<std::string>(cell) ? "'" + text + "'" : text;
}

/// The first distinct values of `columns` among the rows: `'x', 'y'`, or `(1, 'x'), (2, 'y')`.
std::string first_values(const Rows& rows, const std::vector<std::string>& columns) {
  std::vector<size_t> places;
  for (const auto& name : columns) {
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      if (rows.columns[i].name == name) places.push_back(i);
    }
  }
  std::vector<std::string> values;
  for (const auto& row : rows.rows) {
    std::string text;
    for (size_t place : places) text += (text.empty() ? "" : ", ") + shown(row[place]);
    if (places.size() > 1) text = "(" + text + ")";
    if (std::find(values.begin(), values.end(), text) == values.end()) values.push_back(text);
  }
  const bool more = values.size() > kShownValues;
  if (more) values.resize(kShownValues);
  return fmt::format("{}{}", fmt::join(values, ", "), more ? ", …" : "");
}

Problem does_not_run(const Compiled& compiled, const Subject& subject, const SqlError& error) {
  return {Code::configuration,
          "check \"" + compiled.description + "\" of \"" + subject.asset +
              "\" does not run: " + error.problem().message,
          error.problem().hint, compiled.check.place};
}

/// One subject being checked.
class Audit {
 public:
  Audit(lake::RowWork& session, const Subject& subject)
      : session_(session), subject_(subject), rows_("(" + subject.rows + "\n)") {}

  Report run() {
    Problems problems;
    compiled_ = compile_checks(subject_, problems);
    problems.raise();
    for (const auto& compiled : compiled_) {
      report_.results.push_back({compiled.check, compiled.description, true, 0, 0, "", {}});
    }
    shared_pass();
    for (size_t i = 0; i < compiled_.size(); ++i) {
      auto& result = report_.results[i];
      result.total = report_.rows;
      switch (compiled_[i].kind) {
        case Compiled::Kind::row: row_wise(compiled_[i], result); break;
        case Compiled::Kind::unique: unique(compiled_[i], result); break;
        case Compiled::Kind::rows: row_count(compiled_[i], result); break;
        case Compiled::Kind::freshness: freshness(compiled_[i], newest_[i], result); break;
        case Compiled::Kind::contract: contract(result); break;
      }
    }
    return std::move(report_);
  }

 private:
  /// Counts, row-wise failures and newest times in one scan.
  void shared_pass() {
    lake::Relation inner;
    std::string outer, any;
    for (size_t i = 0; i < compiled_.size(); ++i) {
      const std::string name = "c" + std::to_string(i);
      if (compiled_[i].kind == Compiled::Kind::row) {
        inner += (inner.empty() ? "" : ", ") +
                 ("coalesce(" + compiled_[i].failing + ", false) AS " + name);
        outer += ", count(*) FILTER (WHERE " + name + ")";
        any += (any.empty() ? "" : " OR ") + name;
      } else if (compiled_[i].kind == Compiled::Kind::freshness) {
        inner += (inner.empty() ? "" : ", ") + quote_name(compiled_[i].columns[0]) + " AS " + name;
        outer += ", epoch_us(CAST(max(" + name + ") AS TIMESTAMPTZ))";
      }
    }
    const lake::Relation select =
        "SELECT count(*), " + (any.empty() ? "0" : "count(*) FILTER (WHERE " + any + ")") + outer +
        " FROM (SELECT " + (inner.empty() ? lake::Relation("1") : inner) + " FROM " + rows_ +
        " AS t)";
    const auto found = counted(select).rows.at(0);
    report_.rows = number(found[0]);
    report_.valid_rows = report_.rows - number(found[1]);
    newest_.resize(compiled_.size());
    size_t next = 2;
    for (size_t i = 0; i < compiled_.size(); ++i) {
      if (compiled_[i].kind == Compiled::Kind::row)
        report_.results[i].failing = number(found[next++]);
      else if (compiled_[i].kind == Compiled::Kind::freshness)
        newest_[i] = found[next++];
    }
  }

  /// Runs the shared pass; where it does not run, finds the checks that are the reason and names
  /// them.
  Rows counted(const lake::Relation& select) {
    try {
      return session_.query(select);
    } catch (const SqlError&) {
      Problems problems;
      for (const auto& compiled : compiled_) {
        if (compiled.kind != Compiled::Kind::row) continue;
        try {
          session_.query("SELECT count(*) FILTER (WHERE " + compiled.failing + ") FROM " + rows_ +
                         " AS t");
        } catch (const SqlError& error) {
          problems.add(does_not_run(compiled, subject_, error));
        }
      }
      problems.raise();
      throw;
    }
  }

  void row_wise(const Compiled& compiled, CheckResult& result) {
    if (result.failing == 0) return;
    result.passed = false;
    result.sample = session_.query("SELECT * FROM " + rows_ + " AS t WHERE " + compiled.failing +
                                   " LIMIT " + std::to_string(kSampleRows));
    result.message = share(result) + compiled.complaint;
    if (compiled.check.name != "not_null" && !compiled.columns.empty()) {
      result.message += ": " + first_values(result.sample, compiled.columns);
    }
  }

  void unique(const Compiled& compiled, CheckResult& result) {
    std::string names, present;
    for (const auto& column : compiled.columns) {
      names += (names.empty() ? "" : ", ") + quote_name(column);
      present += (present.empty() ? "" : " AND ") + quote_name(column) + " IS NOT NULL";
    }
    const lake::Relation doubles = "(SELECT " + names + ", count(*) AS \"windrow count\" FROM " +
                                   rows_ + " AS t WHERE " + present +
                                   " GROUP BY ALL HAVING count(*) > 1)";
    result.failing =
        number(session_.query("SELECT coalesce(sum(\"windrow count\"), 0)::BIGINT FROM " + doubles)
                   .rows.at(0)[0]);
    if (result.failing == 0) return;
    result.passed = false;
    result.sample =
        session_.query("SELECT * FROM " + rows_ + " AS t SEMI JOIN " + doubles + " AS d USING (" +
                       names + ") ORDER BY " + names + " LIMIT " + std::to_string(kSampleRows));
    result.message =
        share(result) + compiled.complaint + ": " + first_values(result.sample, compiled.columns);
  }

  void row_count(const Compiled& compiled, CheckResult& result) {
    const bool few = compiled.min && report_.rows < *compiled.min;
    const bool many = compiled.max && report_.rows > *compiled.max;
    if (!few && !many) return;
    fail(result, fmt::format("{} rows, {} {}", report_.rows, few ? "at least" : "at most",
                             few ? *compiled.min : *compiled.max));
  }

  void freshness(const Compiled& compiled, const Cell& newest, CheckResult& result) {
    const std::string column = "\"" + compiled.columns[0] + "\"";
    if (std::holds_alternative<std::monostate>(newest)) {
      fail(result, column + " has no value, so nothing is fresh");
      return;
    }
    const Time last = time_from_micros(number(newest));
    const auto age = subject_.now - last;
    if (age <= compiled.age) return;
    fail(result, fmt::format("{} ends at {}, {} before now; at most {}", column, iso(last),
                             duration_text(std::chrono::duration_cast<std::chrono::seconds>(age)),
                             duration_text(compiled.age)));
  }

  void contract(CheckResult& result) {
    std::vector<std::string> wrong;
    std::vector<const Column*> known;
    for (const auto& declared : subject_.declared) {
      const Column* found = nullptr;
      for (const auto& column : subject_.columns) {
        if (column.name == declared.name) found = &column;
      }
      if (!found) {
        wrong.push_back("\"" + declared.name + "\" is missing");
        continue;
      }
      known.push_back(found);
      const std::string type = declared.type.empty() ? found->type : normal(declared);
      if (type != found->type)
        wrong.push_back("\"" + declared.name + "\" is " + found->type + ", not " + type);
    }
    for (const auto& column : subject_.columns) {
      if (subject_.contract && std::find(known.begin(), known.end(), &column) == known.end()) {
        wrong.push_back("\"" + column.name + "\" is not declared");
      }
    }
    if (!wrong.empty()) fail(result, fmt::format("{}", fmt::join(wrong, "; ")));
  }

  /// The type as a table holds it: `text` is VARCHAR, and what has no home in a table is what it
  /// becomes there.
  std::string normal(const project::ColumnDeclaration& declared) {
    try {
      const auto columns = session_.describe("SELECT CAST(NULL AS " + declared.type + ") AS " +
                                             quote_name(declared.name));
      return lake::duck_type(lake::type_from_duck(declared.name, columns.at(0).type));
    } catch (const SqlError& error) {
      throw Error(Code::configuration,
                  "type \"" + declared.type + "\" of column \"" + declared.name +
                      "\": " + error.problem().message,
                  error.problem().hint, declared.place);
    }
  }

  static void fail(CheckResult& result, std::string message) {
    result.passed = false;
    result.failing = 1;
    result.message = std::move(message);
  }
  static std::string share(const CheckResult& result) {
    return fmt::format("{} of {} rows: ", result.failing, result.total);
  }

  lake::RowWork& session_;
  const Subject& subject_;
  lake::Relation rows_;
  std::vector<Compiled> compiled_;
  std::vector<Cell> newest_;
  Report report_;
};

}  // namespace

bool Report::blocked() const {
  return std::any_of(results.begin(), results.end(),
                     [](const auto& result) { return !result.passed && result.check.blocks; });
}

void bind_checks(duck::Connection& connection, const Subject& subject, Problems& problems) {
  for (const auto& compiled : compile_checks(subject, problems)) {
    if (compiled.kind != Compiled::Kind::row) continue;
    try {
      connection.describe(lake::duck_sql("SELECT coalesce(" + compiled.failing + ", false) FROM (" +
                                         subject.rows + "\n) AS t"));
    } catch (const SqlError& error) {
      problems.add(does_not_run(compiled, subject, error));
    }
  }
}

Report run_checks(lake::RowWork& session, const Subject& subject) {
  return Audit(session, subject).run();
}

}  // namespace windrow::quality
