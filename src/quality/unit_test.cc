#include "quality/unit_test.h"

#include <set>

#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/rewrite.h"
#include "project/unit_test.h"
#include "quality/unit_test_difference.h"
#include "quality/unit_test_values.h"

namespace windrow::quality {

namespace {

/// A catalog for one test; the connection is back where it was afterwards.
class Sandbox {
 public:
  explicit Sandbox(duck::Connection& connection) : connection_(connection) {
    const auto rows = connection.query("SELECT current_catalog(), current_schema()").rows;
    before_ = duck::quote_name(cell_text(rows.at(0)[0])) + "." +
              duck::quote_name(cell_text(rows.at(0)[1]));
    connection.execute(std::string("ATTACH ':memory:' AS ") + kName + "; USE " + kName);
  }
  ~Sandbox() {
    try {
      connection_.execute("USE " + before_ + "; DETACH " + kName);
    } catch (const Error&) {
      // Only after an interrupt: the next test's ATTACH will say so.
    }
  }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

 private:
  static constexpr const char* kName = "\"windrow unit test\"";
  duck::Connection& connection_;
  std::string before_;
};

void make_inputs(duck::Connection& connection, const project::UnitTest& test,
                 const sql::Parsed& select, const sql::Catalog& catalog) {
  Problems problems;
  const auto make = [&](const std::string& name, const project::Value& rows) {
    const auto known = catalog.find(name);
    try {
      make_table(connection, name, rows, known == catalog.end() ? nullptr : &known->second);
    } catch (const Error& error) {
      problems.add(error);
    }
  };
  std::set<std::string> made;
  for (const auto& [name, rows] : test.given) {
    make(name, rows);
    made.insert(name);
  }
  for (const auto& use : select.tables) {
    if (!made.insert(use.name).second) continue;
    if (catalog.contains(use.name)) {
      make(use.name, {});
    } else {
      problems.add(Code::configuration,
                   "test of \"" + test.model.value + "\" gives no rows of \"" + use.name +
                       "\", which the model reads",
                   "add it under \"given\"", test.place);
    }
  }
  problems.raise();
}

Rows run(duck::Connection& connection, const sql::Parsed& select, const Parameters& parameters,
         const columns::OperatorUse* through) {
  try {
    if (!through) return connection.query(select.text, parameters);
    constexpr const char* kKept = "windrow through operator";
    lake::DuckRows rows(connection);
    auto out = rows.query("SELECT * FROM " +
                          lake::keep_through(rows, kKept, *through, select.text, parameters));
    rows.drop(kKept);
    return out;
  } catch (const SqlError& error) {
    Problem problem = error.problem();
    if (error.position()) throw sql::placed(error, select);
    problem.place = select.begin;
    throw Error(std::move(problem));
  }
}

}  // namespace

UnitTestResult run_unit_test(duck::Connection& connection, const project::UnitTest& test,
                             const sql::Parsed& select, const sql::Catalog& catalog,
                             const Parameters& parameters, const columns::OperatorUse* through) {
  UnitTestResult result{test.name, test.model.value, test.place, true, 0, 0, "", {}};
  try {
    const Sandbox sandbox(connection);
    make_inputs(connection, test, select, catalog);
    const auto found = run(connection, select, parameters, through);
    const auto expected = expected_rows(connection, test.expect, found.columns);
    const auto matching = match_rows(expected, found, test.ordered);
    result.expected_rows = int64_t(expected.size());
    result.found_rows = int64_t(found.rows.size());
    result.difference = difference_text(expected, found, matching);
    result.passed = result.difference.empty();
  } catch (const Error& error) {
    if (error.code() == Code::canceled) throw;
    result.passed = false;
    result.problem = error.problem();
  }
  return result;
}

}  // namespace windrow::quality
