#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rows.h"
#include "clients/cassandra/wire.h"

/// Types of Cassandra and the bytes of their values (native_protocol_v5.spec, section 6).
namespace windrow::clients::cassandra {

/// Numbers as they are on the wire.
enum class Kind : uint16_t {
  custom = 0x00,
  ascii = 0x01,
  bigint = 0x02,
  blob = 0x03,
  boolean = 0x04,
  counter = 0x05,
  decimal = 0x06,
  double_ = 0x07,
  float_ = 0x08,
  int_ = 0x09,
  timestamp = 0x0B,
  uuid = 0x0C,
  text = 0x0D,
  varint = 0x0E,
  timeuuid = 0x0F,
  inet = 0x10,
  date = 0x11,
  time = 0x12,
  smallint = 0x13,
  tinyint = 0x14,
  duration = 0x15,
  list = 0x20,
  map = 0x21,
  set = 0x22,
  udt = 0x30,
  tuple = 0x31
};

struct Type {
  Kind kind = Kind::text;
  std::string name;                 ///< of custom: the class; of udt: its name
  std::vector<Type> of;             ///< elements, key and value, fields
  std::vector<std::string> fields;  ///< of udt
  std::string text() const;         ///< as CQL writes it
};

struct Column {
  std::string keyspace, table, name;
  Type type;
};

Type read_type(WireReader& in);
/// From CQL, also with `frozen<…>`; Error(configuration) where it does not read.
Type parse_type(std::string_view cql);

/// Values that go with a statement, in the order of its markers, as they are on the wire. Kept and
/// used again for many rows.
class Values {
 public:
  void clear();
  void null();   ///< removes what is there
  void unset();  ///< leaves what is there
  void bytes(std::string_view value);
  void boolean(bool value) { bytes({value ? "\1" : "\0", 1}); }
  template <typename T>
  void integer(T value) {
    put_big_endian(begin(sizeof(T)), value);
  }
  void real(double value);
  void real(float value);
  void text(std::string_view value) { bytes(value); }

  size_t count() const { return ends_.size(); }
  std::string_view wire() const { return wire_; }
  /// The bytes of the value at this place; empty for null and unset, `null` says so.
  std::string_view at(size_t index, bool* null = nullptr) const;

 private:
  /// Room for a value of a known size.
  std::string& begin(size_t size);
  std::string wire_;
  std::vector<uint32_t> ends_;
};

/// Big numbers of any length from their decimal digits, two's complement, as few bytes as do.
std::string varint_bytes(std::string_view digits);
std::string varint_text(std::string_view bytes);
/// `-12.340`, `1.5E+7`: scale and unscaled number.
std::string decimal_bytes(std::string_view text);
std::string duration_bytes(int32_t months, int32_t days, int64_t nanoseconds);
/// Days since 1970 as Cassandra counts them.
inline uint32_t date_value(int32_t days) { return uint32_t(days) + (1U << 31); }
/// A value of a type that is not a collection from its text form (uuid, inet, numbers, ISO dates,
/// times `HH:MM:SS.fffffffff`, timestamps as milliseconds or ISO, blobs as `0x…`); Error(data)
/// where it does not read.
std::string from_text(const Type& type, std::string_view text);
/// Any value in words, for people and tests: collections as CQL literals.
std::string to_text(const Type& type, std::string_view bytes);

}  // namespace windrow::clients::cassandra
