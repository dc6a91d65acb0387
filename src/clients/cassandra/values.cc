#include "clients/cassandra/values.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/hash.h"
#include "base/time.h"

namespace windrow::clients::cassandra {

namespace {

constexpr int64_t kDayNanoseconds = 86400LL * 1000000000;

[[noreturn]] void unreadable(const Type& type, std::string_view text) {
  throw Error(Code::data, fmt::format("\"{}\" is not a value of the type {}", text, type.text()));
}

template <typename T>
T number_of(const Type& type, std::string_view text) {
  T out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) unreadable(type, text);
  return out;
}

template <typename T>
std::string packed(T value) {
  std::string out;
  put_big_endian(out, value);
  return out;
}

std::string bytes_of_hex(const Type& type, std::string_view digits) {
  if (digits.size() % 2 != 0) unreadable(type, digits);
  std::string out;
  for (size_t i = 0; i < digits.size(); i += 2) {
    unsigned byte = 0;
    const char* at = digits.data() + i;
    const auto [end, error] = std::from_chars(at, at + 2, byte, 16);
    if (error != std::errc() || end != at + 2) unreadable(type, digits);
    out += char(byte);
  }
  return out;
}

std::string uuid_bytes(const Type& type, std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != '-') digits += c;
  if (digits.size() != 32) unreadable(type, text);
  return bytes_of_hex(type, digits);
}

std::string inet_bytes(const Type& type, const std::string& text) {
  char bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return {bytes, 4};
  if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return {bytes, 16};
  unreadable(type, text);
}

int64_t time_of_day(const Type& type, std::string_view text) {
  if (text.size() < 8 || text[2] != ':' || text[5] != ':') unreadable(type, text);
  int64_t out =
      (number_of<int>(type, text.substr(0, 2)) * 60 + number_of<int>(type, text.substr(3, 2))) *
          60 +
      number_of<int>(type, text.substr(6, 2));
  std::string fraction(text.size() > 9 ? text.substr(9) : "");
  fraction.resize(9, '0');
  return out * 1000000000 + number_of<int64_t>(type, fraction);
}

Time parsed_time(const Type& type, std::string_view text) {
  const auto time = parse_time(std::string(text));
  if (!time) unreadable(type, text);
  return *time;
}

/// Vints as of section 3: the number of leading ones is the number of further bytes.
void put_vint(std::string& out, int64_t value) {
  const auto zigzag = uint64_t(value) << 1 ^ uint64_t(value >> 63);
  const int bits = std::max(1, 64 - std::countl_zero(zigzag));
  const int further = std::min(8, (bits - 1) / 7);
  uint64_t first = further == 8 ? 0 : zigzag >> (8 * further);
  first |= 0xFF & ~(0xFFULL >> further);
  out += char(first);
  for (int i = further; i-- > 0;) out += char(zigzag >> (8 * i));
}
int64_t take_vint(WireReader& in) {
  const auto first = in.number<uint8_t>();
  const int further = std::countl_one(first);
  uint64_t zigzag = further >= 8 ? 0 : first & (0xFF >> further);
  for (int i = 0; i < further; ++i) zigzag = zigzag << 8 | in.number<uint8_t>();
  return int64_t(zigzag >> 1 ^ (~(zigzag & 1) + 1));
}

std::string quoted(const Type& type, std::string_view bytes) {
  const std::string text = to_text(type, bytes);
  if (type.kind != Kind::text && type.kind != Kind::ascii) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

std::string element_text(const Type& type, WireReader& in) {
  bool null = false;
  const auto bytes = in.bytes(null);
  return null ? "null" : quoted(type, bytes);
}

std::string collection_text(const Type& type, std::string_view bytes) {
  WireReader in(bytes);
  const bool map = type.kind == Kind::map;
  std::string out;
  const auto count = in.number<int32_t>();
  for (int32_t i = 0; i < count; ++i) {
    if (i > 0) out += ", ";
    out += element_text(type.of[0], in);
    if (map) out += ": " + element_text(type.of[1], in);
  }
  return (type.kind == Kind::list ? "[" : "{") + out + (type.kind == Kind::list ? "]" : "}");
}

std::string fields_text(const Type& type, std::string_view bytes) {
  WireReader in(bytes);
  std::string out;
  for (size_t i = 0; i < type.of.size() && !in.empty(); ++i) {
    if (i > 0) out += ", ";
    if (type.kind == Kind::udt) out += type.fields[i] + ": ";
    out += element_text(type.of[i], in);
  }
  return (type.kind == Kind::udt ? "{" : "(") + out + (type.kind == Kind::udt ? "}" : ")");
}

std::string decimal_text(std::string_view bytes) {
  WireReader in(bytes);
  const auto scale = in.number<int32_t>();
  std::string digits = varint_text(bytes.substr(4));
  if (scale <= 0) return scale == 0 ? digits : fmt::format("{}E+{}", digits, -scale);
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  if (digits.size() <= size_t(scale)) digits.insert(0, size_t(scale) + 1 - digits.size(), '0');
  digits.insert(digits.size() - size_t(scale), ".");
  return (negative ? "-" : "") + digits;
}

std::string uuid_text(std::string_view bytes) {
  std::string out = hexadecimal(bytes);
  for (const size_t at : {20, 16, 12, 8})
    if (out.size() > at) out.insert(at, "-");
  return out;
}

}  // namespace

void Values::clear() {
  wire_.clear();
  ends_.clear();
}
void Values::null() {
  put_big_endian(wire_, int32_t(-1));
  ends_.push_back(uint32_t(wire_.size()));
}
void Values::unset() {
  put_big_endian(wire_, int32_t(-2));
  ends_.push_back(uint32_t(wire_.size()));
}
void Values::bytes(std::string_view value) {
  put_bytes(wire_, value);
  ends_.push_back(uint32_t(wire_.size()));
}
std::string& Values::begin(size_t size) {
  put_big_endian(wire_, int32_t(size));
  ends_.push_back(uint32_t(wire_.size() + size));
  return wire_;
}
void Values::real(double value) { integer(std::bit_cast<int64_t>(value)); }
void Values::real(float value) { integer(std::bit_cast<int32_t>(value)); }

std::string_view Values::at(size_t index, bool* null) const {
  const size_t begin = index == 0 ? 0 : ends_[index - 1];
  const auto size = big_endian<int32_t>(wire_.data() + begin);
  if (null) *null = size < 0;
  return size < 0 ? std::string_view() : std::string_view(wire_).substr(begin + 4, size_t(size));
}

std::string varint_bytes(std::string_view digits) {
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() ||
      !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    unreadable({Kind::varint, "", {}, {}}, digits);
  std::string out(1, '\0');  // the least byte first
  for (const char digit : digits) {
    int carry = digit - '0';
    for (auto& byte : out) {
      carry += uint8_t(byte) * 10;
      byte = char(carry);
      carry >>= 8;
    }
    if (carry > 0) out += char(carry);
  }
  if (negative) {
    int carry = 1;
    out += '\0';
    for (auto& byte : out) {
      carry += uint8_t(~byte);
      byte = char(carry);
      carry >>= 8;
    }
  } else if (uint8_t(out.back()) & 0x80) {
    out += '\0';
  }
  // A byte that only repeats the sign of the one below it goes.
  while (out.size() > 1 && uint8_t(out.back()) == (uint8_t(out[out.size() - 2]) & 0x80 ? 0xFF : 0))
    out.pop_back();
  std::reverse(out.begin(), out.end());
  return out;
}

std::string varint_text(std::string_view bytes) {
  if (bytes.empty()) return "";
  const bool negative = (uint8_t(bytes[0]) & 0x80) != 0;
  std::string magnitude(bytes);
  if (negative) {
    int carry = 1;
    for (size_t i = magnitude.size(); i-- > 0;) {
      carry += uint8_t(~magnitude[i]);
      magnitude[i] = char(carry);
      carry >>= 8;
    }
  }
  std::string digits = "0";  // the last one first
  for (const char byte : magnitude) {
    int carry = uint8_t(byte);
    for (auto& digit : digits) {
      carry += (digit - '0') * 256;
      digit = char('0' + carry % 10);
      carry /= 10;
    }
    for (; carry > 0; carry /= 10) digits += char('0' + carry % 10);
  }
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string decimal_bytes(std::string_view text) {
  const Type type{Kind::decimal, "", {}, {}};
  const size_t e = text.find_first_of("eE");
  int64_t scale = 0;
  if (e != std::string_view::npos) {
    auto power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    scale = -number_of<int32_t>(type, power);
  }
  std::string digits(text.substr(0, e));
  if (const size_t point = digits.find('.'); point != std::string::npos) {
    scale += int64_t(digits.size() - point - 1);
    digits.erase(point, 1);
  }
  return packed(int32_t(scale)) + varint_bytes(digits);
}

std::string duration_bytes(int32_t months, int32_t days, int64_t nanoseconds) {
  std::string out;
  put_vint(out, months);
  put_vint(out, days);
  put_vint(out, nanoseconds);
  return out;
}

std::string from_text(const Type& type, std::string_view text) {
  switch (type.kind) {
    case Kind::text:
    case Kind::ascii: return std::string(text);
    case Kind::tinyint: return packed(number_of<int8_t>(type, text));
    case Kind::smallint: return packed(number_of<int16_t>(type, text));
    case Kind::int_: return packed(number_of<int32_t>(type, text));
    case Kind::bigint:
    case Kind::counter: return packed(number_of<int64_t>(type, text));
    case Kind::double_: return packed(std::bit_cast<int64_t>(number_of<double>(type, text)));
    case Kind::float_: return packed(std::bit_cast<int32_t>(number_of<float>(type, text)));
    case Kind::boolean:
      if (text != "true" && text != "false") unreadable(type, text);
      return text == "true" ? std::string("\1") : std::string("\0", 1);
    case Kind::varint: return varint_bytes(text);
    case Kind::decimal: return decimal_bytes(text);
    case Kind::uuid:
    case Kind::timeuuid: return uuid_bytes(type, text);
    case Kind::inet: return inet_bytes(type, std::string(text));
    case Kind::blob:
      if (!text.starts_with("0x")) unreadable(type, text);
      return bytes_of_hex(type, text.substr(2));
    case Kind::time: return packed(time_of_day(type, text));
    case Kind::timestamp:
      return packed(std::chrono::floor<std::chrono::milliseconds>(parsed_time(type, text))
                        .time_since_epoch()
                        .count());
    case Kind::date:
      return packed(
          date_value(int32_t(std::chrono::floor<std::chrono::days>(parsed_time(type, text))
                                 .time_since_epoch()
                                 .count())));
    default:
      throw Error(Code::unsupported,
                  "values of the type " + type.text() + " are not written from text");
  }
}

std::string to_text(const Type& type, std::string_view bytes) {
  WireReader in(bytes);
  switch (type.kind) {
    case Kind::text:
    case Kind::ascii: return std::string(bytes);
    case Kind::tinyint: return std::to_string(in.number<int8_t>());
    case Kind::smallint: return std::to_string(in.number<int16_t>());
    case Kind::int_: return std::to_string(in.number<int32_t>());
    case Kind::bigint:
    case Kind::counter: return std::to_string(in.number<int64_t>());
    case Kind::double_: return fmt::format("{}", std::bit_cast<double>(in.number<int64_t>()));
    case Kind::float_: return fmt::format("{}", std::bit_cast<float>(in.number<int32_t>()));
    case Kind::boolean: return in.number<uint8_t>() != 0 ? "true" : "false";
    case Kind::varint: return varint_text(bytes);
    case Kind::decimal: return decimal_text(bytes);
    case Kind::uuid:
    case Kind::timeuuid: return uuid_text(bytes);
    case Kind::inet: {
      char text[INET6_ADDRSTRLEN] = {};
      inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
      return text;
    }
    case Kind::time: {
      const auto all = in.number<int64_t>() % kDayNanoseconds;
      const auto seconds = all / 1000000000;
      return fmt::format("{:02}:{:02}:{:02}.{:09}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                         all % 1000000000);
    }
    case Kind::timestamp: return iso(time_from_micros(in.number<int64_t>() * 1000));
    case Kind::date: {
      const auto days = int64_t(in.number<uint32_t>()) - (1LL << 31);
      return iso(time_from_micros(days * 86400 * 1000000)).substr(0, 10);
    }
    case Kind::duration: {
      const auto months = take_vint(in), days = take_vint(in), nanoseconds = take_vint(in);
      return fmt::format("{}mo{}d{}ns", months, days, nanoseconds);
    }
    case Kind::list:
    case Kind::set:
    case Kind::map: return collection_text(type, bytes);
    case Kind::tuple:
    case Kind::udt: return fields_text(type, bytes);
    case Kind::blob:
    case Kind::custom: break;
  }
  return "0x" + hexadecimal(bytes);
}

}  // namespace windrow::clients::cassandra
