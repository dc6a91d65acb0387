#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Avro schemas (specification 1.11, "Schema Declaration"), of files and of messages.
namespace windrow::sources {

/// What is wrong with an Avro schema or datum; whoever reads them says where it was.
struct BadAvro {
  std::string why;
};

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
  enum class Logical {
    none,
    decimal,
    date,
    time_millis,
    time_micros,
    millis,
    micros,
    local_millis,
    local_micros
  };
  Kind kind = Kind::null;
  Logical logical = Logical::none;
  int precision = 38, scale = 0;   ///< of decimals
  size_t size = 0;                 ///< of fixed
  std::vector<std::string> names;  ///< fields of a record, symbols of an enum
  /// Fields of a record, branches of a union, the items of an array or the values of a map. Not
  /// owned: a named type may hold itself.
  std::vector<const AvroSchema*> parts;
};

/// DuckDB's name of the type that `avro_text` of such a datum is read as; empty: by its JSON.
std::string sql_type(const AvroSchema& schema);

/// A schema with all its named types.
class AvroSchemas {
 public:
  /// Throws BadAvro where the text is no schema.
  explicit AvroSchemas(const std::string& json);
  const AvroSchema& root() const { return *root_; }

 private:
  struct Reader;
  std::vector<std::unique_ptr<AvroSchema>> all_;
  const AvroSchema* root_ = nullptr;
};

}  // namespace windrow::sources
