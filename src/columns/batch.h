#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/rows.h"
#include "columns/layout.h"

namespace windrow::columns {

/// The values of one column of a batch. Valid for as long as the batch lives.
class Column {
 public:
  Column(const ArrowArray& array, const char* format) : array_(&array), format_(format) {}

  bool null(int64_t row) const {
    const auto* valid = static_cast<const uint8_t*>(array_->buffers[0]);
    return valid != nullptr && !bit(valid, row);
  }
  /// long, integer, short, byte; days of a date, microseconds of a timestamp, since 1970.
  int64_t integer(int64_t row) const {
    switch (format_[0]) {
      case 'i': return at<int32_t>(row);
      case 's': return at<int16_t>(row);
      case 'c': return at<int8_t>(row);
      case 't': return format_[1] == 'd' ? at<int32_t>(row) : at<int64_t>(row);
      default: return at<int64_t>(row);
    }
  }
  /// double, float
  double real(int64_t row) const { return format_[0] == 'f' ? at<float>(row) : at<double>(row); }
  bool truth(int64_t row) const {
    return bit(static_cast<const uint8_t*>(array_->buffers[1]), row);
  }
  /// decimal, in units of its last digit
  __int128 decimal(int64_t row) const { return at<__int128>(row); }
  /// string (UTF-8), binary
  std::string_view text(int64_t row) const {
    const bool wide = format_[0] == 'U' || format_[0] == 'Z';
    const int64_t begin = wide ? at<int64_t>(row) : at<int32_t>(row);
    const int64_t end = wide ? at<int64_t>(row + 1) : at<int32_t>(row + 1);
    return {static_cast<const char*>(array_->buffers[2]) + begin, size_t(end - begin)};
  }

 private:
  bool bit(const uint8_t* bits, int64_t row) const {
    const int64_t i = row + array_->offset;
    return (bits[i / 8] >> (i % 8) & 1) != 0;
  }
  template <typename T>
  T at(int64_t row) const {
    T out;  // buffers need not be aligned for 128 bits
    std::memcpy(&out, static_cast<const T*>(array_->buffers[1]) + row + array_->offset, sizeof out);
    return out;
  }

  const ArrowArray* array_;
  const char* format_;
};

/// Some rows, column by column. Immutable; copies share the values.
class Batch {
 public:
  /// Takes over a struct of the layout's columns; `array` is empty afterwards. Error(corrupt) where
  /// it is not one.
  Batch(std::shared_ptr<const Layout> layout, ArrowArray& array);

  int64_t rows() const { return rows_; }
  const Layout& layout() const { return *layout_; }
  const Schema& schema() const { return layout_->schema(); }
  Column column(size_t i) const { return {*columns_[i], layout_->arrow().children[i]->format}; }

  /// With the columns of `more`, which has as many rows, behind its own. `layout` is that of both.
  Batch beside(const Batch& more, std::shared_ptr<const Layout> layout) const;

  /// For who wants to own the values; it ends that with `release`. Nothing is copied.
  void share_with(ArrowArray& out) const;

 private:
  Batch() = default;

  std::shared_ptr<const Layout> layout_;
  std::vector<std::shared_ptr<const ArrowArray>> columns_;
  int64_t rows_ = 0;
};

/// Batches one after the other. One thread at a time.
class BatchReader {
 public:
  virtual ~BatchReader() = default;
  virtual std::shared_ptr<const Layout> layout() const = 0;
  /// Nothing at the end. Batches may be empty.
  virtual std::optional<Batch> next() = 0;
  /// For who computes long between one batch and the next: throws Error(canceled) where somebody
  /// asked that the reading end.
  virtual void heed() {}
};

/// Fills a batch, column by column or row by row. Columns of plain types alone: no decimals,
/// structs, lists, maps.
class BatchBuilder {
 public:
  explicit BatchBuilder(std::shared_ptr<const Layout> layout);

  // The next value of a column.
  void null(size_t column);
  void integer(size_t column, int64_t value);  ///< as Column::integer
  void real(size_t column, double value);
  void truth(size_t column, bool value);
  void text(size_t column, std::string_view value);
  /// The value, or NULL, of another column of the same type.
  void copy(size_t column, const Column& from, int64_t row);

  /// What was filled; begins anew. All columns have as many values.
  Batch finish();

 private:
  struct Values {
    std::vector<uint8_t> valid, bytes;
    std::vector<int64_t> offsets;
    int64_t rows = 0, nulls = 0;
  };
  void mark(Values& values, bool valid);
  template <typename T>
  void put(Values& values, T value);

  std::shared_ptr<const Layout> layout_;
  std::vector<Values> columns_;
};

}  // namespace windrow::columns
