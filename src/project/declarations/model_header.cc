#include "project/declarations/files.h"
#include "project/model.h"
#include "project/names.h"

namespace windrow::project {
namespace {

Type<Reads> reads_type() {
  const auto full = Keys<Reads>("reads")
                        .optional("before", &Reads::before, duration_type(true), "0s",
                                  "How far before its interval the model reads.")
                        .optional("after", &Reads::after, duration_type(true), "0s",
                                  "How far after its interval the model reads.")
                        .type();
  const auto word = word_type({"lookup"});
  Type<Reads> out;
  out.shape.form = Shape::Form::either;
  out.shape.name = "`lookup`, or mapping";
  out.shape.expected = "lookup, or a mapping such as {before: 23h}";
  out.shape.parts = {word.shape, full.shape};
  out.read = [full, word](const Node& node, Reading& reading, Reads& reads) {
    if (node.kind == Node::Kind::map) return full.read(node, reading, reads);
    if (node.kind != Node::Kind::scalar) {
      reading.expected(node, "lookup, or a mapping such as {before: 23h}");
      return false;
    }
    std::string text;
    reads.lookup = word.read(node, reading, text);
    return reads.lookup;
  };
  return out;
}

struct Incremental {
  std::string strategy;
};

Type<std::string> incremental_type() {
  const auto full =
      Keys<Incremental>("incremental")
          .required("strategy", &Incremental::strategy, word_type({"rows", "sums", "keys"}),
                    "`rows`: row by row; `sums`: from sums that are kept beside "
                    "the table; `keys`: the keys that are touched are computed "
                    "anew. However many rows have changed.")
          .type();
  return single_or_mapping_type(
      "`auto`, `never`, or mapping", "auto, never, or a mapping such as {strategy: keys}",
      word_type({"auto", "never"}),
      mapped_type<Incremental, std::string>(
          full,
          [](const Node&, Reading&, Incremental&& given, std::string& out) {
            out = std::move(given.strategy);
            return true;
          }),
      [](std::string& value, std::string&& word) { value = std::move(word); });
}

struct Operator {
  std::string name;
};

std::shared_ptr<const columns::OperatorUse> operator_use(const Kinds& kinds,
                                                         const std::string& name, const Node& node,
                                                         Reading& reading) {
  const Place place = reading.place(*node.find("name"));
  std::map<std::string, columns::Setting> given;
  bool whole = true;
  for (const auto& [key, value] : node.entries) {
    if (key.text == "name") continue;
    const Reading::Inside inside(reading, key);
    auto& setting = given[key.text];
    setting.place = reading.place(value);
    whole = one_or_list_type(text_type()).read(value, reading, setting.texts) && whole;
  }
  try {
    const auto& kind = columns::operator_named(kinds.operators, name, place);
    Problems wrong;
    columns::Settings settings(name, kind.parameters(), given, place, wrong);
    for (const auto& problem : wrong.all()) reading.problems.add(problem);
    if (!whole || !wrong.empty()) return {};
    return std::make_shared<const columns::OperatorUse>(
        columns::OperatorUse{&kind, std::move(settings), place});
  } catch (const Error& error) {
    reading.problems.add(error);
    return {};
  }
}

void check_operator(const Node& node, Reading& reading, Model& model) {
  if (!model.through) return;
  if (model.build.kind == BuildKind::view)
    reading.problem(*node.find("operator"),
                    "a view is a SELECT and nothing else: its rows go through no operator");
  if (!model.new_rows.empty())
    reading.problems.add(Code::configuration,
                         "an operator would see the new rows alone, and the table would not be "
                         "what a full build gives",
                         "build it as a table or by intervals, or put the operator into a model of "
                         "its own that reads this one",
                         reading.place(*node.find("operator")));
}

void check_new_rows(const Node& node, Reading& reading, Model& model) {
  const auto kind = model.build.kind;
  if (model.new_rows.empty() || kind == BuildKind::append || kind == BuildKind::merge) return;
  reading.problem(
      *node.find("new_rows"),
      "\"new_rows\" belongs to a model with build append or merge; this one is built as " +
          std::string(name_of(kind)));
}

void check_incremental(const Node& node, Reading& reading, Model& model) {
  const auto* given = node.find("incremental");
  if (!given || model.build.kind == BuildKind::table) return;
  reading.problem(*given,
                  "\"incremental\" belongs to a model with build table; this one is built as " +
                      std::string(name_of(model.build.kind)));
}

void check_contract(const Node& node, Reading& reading, Model& model) {
  if (!model.contract) return;
  if (model.columns.empty()) {
    reading.problem(*node.find("contract"),
                    "\"contract: true\" needs \"columns\" with their types");
  }
  for (const auto& column : model.columns) {
    if (!column.type.empty()) continue;
    reading.problems.add(
        Code::configuration,
        "column \"" + column.name + "\" has no type, which \"contract: true\" needs",
        "write {type: …}", column.place);
  }
}

}  // namespace

Keys<Model> model_header(const Kinds& kinds) {
  Keys<Model> keys("model");
  keys.include(common_keys(), &Model::common)
      .optional("build", &Model::build, build_type(), "table", "How the table is built.")
      .optional("columns", &Model::columns, columns_type(false), "",
                "Columns of the result that have a description, a type to keep or checks.")
      .optional("contract", &Model::contract, boolean_type(), "false",
                "The result has exactly the declared columns and types.")
      .optional("checks", &Model::checks, list_type(check_type(false)), "",
                "Checks of the whole table.")
      .optional(
          "new_rows", &Model::new_rows, table_name_type(), "",
          "For append and merge: the input that is bound to the rows added since the last run.")
      .optional("reads", &Model::reads, map_type(reads_type(), "table", is_table_name), "",
                "What the model reads beyond its interval; `lookup`: an input whose changes make "
                "nothing stale.")
      .optional(
          "incremental", &Model::incremental, incremental_type(), "auto",
          "Of a table: whether only what follows from changed rows of its inputs is worked "
          "out, where that gives what a full build gives ([sql.md](sql.md#table-the-default)).")
      .optional("partition_by", &Model::partition_by, one_or_list_type(text_type()), "",
                "Columns whose values lie in folders of their own.")
      .optional("deletion_vectors", &Model::deletion_vectors, boolean_type(), "the layer's",
                "The table may get deletion vectors, where they are cheaper than new files.")
      .optional("retention_column", &Model::retention_column, text_type(),
                "the interval column, else what partitions say",
                "The time column that the layer's retention counts by.")
      .optional("renamed_from", &Model::renamed_from, table_name_type(), "",
                "The table's name before: its history is kept.")
      .bound(false, "operator",
             Keys<Operator>("operator")
                 .required("name", &Operator::name, text_type(), "The operator's name.")
                 .open()
                 .type(),
             "",
             "What the SELECT's rows go through, with its parameters beside its name "
             "([operators.md](operators.md)).",
             [&kinds](Model& model, Operator&& made, const Node& node, Reading& reading) {
               model.through = operator_use(kinds, made.name, node, reading);
             })
      .then(check_operator)
      .then(check_new_rows)
      .then(check_incremental)
      .then(check_contract);
  return keys;
}

}  // namespace windrow::project
