#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "columns/operator.h"

/// What operators have in common that give each row some columns more.
namespace windrow::operators {

/// Looks for what an operator reads, and has all that is wrong with it said at once.
class InputColumns {
 public:
  InputColumns(std::string name, const columns::Schema& input, const columns::Settings& settings)
      : name_(std::move(name)), input_(input), settings_(settings) {}

  /// The column `column`, which `parameter` names; nothing, and a problem, where there is none.
  const columns::Field* named(const std::string& parameter, const std::string& column);
  /// The type of the column that `parameter` names will not do; `hint` says what would.
  void wrong(const std::string& parameter, const columns::Field& field, const std::string& hint);
  /// The value of `parameter` will not do.
  void problem(const std::string& parameter, const std::string& hint);
  /// One of its values will not do.
  void problem(const std::string& parameter, const std::string& value, const std::string& hint);
  /// `parameter` is not set, which other parameters demand.
  void needed(const std::string& parameter, const std::string& hint);
  /// The input's columns with `added` behind them. Error(configuration) with all problems, also
  /// where the input has one of these names.
  columns::Schema with(const std::vector<columns::Field>& added);

 private:
  std::string name_;
  const columns::Schema& input_;
  const columns::Settings& settings_;
  Problems problems_;
};

/// The rows of a reader, each with some columns more.
class BesideReader : public columns::BatchReader {
 public:
  /// `output`: all columns, the last `added` of which are new.
  BesideReader(std::unique_ptr<columns::BatchReader> input, const columns::Schema& output,
               size_t added);
  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  std::optional<columns::Batch> next() override;

 protected:
  const columns::Schema& schema() const { return input_->layout()->schema(); }
  size_t position(const std::string& column) const;
  /// Gives each row of the batch its new values, in the order of the rows.
  virtual void fill(const columns::Batch& batch, columns::BatchBuilder& builder) = 0;

 private:
  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> added_, layout_;
};

}  // namespace windrow::operators
