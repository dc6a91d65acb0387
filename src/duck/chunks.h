#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "duck/duck.h"

/// Results read column by column, without a Cell for each value: for millions of rows of few types.
namespace windrow::duck {

/// Some thousand rows of a result. Columns are VARCHAR, BIGINT or BOOLEAN, and are asked for as
/// what they are. Valid during the call that it is given to.
class Chunk {
 public:
  virtual ~Chunk() = default;
  virtual size_t rows() const = 0;
  virtual bool null(size_t column, size_t row) const = 0;
  virtual std::string_view text(size_t column, size_t row) const = 0;
  virtual int64_t integer(size_t column, size_t row) const = 0;
  virtual bool truth(size_t column, size_t row) const = 0;
};

/// Runs a SELECT and gives its rows in order, chunk by chunk. Throws as Connection::query does.
void for_each_chunk(Connection& connection, const std::string& select,
                    const std::function<void(const Chunk&)>& visit);

}  // namespace windrow::duck
