#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Avro schemas (specification 1.11, "Schema Declaration") and their binary encoding as far as
/// archiving needs it: a datum is turned into JSON text, or its record's fields are visited.
namespace windrow::sources {

struct AvroSchema {
  enum class Kind {
    null,
    boolean,
    int_,
    long_,
    float_,
    double_,
    bytes,
    string,
    record,
    enum_,
    array,
    map,
    union_,
    fixed
  };
  enum class Logical { none, decimal, date, time_millis, time_micros, millis, micros };
  Kind kind = Kind::null;
  Logical logical = Logical::none;
  int scale = 0;                   ///< of decimals
  size_t size = 0;                 ///< of fixed
  std::vector<std::string> names;  ///< fields of a record, symbols of an enum
  /// Fields of a record, branches of a union, the items of an array or the values of a map. Not
  /// owned: a named type may hold itself.
  std::vector<const AvroSchema*> parts;
};

/// A schema with all its named types.
class AvroSchemas {
 public:
  /// Throws BadRecord where the text is no schema.
  explicit AvroSchemas(const std::string& json);
  const AvroSchema& root() const { return *root_; }

 private:
  struct Reader;
  std::vector<std::unique_ptr<AvroSchema>> all_;
  const AvroSchema* root_ = nullptr;
};

}  // namespace windrow::sources
