#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "duck/forward.h"

/// Results of any size and of any type read where they lie, column by column: for who writes
/// millions of rows in another form.
namespace windrow::duck {

/// How the values of a vector lie in memory.
enum class Physical {
  boolean,
  int8,
  int16,
  int32,
  int64,
  int128,
  uint8,
  uint16,
  uint32,
  uint64,
  uint128,
  float32,
  float64,
  text,      ///< also bytes of a BLOB
  interval,  ///< months, days, microseconds
  list,
  other
};

struct IntervalValue {
  int32_t months, days;
  int64_t micros;
};
struct ListEntry {
  uint64_t offset, length;  ///< in the child
};

/// Some thousand values of one column. DECIMAL is its whole number of the smallest unit, DATE days
/// and TIMESTAMP microseconds since 1970. Valid during the call that it is given to.
struct Vector {
  Physical physical = Physical::other;
  const void* data = nullptr;
  const uint64_t* validity = nullptr;  ///< a bit a row; nothing: no NULLs
  std::unique_ptr<Vector> child;       ///< of a list

  bool null(size_t row) const {
    return validity != nullptr && ((validity[row / 64] >> (row % 64)) & 1) == 0;
  }
  template <typename T>
  T at(size_t row) const {
    return static_cast<const T*>(data)[row];
  }
  std::string_view text(size_t row) const {
    // As DuckDB's C interface lays it out: up to twelve bytes lie in the value itself.
    struct Text {
      uint32_t length;
      char begin[4];
      const char* elsewhere;
    };
    const auto* value = static_cast<const Text*>(data) + row;
    return {value->length <= 12 ? value->begin : value->elsewhere, value->length};
  }
};

/// Runs a SELECT and gives its rows in order, some thousand at a time, in bounded memory. `visit`
/// returns false to stop early. Throws as Connection::query does.
void stream_vectors(Connection& connection, const std::string& select,
                    const std::function<bool(size_t rows, const std::vector<Vector>&)>& visit);

}  // namespace windrow::duck
