#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "operators/operators.h"

/// What tests of operators give them.
namespace windrow::operators {

/// Rows of a test in batches of so many; `put` writes one.
template <typename Row>
class RowsReader final : public columns::BatchReader {
 public:
  using Put = std::function<void(columns::BatchBuilder&, const Row&)>;
  RowsReader(columns::Schema schema, std::vector<Row> rows, size_t batch, Put put)
      : rows_(std::move(rows)),
        batch_(batch),
        put_(std::move(put)),
        layout_(std::make_shared<const columns::Layout>(std::move(schema))) {}
  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  std::optional<columns::Batch> next() override {
    if (next_ >= rows_.size()) return {};
    columns::BatchBuilder builder(layout_);
    for (size_t i = 0; i < batch_ && next_ < rows_.size(); ++i, ++next_)
      put_(builder, rows_[next_]);
    return builder.finish();
  }

 private:
  const std::vector<Row> rows_;
  const size_t batch_;
  const Put put_;
  size_t next_ = 0;
  std::shared_ptr<const columns::Layout> layout_;
};

/// An operator's settings as a model gives them; Error where it refuses them.
inline columns::Settings settings_for(const columns::Operator& one,
                                      const std::map<std::string, columns::Setting>& given) {
  Problems problems;
  columns::Settings out(one.name(), one.parameters(), given, {"m.sql", 1, 1}, problems);
  problems.raise();
  return out;
}

}  // namespace windrow::operators
