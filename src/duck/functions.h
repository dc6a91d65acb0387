#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "columns/function.h"
#include "duck/forward.h"

/// SQL functions over C++ ones.
namespace windrow::duck {

/// A set of row numbers, immutable.
class RowSet {
 public:
  virtual ~RowSet() = default;
  virtual bool contains(uint64_t row) const = 0;
};

/// Makes `name(key VARCHAR, row BIGINT) → BOOLEAN` known to every connection of the database:
/// whether `row` is in the set that `key` names. `load` is called for each new key that a thread
/// meets in a row of keys, from any thread; what it throws becomes the query's error. A NULL key is
/// no set.
void add_row_set_function(Database& database, const std::string& name,
                          std::function<std::shared_ptr<const RowSet>(std::string_view key)> load);

/// `kMean(sum, count BIGINT, narrow BOOLEAN) → DOUBLE`, known to every connection: the mean that
/// avg() gives to values of which these are the sum (HUGEINT, or DECIMAL of 38 digits) and the
/// number, to the last digit. `narrow`: the values are integers or unscaled decimals of 16 bits.
inline constexpr const char* kMean = "windrow_mean";
void add_mean_function(Database& database);

/// Makes these known to every connection of the database.
void add_text_functions(Database& database, const columns::TextFunctions& functions);

}  // namespace windrow::duck
