#include "sources/files/shapes.h"

#include <set>

namespace windrow::sources {

namespace {

namespace dom = simdjson::dom;

constexpr size_t kKeptShapes = 10'000;
constexpr size_t kBytesMax = 16 << 20;

uint64_t mixed(uint64_t hash, uint64_t with) {
  hash = (hash ^ with) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 29);
}

bool names_twice(const dom::element& value) {
  if (value.is_array()) {
    for (const auto each : dom::array(value)) {
      if (names_twice(each)) return true;
    }
  }
  if (!value.is_object()) return false;
  std::set<std::string_view> names;
  for (const auto field : dom::object(value)) {
    if (!names.insert(field.key).second || names_twice(field.value)) return true;
  }
  return false;
}

}  // namespace

uint64_t Shapes::shape_of(const dom::element& value) {
  switch (value.type()) {
    case dom::element_type::OBJECT: {
      uint64_t out = 1;
      for (const auto field : dom::object(value)) {
        out = mixed(out, std::hash<std::string_view>()(field.key));
        out = mixed(out, shape_of(field.value));
      }
      return mixed(out, 2);
    }
    case dom::element_type::ARRAY: {
      // However many of one shape there are in a row, lists of them are of one shape.
      uint64_t out = 3, before = 0;
      for (const auto each : dom::array(value)) {
        const uint64_t shape = shape_of(each);
        if (shape != before) out = mixed(out, shape);
        before = shape;
      }
      return mixed(out, 4);
    }
    case dom::element_type::STRING: return 5;
    case dom::element_type::BOOL: return 6;
    case dom::element_type::NULL_VALUE: return 7;
    case dom::element_type::DOUBLE: return 8;
    case dom::element_type::INT64: return int64_t(value) < 0 ? 9 : 10;
    default: exact_ = false; return 11;
  }
}

void Shapes::add(const dom::element& record, std::string_view text) {
  const uint64_t shape = shape_of(record);  // also tells of numbers that are not kept
  if (!complete_ || shape == last_) return;
  last_ = shape;
  if (!seen_.insert(shape).second) return;
  strict_ = strict_ && !names_twice(record);
  keep(text);
}

void Shapes::add_unread(std::string_view text) {
  strict_ = exact_ = false;
  if (complete_) keep(text);
}

void Shapes::keep(std::string_view text) {
  bytes_ += text.size();
  if (texts_.size() == kKeptShapes || bytes_ > kBytesMax) {
    complete_ = false;
    seen_.clear();
    texts_.clear();
    return;
  }
  texts_.emplace_back(text);
}

}  // namespace windrow::sources
