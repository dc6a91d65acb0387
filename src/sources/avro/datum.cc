#include "sources/avro/datum.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/time.h"

namespace windrow::sources {
namespace {

using Kind = AvroSchema::Kind;
using Logical = AvroSchema::Logical;

constexpr int kDepthMax = 100;
constexpr int64_t kDay = 86'400'000'000;
constexpr int64_t kEmptyItemsMax = 1'000'000;

std::string clock_text(int64_t micros) {
  const auto seconds = micros / 1'000'000;
  return fmt::format("{:02}:{:02}:{:02}.{:06}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     micros % 1'000'000);
}

/// Times beyond what 64 bits of microseconds hold are no times that anything else could read.
int64_t times(int64_t value, int64_t factor) {
  int64_t out = 0;
  if (__builtin_mul_overflow(value, factor, &out)) throw BadAvro{"an Avro time is out of range"};
  return out;
}

std::string time_text(int64_t micros) { return iso(time_from_micros(micros)); }

std::string local_text(int64_t micros) {
  auto out = time_text(micros);
  out.pop_back();  // Z: it is of no zone
  return out;
}

/// Two's complement, most significant byte first, as decimal digits with a point.
std::string decimal_text(std::string_view bytes, int scale) {
  if (bytes.size() > 16) throw BadAvro{"an Avro decimal has more than 38 digits"};
  __int128 value = !bytes.empty() && (uint8_t(bytes[0]) & 0x80) ? -1 : 0;
  for (const char c : bytes)
    value = __int128(static_cast<unsigned __int128>(value) << 8 | uint8_t(c));
  const bool negative = value < 0;
  auto rest =
      negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  do {
    digits.insert(digits.begin(), char('0' + int(rest % 10)));
    rest /= 10;
  } while (rest > 0);
  if (scale > 0) {
    if (int(digits.size()) <= scale) digits.insert(0, size_t(scale + 1) - digits.size(), '0');
    digits.insert(digits.size() - size_t(scale), ".");
  }
  return negative ? "-" + digits : digits;
}

AvroDatum text_datum(std::string text) { return {AvroDatum::Kind::text, false, std::move(text)}; }
AvroDatum number_datum(std::string text) {
  return {AvroDatum::Kind::number, false, std::move(text)};
}

AvroDatum whole_datum(const AvroSchema& schema, int64_t value) {
  switch (schema.logical) {
    case Logical::date: return text_datum(time_text(times(value, kDay)).substr(0, 10));
    case Logical::time_millis: return text_datum(clock_text(times(value, 1000)));
    case Logical::time_micros: return text_datum(clock_text(value));
    case Logical::millis: return text_datum(time_text(times(value, 1000)));
    case Logical::micros: return text_datum(time_text(value));
    case Logical::local_millis: return text_datum(local_text(times(value, 1000)));
    case Logical::local_micros: return text_datum(local_text(value));
    default: return number_datum(std::to_string(value));
  }
}

AvroDatum real_datum(double value, bool wide) {
  if (!std::isfinite(value))
    return number_datum(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
  auto text = wide ? fmt::format("{}", value) : fmt::format("{}", float(value));
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return number_datum(std::move(text));
}

/// One datum with everything in it.
class Walk {
 public:
  Walk(AvroBytes& bytes, BadText bad, uint64_t most = 64 << 20)
      : bytes_(bytes), bad_(bad), left_(most) {}

  AvroDatum datum(const AvroSchema& schema, int depth) {
    if (depth > kDepthMax) throw BadAvro{"an Avro record is nested too deeply"};
    switch (schema.kind) {
      case Kind::null: return {};
      case Kind::boolean: return {AvroDatum::Kind::truth, bytes_.take(1)[0] != 0, {}};
      case Kind::int_:
      case Kind::long_: return whole_datum(schema, bytes_.whole());
      case Kind::float_:
      case Kind::double_: {
        const bool wide = schema.kind == Kind::double_;
        return real_datum(bytes_.real(wide), wide);
      }
      case Kind::bytes:
      case Kind::fixed: {
        const auto found = schema.kind == Kind::bytes ? bytes_.text() : bytes_.take(schema.size);
        if (schema.logical == Logical::decimal)
          return text_datum(decimal_text(found, schema.scale));
        return {AvroDatum::Kind::bytes, false, std::string(found)};
      }
      case Kind::string: return text_datum(std::string(bytes_.text()));
      case Kind::enum_: return text_datum(schema.names[which(schema.names.size(), "enum")]);
      case Kind::union_:
        return datum(*schema.parts[which(schema.parts.size(), "union")], depth + 1);
      default: return {AvroDatum::Kind::json, false, compound(schema, depth + 1)};
    }
  }

  std::string text(const AvroSchema& schema, int depth) {
    const auto found = datum(schema, depth);
    // What is compound has counted its parts.
    if (found.kind != AvroDatum::Kind::json) spend(found.text.size() + 4);
    switch (found.kind) {
      case AvroDatum::Kind::null: return "null";
      case AvroDatum::Kind::truth: return found.truth ? "true" : "false";
      case AvroDatum::Kind::text: return json_quoted(found.text, bad_);
      case AvroDatum::Kind::bytes: return '"' + base64(found.text) + '"';
      case AvroDatum::Kind::number:
        if (found.text == "nan") return "\"NaN\"";
        if (found.text == "inf") return "\"Infinity\"";
        if (found.text == "-inf") return "\"-Infinity\"";
        return found.text;
      case AvroDatum::Kind::json: return found.text;
    }
    return "null";
  }

 private:
  void spend(uint64_t bytes) {
    if (bytes > left_) throw BadAvro{"an Avro record is longer than record_bytes_max"};
    left_ -= bytes;
  }

  size_t which(size_t count, const char* kind) {
    const auto out = uint64_t(bytes_.whole());
    if (out >= count) throw BadAvro{fmt::format("an Avro {} has no choice {}", kind, out)};
    return size_t(out);
  }

  std::string compound(const AvroSchema& schema, int depth) {
    std::string out;
    spend(2);
    if (schema.kind == Kind::array) {
      for_each_item([&] { out += (out.empty() ? "" : ",") + text(*schema.parts[0], depth); });
      return "[" + out + "]";
    }
    if (schema.kind == Kind::map) {
      for_each_item([&] {
        const auto key = json_quoted(bytes_.text(), bad_);
        spend(key.size());
        out += (out.empty() ? "" : ",") + key + ":" + text(*schema.parts[0], depth);
      });
      return "{" + out + "}";
    }
    for (size_t i = 0; i < schema.parts.size(); ++i) {
      spend(schema.names[i].size());
      out +=
          (i ? "," : "") + json_quoted(schema.names[i], bad_) + ":" + text(*schema.parts[i], depth);
    }
    return "{" + out + "}";
  }

  /// Blocks of items: a count, negative where a size in bytes follows; zero ends them.
  template <typename Each>
  void for_each_item(Each each) {
    for (int64_t count = bytes_.whole(); count != 0; count = bytes_.whole()) {
      if (count < 0) {
        count = count == INT64_MIN ? INT64_MAX : -count;
        bytes_.whole();
      }
      // Items may take no bytes at all: a bound that only broken records reach.
      if (count - kEmptyItemsMax > int64_t(bytes_.size()))
        throw BadAvro{"the Avro record is cut off"};
      for (int64_t i = 0; i < count; ++i) each();
    }
  }

  AvroBytes& bytes_;
  const BadText bad_;
  uint64_t left_;  ///< bytes that the record's text may still take
};

}  // namespace

std::string_view AvroBytes::take(uint64_t size) {
  if (size > rest_.size()) throw BadAvro{"the Avro record is cut off"};
  const auto out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

int64_t AvroBytes::whole() {  // zig-zag, seven bits a byte
  uint64_t out = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = uint8_t(take(1)[0]);
    out |= uint64_t(byte & 0x7F) << shift;
    if (byte < 0x80) return int64_t(out >> 1) ^ -int64_t(out & 1);
  }
  throw BadAvro{"the Avro record has a number that does not end"};
}

std::string_view AvroBytes::text() {
  const int64_t size = whole();
  if (size < 0) throw BadAvro{"the Avro record has a text of a negative length"};
  return take(uint64_t(size));
}

double AvroBytes::real(bool wide) {
  if (wide) {
    double out = 0;
    std::memcpy(&out, take(8).data(), 8);
    return out;
  }
  float out = 0;
  std::memcpy(&out, take(4).data(), 4);
  return out;
}

std::string json_quoted(std::string_view text, BadText bad) {
  using Json = nlohmann::json;
  try {
    return Json(std::string(text))
        .dump(-1, ' ', false,
              bad == BadText::refuse ? Json::error_handler_t::strict
                                     : Json::error_handler_t::replace);
  } catch (const Json::exception&) {
    throw BadAvro{"an Avro string is not UTF-8"};
  }
}

AvroDatum avro_datum(const AvroSchema& schema, AvroBytes& bytes, BadText bad) {
  return Walk(bytes, bad).datum(schema, 0);
}

std::string avro_text(const AvroSchema& schema, AvroBytes& bytes, BadText bad, uint64_t most) {
  return Walk(bytes, bad, most).text(schema, 0);
}

}  // namespace windrow::sources
