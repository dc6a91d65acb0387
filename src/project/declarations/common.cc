#include "base/text.h"
#include "project/declarations/files.h"
#include "project/declarations/task_body.h"
#include "project/names.h"
#include "sql/parameters.h"

namespace windrow::project {
namespace {

Type<Retries> retries_type() {
  return Keys<Retries>("retries")
      .required("times", &Retries::times, integer_type(0), "How often it is tried again.")
      .optional("delay", &Retries::delay, duration_type(), "10s",
                "The wait before the first retry.")
      .optional("factor", &Retries::factor, number_type(1), "2",
                "Each wait is so many times the one before.")
      .optional("max", &Retries::max, duration_type(), "5m", "No wait is longer.")
      .type();
}

bool is_clock_time(std::string_view text) {
  return text.size() == 5 && text[2] == ':' && text[0] >= '0' && text[0] <= '2' && text[1] >= '0' &&
         text[1] <= '9' && text[3] >= '0' && text[3] <= '5' && text[4] >= '0' && text[4] <= '9' &&
         text.substr(0, 2) <= "23";
}

Type<Hours> window_type() {
  auto clock_time = named_text_type(is_clock_time, "time of day", "a time of day such as 22:00",
                                    "[0-2][0-9]:[0-5][0-9]");
  Keys<Hours> keys("window");
  keys.required("from", &Hours::from, clock_time, "When it may begin, in the project's time zone.")
      .required("to", &Hours::to, clock_time,
                "When it must not begin any more; at or before `from` it is of the next day.")
      .bound(false, "at_end", word_type({"finish", "stop"}), "finish",
             "What becomes of what runs when the window closes: it finishes, or it stops at its "
             "next commit and goes on another time.",
             [](Hours& hours, std::string&& word, const Node&, Reading&) {
               hours.stop = word == "stop";
             });
  return keys.type();
}

Type<PoolShare> pool_type() {
  const auto full = Keys<PoolShare>("pool")
                        .required("name", &PoolShare::pool, label_type(), "The pool.")
                        .optional("slots", &PoolShare::slots, integer_type(1), "1",
                                  "How many of its slots it takes.")
                        .optional("memory", &PoolShare::memory, size_type(), "none",
                                  "How much of its memory it takes.")
                        .type();
  return single_or_mapping_type(
      "name, or pool", "a pool's name or a mapping", label_type(), full,
      [](PoolShare& share, std::string&& name) { share.pool = std::move(name); });
}

Keys<Common> make_common_keys() {
  Keys<Common> keys("common");
  keys.optional("description", &Common::description, text_type(), "", "What it is, for people.")
      .optional("owner", &Common::owner, text_type(), "", "Who answers for it.")
      .optional("tags", &Common::tags, one_or_list_type(label_type()), "",
                "Names to select by: `tag:NAME`.")
      .optional("retries", &Common::retries, retries_type(), "2 times, after 1s and 2s",
                "What is done when a try fails for a reason that may pass.")
      .optional("timeout", &Common::timeout, duration_type(), "none",
                "A try that takes longer is stopped.")
      .optional("pool", &Common::pool, pool_type(), "",
                "Assets of one pool share its slots and its memory.")
      .optional(
          "priority", &Common::priority, integer_type(-1'000'000), "0",
          "Of two assets that could begin, the higher one does; each minute of waiting counts "
          "as one more.")
      .optional("after", &Common::after, one_or_list_type(placed_text_type()), "",
                "Assets that it comes after, beside those that it reads: tasks, mostly.")
      .bound(false, "when", look_type("changed"), "always",
             "A SELECT of one boolean: where it is not true the asset is passed over. Or "
             "`changed`: only where something that it comes after did something.",
             [](Common& common, Look&& look, const Node&, Reading&) {
               if (look.sql.value == "changed" && look.on.empty())
                 common.when_changed = true;
               else
                 common.when = std::move(look);
             })
      .optional("window", &Common::window, window_type(), "always",
                "Hours of the day in which it may begin.");
  return keys;
}

ColumnDeclaration bare_column(const Node& node, Reading& reading, std::string type) {
  ColumnDeclaration out;
  out.name = reading.key_text();
  out.place = reading.place(node);
  out.type = std::move(type);
  return out;
}

Keys<ColumnDeclaration> column_keys(bool in_source) {
  Keys<ColumnDeclaration> keys("column");
  keys.optional("type", &ColumnDeclaration::type, column_type_type(), "whatever the data has",
                "The column's type, as SQL names it.")
      .optional("description", &ColumnDeclaration::description, text_type(), "",
                "What it holds, for people.")
      .optional("checks", &ColumnDeclaration::checks, list_type(check_type(true)), "",
                "Checks of the column.");
  if (in_source) {
    keys.bound(false, "value", expression_type(), "the record's field of that name",
               "A SQL expression over the record; `$extracted_at` is when the reading began, and "
               "of files `$file` and `$line` are where the record begins.",
               [](ColumnDeclaration& column, Text&& value, const Node&, Reading&) {
                 column.value = std::move(value.value);
                 column.value_place = std::move(value.place);
               });
    keys.optional(
        "on_bad_value", &ColumnDeclaration::on_bad_value, word_type({"reject", "null", "stop"}),
        "what the source says",
        "Of streams: what happens to a record with a value that the column does not take.");
  }
  keys.then([](const Node&, Reading& reading, ColumnDeclaration& column) {
    column.name = reading.key_text();
    column.place = reading.key_place();
    for (auto& check : column.checks) check.column = column.name;
  });
  return keys;
}

}  // namespace

Type<Look> look_type(const std::string& word) {
  const auto full = Keys<Look>("look")
                        .required("sql", &Look::sql, sql_type(), "The SELECT.")
                        .optional("on", &Look::on, placed_text_type(), "the lake", "A connection.")
                        .type();
  return single_or_mapping_type(word.empty() ? "SQL, or look" : "SQL, look, or `" + word + "`",
                                "a SELECT or a mapping", sql_type(), full,
                                [](Look& look, Text&& sql) { look.sql = std::move(sql); });
}

const Keys<Common>& common_keys() {
  static const Keys<Common> keys = make_common_keys();
  return keys;
}

Type<std::vector<std::string>> key_columns_type() {
  return mapped_type<std::vector<std::string>, std::vector<std::string>>(
      one_or_list_type(text_type()),
      [](const Node& node, Reading& reading, std::vector<std::string>&& names,
         std::vector<std::string>& out) {
        if (names.empty()) {
          reading.expected(node, "at least one column");
          return false;
        }
        for (const auto& name : names) {
          if (name.empty()) reading.expected(node, "a column");
        }
        out = std::move(names);
        return true;
      });
}

Type<std::vector<ColumnDeclaration>> columns_type(bool in_source) {
  const auto full = column_keys(in_source).type();
  const auto bare = column_type_type();
  Type<ColumnDeclaration> either;
  either.shape.form = Shape::Form::either;
  either.shape.name = "type, or column";
  either.shape.expected = "a type or a mapping";
  either.shape.parts = {bare.shape, full.shape};
  either.read = [full, bare](const Node& node, Reading& reading, ColumnDeclaration& column) {
    if (node.kind == Node::Kind::map || node.kind == Node::Kind::null)
      return full.read(node, reading, column);
    if (node.kind != Node::Kind::scalar) {
      reading.expected(node, "a type or a mapping");
      return false;
    }
    std::string type;
    if (!bare.read(node, reading, type)) return false;
    column = bare_column(*reading.key(), reading, std::move(type));
    return true;
  };
  return mapped_type<std::vector<std::pair<Text, ColumnDeclaration>>,
                     std::vector<ColumnDeclaration>>(
      keyed_type(either, "column"),
      [](const Node&, Reading&, auto&& pairs, std::vector<ColumnDeclaration>& out) {
        for (auto& [name, column] : pairs) out.push_back(std::move(column));
        return true;
      });
}

Type<std::vector<std::pair<std::string, std::string>>> partition_by_type() {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const auto mapping = keyed_type(expression_type(), "column");
  const auto names = one_or_list_type(text_type());
  Type<Pairs> out;
  out.shape.form = Shape::Form::either;
  out.shape.name = "list of columns, or mapping of column to SQL";
  out.shape.expected = "columns";
  out.shape.parts = {names.shape, mapping.shape};
  out.read = [mapping, names](const Node& node, Reading& reading, Pairs& pairs) {
    if (node.kind == Node::Kind::map) {
      std::vector<std::pair<Text, Text>> found;
      if (!mapping.read(node, reading, found)) return false;
      for (auto& [name, sql] : found) {
        for (const auto& [parameter, at] : sql::parameters_in(sql.value)) {
          if (lower(parameter) == "extracted_at") continue;
          reading.problems.add(
              Code::configuration,
              "partition " + in_quotes(name.value) + ": $" + parameter + " is not known here",
              "its expression is over the table's columns: name one that is declared with a value",
              sql.place);
        }
        pairs.emplace_back(std::move(name.value), std::move(sql.value));
      }
      return true;
    }
    std::vector<std::string> found;
    if (!names.read(node, reading, found)) return false;
    for (auto& name : found) pairs.emplace_back(std::move(name), "");
    return true;
  };
  return out;
}

}  // namespace windrow::project
