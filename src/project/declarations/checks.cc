#include <algorithm>

#include "base/nearest.h"
#include "project/declarations/files.h"
#include "project/names.h"

namespace windrow::project {
namespace {

/// What a check was given, before it is brought into one form.
struct Given {
  Value::Map arguments;
  std::string severity = "block", label;
};

/// One kind of check. Where it has a `main` argument, that may stand alone: `{regex: "^a"}` for
/// `{regex: {pattern: "^a"}}`; the check keeps it alone in both cases.
struct CheckKind {
  std::string name, sentence, main;
  bool on_column, on_table;
  bool bare;  // may stand without arguments
  Keys<Given> keys;
  std::optional<Type<Value>> main_type;
};

template <class M>
void argument(CheckKind& kind, bool required, const std::string& key, Type<M> type,
              std::string sentence) {
  const auto kept = kept_type(std::move(type));
  kind.keys.bound(
      required, key, kept, "", std::move(sentence),
      [key](Given& given, Value&& value, const Node&, Reading& reading) {
        given.arguments.emplace_back(Text{key, reading.key_place(), {}}, std::move(value));
      });
  if (key == kind.main) kind.main_type = kept;
}

CheckKind make(std::string name, std::string sentence, std::string main, bool on_column,
               bool on_table, bool bare) {
  return {name, std::move(sentence), std::move(main), on_column, on_table,
          bare, Keys<Given>(name),   std::nullopt};
}

void finish(CheckKind& kind) {
  kind.keys
      .optional("severity", &Given::severity, word_type({"block", "warn"}), "block",
                "Whether a failure stops the commit.")
      .optional("name", &Given::label, text_type(), "", "What the check is called in reports.");
}

const Value* argument_of(const Given& given, std::string_view key) {
  for (const auto& [name, value] : given.arguments) {
    if (name.value == key) return &value;
  }
  return nullptr;
}

std::optional<double> number_of(const Value* value) {
  if (!value) return std::nullopt;
  if (auto* whole = std::get_if<int64_t>(&value->data)) return static_cast<double>(*whole);
  if (auto* number = std::get_if<double>(&value->data)) return *number;
  return std::nullopt;
}

/// `min` and `max`: one at least, and in order.
void ordered(const Node& node, Reading& reading, Given& given) {
  const Value* min = argument_of(given, "min");
  const Value* max = argument_of(given, "max");
  // A key that is not known was most likely meant to be one of the two.
  const bool tried = std::any_of(node.entries.begin(), node.entries.end(), [](const auto& entry) {
    return entry.key.text != "severity" && entry.key.text != "name";
  });
  if (!min && !max && !tried) {
    reading.problem(node, "\"" + reading.key_text() + "\" needs \"min\" or \"max\"");
  }
  const auto low = number_of(min), high = number_of(max);
  if (low && high && *low > *high) {
    reading.problem(node, "\"" + reading.key_text() + "\": \"min\" is greater than \"max\"");
  }
}

std::vector<CheckKind> make_kinds(bool of_column) {
  std::vector<CheckKind> kinds;
  auto add = [&](CheckKind kind) {
    finish(kind);
    if (of_column ? kind.on_column : kind.on_table) kinds.push_back(std::move(kind));
  };
  add(make("not_null", "No value is NULL.", "", true, false, true));

  auto unique = make("unique", "No value (or group of values) comes twice; NULL is not compared.",
                     of_column ? "" : "columns", true, true, of_column);
  if (!of_column)
    argument(unique, true, "columns", key_columns_type(),
             "Columns whose values together come once.");
  add(std::move(unique));

  auto accepted = make("accepted_values", "Values are among a list.", "values", true, false, false);
  argument(accepted, true, "values", list_type(scalar_type()),
           "The only values allowed; NULL passes.");
  add(std::move(accepted));

  auto range = make("range", "Values lie between two bounds, both included; NULL passes.", "", true,
                    false, false);
  argument(range, false, "min", scalar_type(), "The least value allowed.");
  argument(range, false, "max", scalar_type(), "The greatest value allowed.");
  range.keys.then(ordered);
  add(std::move(range));

  auto regex = make("regex", "Values match a regular expression; NULL passes.", "pattern", true,
                    false, false);
  argument(regex, true, "pattern", text_type(), "A regular expression that values match.");
  add(std::move(regex));

  auto expression =
      make("expression", "A SQL condition holds for every row.", "sql", true, true, false);
  argument(expression, true, "sql", expression_with_macros_type(),
           "A SQL condition that every row meets.");
  add(std::move(expression));

  auto rows = make("rows", "The table has so many rows.", "", false, true, false);
  argument(rows, false, "min", integer_type(0), "The table has at least so many rows.");
  argument(rows, false, "max", integer_type(0), "The table has at most so many rows.");
  rows.keys.then(ordered);
  add(std::move(rows));

  auto freshness = make("freshness", "The newest row is not too old.", "", true, true, false);
  if (!of_column) argument(freshness, true, "column", text_type(), "A time column.");
  argument(freshness, true, "max", duration_type(), "Its greatest value is not older.");
  add(std::move(freshness));

  auto relationship = make("relationship", "Every value exists in a column of another table.", "",
                           true, false, false);
  argument(relationship, true, "to", table_name_type(), "The other table.");
  argument(relationship, true, "column", text_type(),
           "Its column that has every value of this one; NULL passes.");
  add(std::move(relationship));
  return kinds;
}

using CheckKinds = std::vector<CheckKind>;

const CheckKinds& kinds_of(bool of_column) {
  static const CheckKinds of_columns = make_kinds(true), of_tables = make_kinds(false);
  return of_column ? of_columns : of_tables;
}

const CheckKind* find(const CheckKinds& kinds, const std::string& name) {
  for (const auto& kind : kinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

/// The kind a name means; reports where it is none, or belongs to the other level.
const CheckKind* kind_of(const Node& name, bool of_column, Reading& reading) {
  if (const auto* kind = find(kinds_of(of_column), name.text)) return kind;
  if (find(kinds_of(!of_column), name.text)) {
    reading.problem(name,
                    "check " + in_quotes(name.text) +
                        (of_column ? " is not one of a column" : " is one of a column"),
                    of_column ? "put it under the \"checks\" of the table"
                              : "put it under \"checks\" of the column, in \"columns\"");
    return nullptr;
  }
  std::vector<std::string> known;
  for (const auto& kind : kinds_of(of_column)) known.push_back(kind.name);
  std::string hint = did_you_mean(name.text, known);
  if (hint.empty()) {
    hint = "known checks:";
    for (size_t i = 0; i < known.size(); ++i) hint += (i ? ", " : " ") + known[i];
  }
  reading.problem(name, "unknown check " + in_quotes(name.text), hint);
  return nullptr;
}

/// The arguments alone: the main one, or a mapping without severity and name.
Value arguments_of(const CheckKind& kind, Given& given, Place place) {
  if (!kind.main.empty()) {
    return given.arguments.empty() ? Value{} : std::move(given.arguments.front().second);
  }
  Value out;
  out.place = std::move(place);
  if (!given.arguments.empty()) out.data = std::move(given.arguments);
  return out;
}

bool read_arguments(const CheckKind& kind, const Node& node, Reading& reading, Given& given) {
  if (node.kind == Node::Kind::map || (node.kind == Node::Kind::null && kind.main.empty())) {
    return kind.keys.read(node, reading, given);
  }
  if (kind.main_type) {
    Value value;
    if (!kind.main_type->read(node, reading, value)) return false;
    given.arguments.emplace_back(Text{kind.main, reading.place(node), {}}, std::move(value));
    return true;
  }
  reading.expected(node, "a mapping");
  return false;
}

struct Beside {
  std::string severity, label;
};

/// `{range: {…}, severity: warn}`: one check, and what may stand beside it.
const NodeEntry* read_beside(const Node& node, Reading& reading, Beside& beside) {
  static const auto severity = word_type({"block", "warn"});
  static const auto label = text_type();
  const NodeEntry* check = nullptr;
  for (const auto& entry : node.entries) {
    Reading::Inside inside(reading, entry.key);
    if (entry.key.text == "severity")
      severity.read(entry.value, reading, beside.severity);
    else if (entry.key.text == "name")
      label.read(entry.value, reading, beside.label);
    else if (!check)
      check = &entry;
    else
      reading.problem(
          entry.key,
          "two checks in one: " + in_quotes(check->key.text) + " and " + in_quotes(entry.key.text),
          "write each check as an item of its own");
  }
  if (!check) reading.expected(node, "a check such as not_null or {range: {min: 0}}");
  return check;
}

bool read_check(const Node& node, bool of_column, Reading& reading, Check& check) {
  Given given;
  Beside beside;
  const CheckKind* kind = nullptr;
  check.place = reading.place(node);
  if (node.kind == Node::Kind::scalar) {
    kind = kind_of(node, of_column, reading);
    if (!kind) return false;
    if (!kind->bare) {
      reading.problem(node, "check " + in_quotes(kind->name) + " needs arguments",
                      "write {" + kind->name + ": …}");
      return false;
    }
  } else if (node.kind == Node::Kind::map) {
    const auto* entry = read_beside(node, reading, beside);
    kind = entry ? kind_of(entry->key, of_column, reading) : nullptr;
    if (!kind) return false;
    Reading::Inside inside(reading, entry->key);
    check.place = reading.place(entry->key);
    if (!read_arguments(*kind, entry->value, reading, given)) return false;
  } else {
    reading.expected(node, "a check such as not_null or {range: {min: 0}}");
    return false;
  }
  check.name = kind->name;
  check.arguments = arguments_of(*kind, given, check.place);
  check.blocks = (beside.severity.empty() ? given.severity : beside.severity) == "block";
  check.label = beside.label.empty() ? given.label : beside.label;
  return true;
}

Shape check_shape(bool of_column) {
  Shape bare;
  bare.form = Shape::Form::text;
  bare.name = "name";
  Shape full;
  full.form = Shape::Form::object;
  full.name = "check";
  for (const auto& kind : kinds_of(of_column)) {
    if (kind.bare) bare.words.push_back(kind.name);
    Shape arguments = kind.keys.type().shape;
    if (kind.main_type) {
      Shape both;
      both.form = Shape::Form::either;
      both.name = kind.main_type->shape.name + ", or mapping";
      both.parts = {kind.main_type->shape, arguments};
      arguments = std::move(both);
    }
    full.keys.push_back({kind.name, false, "", kind.sentence, std::move(arguments)});
  }
  full.keys.push_back({"severity", false, "block", "Whether a failure stops the commit.",
                       word_type({"block", "warn"}).shape});
  full.keys.push_back(
      {"name", false, "", "What the check is called in reports.", text_type().shape});
  Shape out;
  out.form = Shape::Form::either;
  out.name = "check";
  out.expected = "a check";
  if (bare.words.empty()) return full;
  out.parts = {std::move(bare), std::move(full)};
  return out;
}

}  // namespace

Type<Check> check_type(bool of_column) {
  Type<Check> out;
  out.shape = check_shape(of_column);
  out.read = [of_column](const Node& node, Reading& reading, Check& check) {
    return read_check(node, of_column, reading, check);
  };
  return out;
}

}  // namespace windrow::project
