#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/rows.h"
#include "duck/vectors.h"
#include "publish/postgres/postgres_types.h"

namespace windrow::publish {

/// Bytes that grow; cheaper than a string for millions of small writes.
class Bytes {
 public:
  /// Room for `size` more bytes, of which `taken` tells how many were used.
  char* room(size_t size) {
    if (used_ + size > capacity_) grow(size);
    return data_.get() + used_;
  }
  void taken(size_t size) { used_ += size; }
  size_t size() const { return used_; }
  void clear() { used_ = 0; }
  std::string_view view() const { return {data_.get(), used_}; }
  char* at(size_t position) { return data_.get() + position; }

  template <typename T>
  void big_endian(T value);
  void append(std::string_view bytes);

 private:
  void grow(size_t size);
  std::unique_ptr<char[]> data_;
  size_t used_ = 0, capacity_ = 0;
};

/// Rows in PostgreSQL's binary COPY form (documented under COPY, "Binary Format"; each type's bytes
/// are what its send function gives).
class BinaryRows {
 public:
  struct Column {
    std::string name;
    PostgresType type;
    int scale = 0;  ///< of the DECIMAL that the SELECT yields
  };
  BinaryRows(std::string view, std::vector<Column> columns);

  static std::string_view header();
  static std::string_view trailer();

  /// Appends the rows. Error(data) names the column and the row of a value that has no place in
  /// PostgreSQL.
  void write(size_t rows, const std::vector<duck::Vector>& vectors, Bytes& out);
  int64_t rows() const { return rows_; }

 private:
  [[noreturn]] void refuse(size_t column, const std::string& why) const;
  void field(size_t column, const duck::Vector& vector, size_t row, Bytes& out) const;
  void value(size_t column, const duck::Vector& vector, size_t row, Bytes& out) const;
  void array(size_t column, const duck::Vector& vector, size_t row, Bytes& out) const;
  void date(size_t column, int32_t days, Bytes& out) const;
  void moment(size_t column, int64_t at, Bytes& out) const;
  void numeric(size_t column, const duck::Vector& vector, size_t row, Bytes& out) const;
  void numeric_text(size_t column, std::string_view text, Bytes& out) const;

  std::string view_;
  std::vector<Column> columns_;
  int64_t rows_ = 0;
};

}  // namespace windrow::publish
