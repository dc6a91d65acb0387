#include "project/declarations/files.h"
#include "project/names.h"
#include "project/unit_test.h"

namespace windrow::project {
namespace {

/// Rows of a table, written as a list of mappings.
Type<Value> rows_type() {
  Type<Value> out;
  out.shape.form = Shape::Form::list;
  out.shape.name = "list of rows";
  out.shape.expected = "a list of rows";
  out.shape.parts = {mapping_type("row").shape};
  out.read = [](const Node& node, Reading& reading, Value& value) {
    if (node.kind == Node::Kind::null) {
      value.data = Value::List{};
      value.place = reading.key_place();
      return true;
    }
    if (node.kind != Node::Kind::list) {
      reading.expected(node, "a list of rows");
      return false;
    }
    bool good = true;
    for (const auto& row : node.items) {
      if (row.kind == Node::Kind::map) continue;
      reading.expected(row, "a row such as {id: 1, name: a}");
      good = false;
    }
    if (good) value = reading.value(node);
    return good;
  };
  return out;
}

Keys<UnitTest> unit_test_keys() {
  Keys<UnitTest> keys("test");
  keys.bound(true, "test", placed_table_name_type(), "", "The model that is tested.",
             [](UnitTest& test, Text&& model, const Node&, Reading&) {
               test.place = model.place;
               test.model = std::move(model);
             })
      .optional("at", &UnitTest::at, time_type(), "", "The time that stands still: `$run_time`.")
      .optional("start", &UnitTest::start, time_type(), "of the interval that holds `at`",
                "`$start`.")
      .optional("end", &UnitTest::end, time_type(), "of the interval that holds `at`", "`$end`.")
      .optional("given", &UnitTest::given, map_type(rows_type(), "table", is_table_name), "",
                "Rows of the tables that the model reads.")
      .optional("vars", &UnitTest::vars, map_type(placed_text_type(), "variable", is_identifier),
                "", "Values of variables.")
      .required("expect", &UnitTest::expect, rows_type(),
                "The rows that come out; only the columns they name are compared.")
      .optional("ordered", &UnitTest::ordered, boolean_type(), "false",
                "Whether the order of the rows counts.")
      .then([](const Node& node, Reading& reading, UnitTest& test) {
        if (test.start.has_value() != test.end.has_value()) {
          reading.problem(node, "\"start\" and \"end\" belong together");
        } else if (test.start && *test.start >= *test.end) {
          reading.problem(*node.find("start"), "\"start\" is not before \"end\"");
        }
      });
  return keys;
}

}  // namespace

const Keys<UnitTest>& test_file() {
  static const Keys<UnitTest> keys = unit_test_keys();
  return keys;
}

}  // namespace windrow::project
