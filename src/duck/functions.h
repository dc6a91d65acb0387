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

/// Makes these known to every connection of the database.
void add_text_functions(Database& database, const columns::TextFunctions& functions);

}  // namespace windrow::duck
