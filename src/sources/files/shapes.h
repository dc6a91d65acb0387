#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

/// Private to sources/files: which shapes JSON records have, found while they are counted, so that
/// nobody has to read all of them once more to know their columns. A shape is the names of fields
/// in their order and the kinds of their values, however deep; one record of each is kept.
namespace windrow::sources {

class Shapes {
 public:
  /// A good record that `text` is.
  void add(const simdjson::dom::element& record, std::string_view text);
  /// A good record that only the engine takes.
  void add_unread(std::string_view text);

  /// False: there were too many to keep, and the engine has to look at all records itself.
  bool complete() const { return complete_; }
  /// Every record is JSON as strict readers take it, without a field that is there twice.
  bool strict() const { return strict_; }
  /// Every value is kept by the type that its shape has: no whole number is beyond BIGINT, and
  /// none is a number of the engine's alone.
  bool exact() const { return exact_; }
  /// One of each shape, in the order in which they came.
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  uint64_t shape_of(const simdjson::dom::element& value);
  void keep(std::string_view text);

  std::unordered_set<uint64_t> seen_;
  std::vector<std::string> texts_;
  uint64_t last_ = 0;
  size_t bytes_ = 0;
  bool complete_ = true, strict_ = true, exact_ = true;
};

}  // namespace windrow::sources
