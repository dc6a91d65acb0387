#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/time.h"
#include "clients/deflate.h"
#include "sources/files/conversion.h"

/// Avro object container files (Apache Avro 1.11 specification, "Object Container Files" and
/// "Binary Encoding"), as JSON lines.
///
///   "Obj\1", a map of metadata (avro.schema, avro.codec), a marker of 16 bytes, then blocks:
///   number of records, length in bytes, the records packed by the codec, the marker again.
///
/// A union of null and one type is that type; other unions are whatever their value is. Logical
/// types become texts that their SQL type reads: dates, times, decimals, UUIDs. Bytes become text
/// in base64.
namespace windrow::sources {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kBlockMax = 1ull << 30;
constexpr int kDepthMax = 100;

[[noreturn]] void broken(const std::string& what) {
  throw Error(Code::corrupt, "broken Avro: " + what);
}

/// Bytes of a file or a block, read from the front.
class Bytes {
 public:
  explicit Bytes(std::string_view all) : rest_(all) {}
  std::string_view take(uint64_t count) {
    if (count > rest_.size()) broken("it ends too early");
    const auto out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }
  int64_t number() {
    uint64_t out = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      out |= uint64_t(byte & 0x7f) << (shift & 63);
      if ((byte & 0x80) == 0) return int64_t(out >> 1) ^ -int64_t(out & 1);
    }
    broken("a number has more than ten bytes");
  }
  std::string_view text() {
    const int64_t length = number();
    if (length < 0) broken("a length is negative");
    return take(uint64_t(length));
  }
  template <class T>
  T plain() {
    T out;
    std::memcpy(&out, take(sizeof out).data(), sizeof out);
    return out;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// The format_description.txt of Snappy; Avro puts a CRC of four bytes behind it.
std::string unsnapped(std::string_view packed) {
  if (packed.size() < 4) broken("a snappy block is too short");
  packed.remove_suffix(4);
  size_t at = 0;
  const auto byte = [&]() -> unsigned {
    if (at >= packed.size()) broken("a snappy block ends too early");
    return static_cast<unsigned char>(packed[at++]);
  };
  uint64_t length = 0;
  for (int shift = 0;; shift += 7) {
    const unsigned b = byte();
    length |= uint64_t(b & 0x7f) << shift;
    if ((b & 0x80) == 0) break;
    if (shift > 28) broken("a snappy block's length");
  }
  if (length > kBlockMax) broken("a snappy block is too long");
  std::string out;
  out.reserve(length);
  while (at < packed.size()) {
    const unsigned tag = byte();
    uint64_t count = 0, back = 0;
    if ((tag & 3) == 0) {
      count = (tag >> 2) + 1;
      if (count > 60) {
        const uint64_t bytes = count - 60;
        count = 0;
        for (uint64_t i = 0; i < bytes; ++i) count |= uint64_t(byte()) << (8 * i);
        ++count;
      }
      if (count > packed.size() - at) broken("a snappy block ends too early");
      out.append(packed.substr(at, count));
      at += count;
      continue;
    }
    if ((tag & 3) == 1) {
      count = ((tag >> 2) & 7) + 4;
      back = uint64_t(tag >> 5) << 8 | byte();
    } else {
      count = (tag >> 2) + 1;
      const int bytes = (tag & 3) == 2 ? 2 : 4;
      for (int i = 0; i < bytes; ++i) back |= uint64_t(byte()) << (8 * i);
    }
    if (back == 0 || back > out.size() || out.size() + count > length)
      broken("a snappy block points outside of itself");
    for (uint64_t i = 0; i < count; ++i) out += out[out.size() - back];
  }
  if (out.size() != length) broken("a snappy block has another length than it says");
  return out;
}

/// An unscaled two's complement number, most significant byte first, as decimal text.
std::string decimal_text(std::string_view bytes, int scale) {
  if (bytes.size() > 16) broken("a decimal is longer than 16 bytes");
  __int128 value = bytes.empty() ? 0 : static_cast<signed char>(bytes[0]);
  for (size_t i = 1; i < bytes.size(); ++i)
    value = value * 256 + static_cast<unsigned char>(bytes[i]);
  const bool negative = value < 0;
  auto rest =
      negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  for (; rest > 0; rest /= 10) digits.insert(digits.begin(), char('0' + int(rest % 10)));
  while (int(digits.size()) <= scale) digits.insert(digits.begin(), '0');
  if (scale > 0) digits.insert(digits.size() - size_t(scale), 1, '.');
  return (negative ? "-" : "") + digits;
}

std::string time_text(int64_t micros) {
  std::string text = iso(time_from_micros(micros));
  return text;
}

class Reader {
 public:
  explicit Reader(const Json& schema) : schema_(schema) { learn(schema); }

  Json value(Bytes& in) { return value(schema_, in, 0); }

  /// Columns whose types the schema knows better than their JSON.
  ColumnTypes types() {
    ColumnTypes out;
    for (const auto& field : schema_.value("fields", Json::array())) {
      const std::string type = sql_type(field.at("type"));
      if (!type.empty()) out[field.at("name").get<std::string>()] = type;
    }
    return out;
  }

 private:
  void learn(const Json& schema) {
    if (schema.is_array()) {
      for (const auto& each : schema) learn(each);
    } else if (schema.is_object()) {
      if (schema.contains("name") && schema.at("type").is_string()) {
        const std::string name = schema.at("name");
        named_[name] = schema;
        if (schema.contains("namespace"))
          named_[schema.at("namespace").get<std::string>() + "." + name] = schema;
      }
      for (const auto& field : schema.value("fields", Json::array())) learn(field.at("type"));
      for (const char* key : {"items", "values"}) {
        if (schema.contains(key)) learn(schema.at(key));
      }
      if (schema.contains("type") && !schema.at("type").is_string()) learn(schema.at("type"));
    }
  }

  const Json& named(const std::string& name) const {
    auto found = named_.find(name);
    if (found == named_.end() && name.find('.') != std::string::npos)
      found = named_.find(name.substr(name.rfind('.') + 1));
    if (found == named_.end()) broken("its schema has no type \"" + name + "\"");
    return found->second;
  }

  std::string sql_type(const Json& type) {
    if (type.is_array()) {
      std::string only;
      for (const auto& each : type) {
        if (each == "null") continue;
        if (!only.empty()) return {};
        only = sql_type(each);
        if (only.empty()) return {};
      }
      return only;
    }
    const std::string name = type.is_string() ? type.get<std::string>() : type.value("type", "");
    const std::string logical = type.is_object() ? type.value("logicalType", "") : "";
    if (logical == "date") return "DATE";
    if (logical == "timestamp-millis" || logical == "timestamp-micros")
      return "TIMESTAMP WITH TIME ZONE";
    if (logical == "local-timestamp-millis" || logical == "local-timestamp-micros")
      return "TIMESTAMP";
    if (logical == "decimal")
      return fmt::format("DECIMAL({},{})", type.value("precision", 38), type.value("scale", 0));
    if (name == "int" && logical.empty()) return "INTEGER";
    if (name == "long" && logical.empty()) return "BIGINT";
    if (name == "float") return "FLOAT";
    if (name == "double") return "DOUBLE";
    if (name == "boolean") return "BOOLEAN";
    if (name == "string" || name == "enum" || name == "bytes" || name == "fixed") return "VARCHAR";
    return {};
  }

  Json value(const Json& type, Bytes& in, int depth) {
    if (depth > kDepthMax) broken("it is nested too deep");
    if (type.is_array()) {
      const int64_t branch = in.number();
      if (branch < 0 || size_t(branch) >= type.size()) broken("a union has no such branch");
      return value(type[size_t(branch)], in, depth + 1);
    }
    const bool object = type.is_object();
    if (object && !type.at("type").is_string()) return value(type.at("type"), in, depth + 1);
    const std::string name = object ? type.at("type").get<std::string>() : type.get<std::string>();
    const std::string logical = object ? type.value("logicalType", "") : "";
    if (name == "null") return {};
    if (name == "boolean") return in.take(1)[0] != 0;
    if (name == "int" || name == "long") return whole(in.number(), logical);
    if (name == "float") return real(double(in.plain<float>()));
    if (name == "double") return real(in.plain<double>());
    if (name == "string") return std::string(in.text());
    if (name == "bytes") return bytes(in.text(), type, logical);
    if (name == "fixed") return bytes(in.take(type.at("size").get<uint64_t>()), type, logical);
    if (name == "enum") {
      const auto& symbols = type.at("symbols");
      const int64_t at = in.number();
      if (at < 0 || size_t(at) >= symbols.size()) broken("an enum has no such symbol");
      return symbols[size_t(at)];
    }
    if (name == "record") {
      Json out = Json::object();
      for (const auto& field : type.at("fields"))
        out[field.at("name").get<std::string>()] = value(field.at("type"), in, depth + 1);
      return out;
    }
    if (name == "array") {
      Json out = Json::array();
      blocks(in, [&] { out.push_back(value(type.at("items"), in, depth + 1)); });
      return out;
    }
    if (name == "map") {
      Json out = Json::object();
      blocks(in, [&] {
        const std::string key(in.text());
        out[key] = value(type.at("values"), in, depth + 1);
      });
      return out;
    }
    return value(named(name), in, depth + 1);
  }

  static void blocks(Bytes& in, const std::function<void()>& item) {
    for (int64_t count = in.number(); count != 0; count = in.number()) {
      if (count < 0) {
        count = -count;
        in.number();  // bytes of the block
      }
      for (int64_t i = 0; i < count; ++i) item();
    }
  }

  static Json whole(int64_t number, const std::string& logical) {
    if (logical == "date") return time_text(number * 86'400'000'000).substr(0, 10);
    if (logical == "timestamp-millis") return time_text(number * 1000);
    if (logical == "timestamp-micros") return time_text(number);
    if (logical.starts_with("local-timestamp")) {
      std::string text = time_text(logical.ends_with("millis") ? number * 1000 : number);
      text.pop_back();  // Z: it is of no zone
      return text;
    }
    return number;
  }
  static Json real(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
    return number;
  }
  static Json bytes(std::string_view bytes, const Json& type, const std::string& logical) {
    if (logical == "decimal") return decimal_text(bytes, type.value("scale", 0));
    return base64(bytes);
  }

  const Json& schema_;
  std::map<std::string, Json> named_;
};

class Container {
 public:
  explicit Container(const std::string& path) : in_(path, std::ios::binary) {
    if (!in_) throw Error(Code::permission, "cannot read file \"" + path + "\"");
    if (bytes(4) != std::string("Obj\1", 4)) broken("it does not begin as an Avro file");
    for (int64_t count = number(); count != 0; count = number()) {
      if (count < 0) {
        count = -count;
        number();
      }
      for (int64_t i = 0; i < count; ++i) {
        const std::string key = bytes(length());
        meta_[key] = bytes(length());
      }
    }
    marker_ = bytes(16);
  }

  const std::string& meta(const std::string& key) { return meta_[key]; }

  /// The next block, unpacked, and how many records it holds.
  bool next(std::string& block, int64_t& records) {
    if (in_.peek() == std::ifstream::traits_type::eof()) return false;
    records = number();
    const std::string packed = bytes(length());
    if (bytes(16) != marker_) broken("a block does not end with the file's marker");
    const std::string& codec = meta_["avro.codec"];
    if (codec.empty() || codec == "null")
      block = packed;
    else if (codec == "deflate")
      block = clients::inflated(packed, kBlockMax);
    else if (codec == "snappy")
      block = unsnapped(packed);
    else
      throw Error(Code::unsupported, "Avro files packed by \"" + codec + "\" are not read",
                  "null, deflate and snappy are");
    return true;
  }

 private:
  std::string bytes(uint64_t count) {
    if (count > kBlockMax) broken("a length is too long");
    std::string out(count, '\0');
    in_.read(out.data(), std::streamsize(count));
    if (uint64_t(in_.gcount()) != count) broken("it ends too early");
    return out;
  }
  int64_t number() {
    std::string all;
    do {
      all += bytes(1);
    } while ((all.back() & 0x80) != 0 && all.size() < 10);
    return Bytes(all).number();
  }
  uint64_t length() {
    const int64_t out = number();
    if (out < 0) broken("a length is negative");
    return uint64_t(out);
  }

  std::ifstream in_;
  std::map<std::string, std::string> meta_;
  std::string marker_;
};

}  // namespace

ColumnTypes avro_to_json_lines(const std::string& from, const std::string& to) {
  try {
    Container file(from);
    const Json schema = Json::parse(file.meta("avro.schema"));
    Reader reader(schema);
    std::ofstream out(to, std::ios::binary | std::ios::trunc);
    std::string block;
    int64_t records = 0;
    while (file.next(block, records)) {
      Bytes bytes(block);
      for (int64_t i = 0; i < records; ++i) {
        Json record = reader.value(bytes);
        if (!record.is_object()) record = Json{{"value", record}};
        out << record.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
      }
      if (!bytes.empty()) broken("a block is longer than its records");
    }
    out.close();
    if (!out) throw system_error(errno, "write", to);
    return reader.types();
  } catch (const Json::exception& error) {
    broken(std::string("its schema: ") + error.what());
  }
}

}  // namespace windrow::sources
