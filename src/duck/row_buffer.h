#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "duck/forward.h"

/// Rows that this program makes itself, in the layout that DuckDB works with: a SELECT over them
/// copies nothing.
namespace windrow::duck {

template <typename T>
class Keyed;

enum class BufferKind { text, bytes, integer, real, truth, time };

/// One column. Rows that are never set are NULL.
class BufferColumn {
 public:
  BufferColumn(std::string name, BufferKind kind);

  const std::string& name() const { return name_; }
  BufferKind kind() const { return kind_; }
  /// DuckDB's name of its type: VARCHAR, BLOB, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP WITH TIME ZONE.
  const char* type() const;

  bool is_set(size_t row) const { return valid_[row >> 6] >> (row & 63) & 1; }
  void clear(size_t row) { valid_[row >> 6] &= ~(uint64_t(1) << (row & 63)); }
  /// text and bytes. What `value` points at must live as long as the buffer is read; text must be
  /// UTF-8.
  void set_text(size_t row, std::string_view value) {
    Text& out = reinterpret_cast<Text*>(data_.get())[row];
    out.length = uint32_t(value.size());
    if (value.size() <= sizeof(out.inlined)) {
      std::memset(out.inlined, 0, sizeof(out.inlined));
      std::memcpy(out.inlined, value.data(), value.size());
    } else {
      std::memcpy(out.inlined, value.data(), 4);
      const char* data = value.data();
      std::memcpy(out.inlined + 4, &data, sizeof(data));
    }
    set(row);
  }
  /// integer; time as microseconds since 1970
  void set_integer(size_t row, int64_t value) {
    reinterpret_cast<int64_t*>(data_.get())[row] = value;
    set(row);
  }
  void set_real(size_t row, double value) {
    reinterpret_cast<double*>(data_.get())[row] = value;
    set(row);
  }
  void set_truth(size_t row, bool value) {
    reinterpret_cast<bool*>(data_.get())[row] = value;
    set(row);
  }
  /// The same value, or NULL, in another row.
  void copy(size_t from, size_t to);
  std::string_view text(size_t row) const;
  int64_t integer(size_t row) const { return reinterpret_cast<const int64_t*>(data_.get())[row]; }
  double real(size_t row) const { return reinterpret_cast<const double*>(data_.get())[row]; }
  bool truth(size_t row) const { return reinterpret_cast<const bool*>(data_.get())[row]; }

  /// Private to RowBuffer and the SELECT over it.
  void reserve(size_t rows);
  void reset(size_t rows);
  size_t width() const;
  const char* data() const { return data_.get(); }
  const uint64_t* valid() const { return valid_.data(); }

 private:
  /// As DuckDB's string_t: short texts in place, long ones as their first four bytes and a pointer.
  struct Text {
    uint32_t length;
    char inlined[12];
  };
  void set(size_t row) { valid_[row >> 6] |= uint64_t(1) << (row & 63); }

  std::string name_;
  BufferKind kind_;
  std::unique_ptr<char[]> data_;
  std::vector<uint64_t> valid_;
  size_t capacity_ = 0;
};

class RowBuffer {
 public:
  /// Gives the column's position.
  size_t add_column(std::string name, BufferKind kind);
  size_t columns() const { return columns_.size(); }
  BufferColumn& column(size_t i) { return columns_[i]; }
  const BufferColumn& column(size_t i) const { return columns_[i]; }
  size_t rows() const { return rows_; }
  /// One row more, all NULL; gives its number.
  size_t add_row() {
    if (rows_ == capacity_) grow();
    return rows_++;
  }
  /// Takes the last row off again.
  void drop_row();
  /// No rows; keeps columns and memory.
  void clear();

 private:
  void grow();
  std::vector<BufferColumn> columns_;
  size_t rows_ = 0, capacity_ = 0;
};

/// While it lives, `sql()` is what a SELECT on this connection may stand FROM. The buffer must
/// neither change nor go while such a SELECT runs. Not for names or values of the user.
class BufferTable {
 public:
  BufferTable(Connection& connection, const RowBuffer& rows);
  ~BufferTable();
  BufferTable(const BufferTable&) = delete;
  BufferTable& operator=(const BufferTable&) = delete;
  const std::string& sql() const { return sql_; }

 private:
  std::shared_ptr<Keyed<const RowBuffer>> catalog_;
  uint64_t key_ = 0;
  std::string sql_;
};

}  // namespace windrow::duck
