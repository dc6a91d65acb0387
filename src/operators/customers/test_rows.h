#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "columns/operator.h"

/// For tests: rows in memory, through an operator and back.
namespace windrow::operators {

using Value = std::variant<std::monostate, int64_t, double, bool, std::string>;
using Row = std::vector<Value>;

/// Rows in batches of so many.
class RowReader final : public columns::BatchReader {
 public:
  RowReader(columns::Schema schema, std::vector<Row> rows, size_t batch)
      : layout_(std::make_shared<const columns::Layout>(std::move(schema))),
        rows_(std::move(rows)),
        batch_(batch) {}
  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  std::optional<columns::Batch> next() override {
    if (next_ >= rows_.size()) return {};
    columns::BatchBuilder builder(layout_);
    for (size_t i = 0; i < batch_ && next_ < rows_.size(); ++i, ++next_)
      for (size_t c = 0; c < rows_[next_].size(); ++c) put(builder, c, rows_[next_][c]);
    return builder.finish();
  }
  void heed() override {
    if (stopped) throw Error(Code::canceled, "stopped on request");
  }

  bool stopped = false;

 private:
  static void put(columns::BatchBuilder& builder, size_t c, const Value& value) {
    if (const auto* whole = std::get_if<int64_t>(&value))
      builder.integer(c, *whole);
    else if (const auto* real = std::get_if<double>(&value))
      builder.real(c, *real);
    else if (const auto* truth = std::get_if<bool>(&value))
      builder.truth(c, *truth);
    else if (const auto* text = std::get_if<std::string>(&value))
      builder.text(c, *text);
    else
      builder.null(c);
  }

  std::shared_ptr<const columns::Layout> layout_;
  std::vector<Row> rows_;
  size_t batch_, next_ = 0;
};

inline columns::Settings settings_for(
    const columns::Operator& kind, const std::map<std::string, std::vector<std::string>>& texts) {
  std::map<std::string, columns::Setting> given;
  for (const auto& [name, values] : texts) given[name] = {values, {"m.sql", 2, 1}};
  Problems problems;
  columns::Settings out(kind.name(), kind.parameters(), given, {"m.sql", 1, 1}, problems);
  problems.raise();
  return out;
}

inline Value value_in(const columns::Batch& batch, size_t c, int64_t row) {
  using Kind = columns::Type::Kind;
  const auto column = batch.column(c);
  if (column.null(row)) return {};
  switch (batch.schema().fields[c].type.kind) {
    case Kind::string: return std::string(column.text(row));
    case Kind::double_: return column.real(row);
    case Kind::boolean: return column.truth(row);
    default: return column.integer(row);
  }
}

/// What comes out of rows in the order that the operator asks for.
inline std::vector<Row> through(const columns::Operator& kind, const columns::Schema& schema,
                                const std::vector<Row>& rows, const columns::Settings& settings,
                                size_t batch = 3) {
  const auto reader = kind.run(std::make_unique<RowReader>(schema, rows, batch), settings);
  std::vector<Row> out;
  while (const auto found = reader->next())
    for (int64_t row = 0; row < found->rows(); ++row) {
      out.emplace_back();
      for (size_t c = 0; c < found->schema().fields.size(); ++c)
        out.back().push_back(value_in(*found, c, row));
    }
  return out;
}

/// What it says is wrong, one line each; empty where nothing is.
inline std::vector<std::string> wrong_with(const columns::Operator& kind,
                                           const columns::Schema& schema,
                                           const std::vector<Row>& rows,
                                           const columns::Settings& settings) {
  std::vector<std::string> out;
  try {
    through(kind, schema, rows, settings);
  } catch (const Error& error) {
    for (const auto& problem : error.problems()) out.push_back(problem.message);
  }
  return out;
}

/// The same for any split into batches: what comes out.
inline std::vector<Row> through_any_split(const columns::Operator& kind,
                                          const columns::Schema& schema,
                                          const std::vector<Row>& rows,
                                          const columns::Settings& settings, bool& same) {
  const auto out = through(kind, schema, rows, settings, 1);
  same = true;
  for (const size_t batch : {2, 5, 1000})
    same = same && through(kind, schema, rows, settings, batch) == out;
  return out;
}

}  // namespace windrow::operators
