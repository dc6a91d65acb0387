#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "columns/operator.h"

/// How operators read what rows name and count.
namespace windrow::operators {

bool is_whole(const columns::Type& type);
/// Whole numbers, DOUBLE, FLOAT and DECIMAL.
bool is_number(const columns::Type& type);
/// What can name a thing: VARCHAR or a whole number.
bool is_name(const columns::Type& type);

/// Parameters that are there, of these kinds.
int64_t integer_of(const columns::Settings& settings, const std::string& parameter);
double real_of(const columns::Settings& settings, const std::string& parameter);
bool truth_of(const columns::Settings& settings, const std::string& parameter);

/// A column of numbers, each as the nearest double. Valid for as long as the batch lives.
class NumberColumn {
 public:
  NumberColumn(const columns::Batch& batch, size_t column);
  bool null(int64_t row) const { return column_.null(row); }
  double at(int64_t row) const;

 private:
  columns::Column column_;
  columns::Type::Kind kind_;
  long double units_ = 1;  // of a decimal, in one
};

/// Names of things, numbered from 0 on as they come.
class Names {
 public:
  explicit Names(const columns::Type& type) : texts_(type.kind == columns::Type::Kind::string) {}
  int32_t number(const columns::Column& column, int64_t row) {
    return texts_ ? of(by_text_, column.text(row), text_)
                  : of(by_whole_, column.integer(row), whole_);
  }
  int32_t count() const { return int32_t(texts_ ? text_.size() : whole_.size()); }
  void write(columns::BatchBuilder& builder, size_t column, int32_t thing) const {
    texts_ ? builder.text(column, text_[size_t(thing)])
           : builder.integer(column, whole_[size_t(thing)]);
  }
  /// The order of their names: texts by their bytes.
  bool before(int32_t a, int32_t b) const {
    return texts_ ? text_[size_t(a)] < text_[size_t(b)] : whole_[size_t(a)] < whole_[size_t(b)];
  }
  /// As JSON has it.
  std::string json(int32_t thing) const;
  /// As an error quotes it.
  std::string quoted(int32_t thing) const {
    return texts_ ? "\"" + text_[size_t(thing)] + "\"" : std::to_string(whole_[size_t(thing)]);
  }

 private:
  template <typename Numbers, typename Value, typename Values>
  int32_t of(Numbers& numbers, const Value& value, Values& values) {
    if (const auto found = numbers.find(value); found != numbers.end()) return found->second;
    const int32_t number = next(values.size());
    values.emplace_back(value);
    numbers.emplace(values.back(), number);
    return number;
  }
  static int32_t next(size_t count);

  bool texts_;
  std::deque<std::string> text_;  // which by_text_ points into
  std::vector<int64_t> whole_;
  std::unordered_map<std::string_view, int32_t> by_text_;
  std::unordered_map<int64_t, int32_t> by_whole_;
};

/// What is wrong with a number that has to be finite: ` is NaN`, ` is infinite`.
std::string_view not_finite(double value);

}  // namespace windrow::operators
