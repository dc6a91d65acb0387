#include "publish/postgres/binary_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace windrow::publish {

namespace {

using duck::Physical;
using duck::Vector;
using Kind = PostgresType::Kind;
using Wide = unsigned __int128;

// PostgreSQL counts from 2000-01-01, DuckDB from 1970-01-01.
constexpr int32_t kDays = 10957;
constexpr int64_t kMicros = 946684800000000;
constexpr int32_t kFirstDay = -2451545;  // 4714-11-24 BC
constexpr int32_t kLastDay = 2145031948;
constexpr int64_t kFirstMicro = -211813488000000000;
constexpr int64_t kLastMicro = 9223371331199999999;

template <typename T>
T swapped(T value) {
  if constexpr (sizeof(T) == 2) return T(__builtin_bswap16(uint16_t(value)));
  if constexpr (sizeof(T) == 4) return T(__builtin_bswap32(uint32_t(value)));
  if constexpr (sizeof(T) == 8) return T(__builtin_bswap64(uint64_t(value)));
}

constexpr std::array<uint32_t, 5> kTens = {1, 10, 100, 1000, 10000};

/// A numeric value taken apart: groups of four decimal digits, the first `whole` of them before the
/// point.
struct Groups {
  std::array<int16_t, 24> digits;  // 38 digits, split at the point: at most 11
  int count = 0, whole = 0;
};

template <typename U>
Groups groups_of(U value, int scale) {
  // From the end: a last group of fewer than four digits is filled up.
  std::array<int16_t, 24> backwards;
  int count = 0, fraction = 0;
  if (const int odd = scale % 4; odd != 0) {
    backwards[size_t(count++)] =
        int16_t(uint32_t(value % kTens[size_t(odd)]) * kTens[size_t(4 - odd)]);
    value /= kTens[size_t(odd)];
    ++fraction;
  }
  for (int i = 0; i < scale / 4; ++i) {
    backwards[size_t(count++)] = int16_t(value % 10000);
    value /= 10000;
    ++fraction;
  }
  while (value != 0) {
    backwards[size_t(count++)] = int16_t(value % 10000);
    value /= 10000;
  }
  Groups out;
  out.whole = count - fraction;
  int last = 0;
  while (last < count && backwards[size_t(last)] == 0) ++last;  // zeros at the end
  for (int i = count; i-- > last;) out.digits[size_t(out.count++)] = backwards[size_t(i)];
  return out;
}

void put_numeric(const int16_t* digits, int count, int weight, uint16_t sign, int scale,
                 Bytes& out) {
  while (count > 0 && *digits == 0) {
    ++digits;
    --count;
    --weight;
  }
  out.big_endian(int32_t(8 + 2 * count));
  out.big_endian(int16_t(count));
  out.big_endian(int16_t(count == 0 ? 0 : weight));
  out.big_endian(int16_t(count == 0 && sign == 0x4000 ? 0 : sign));
  out.big_endian(int16_t(scale));
  for (int i = 0; i < count; ++i) out.big_endian(digits[i]);
}

}  // namespace

template <typename T>
void Bytes::big_endian(T value) {
  const T turned = swapped(value);
  std::memcpy(room(sizeof turned), &turned, sizeof turned);
  taken(sizeof turned);
}

void Bytes::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
  taken(bytes.size());
}

void Bytes::grow(size_t size) {
  capacity_ = std::max(capacity_ * 2, used_ + size + 4096);
  std::unique_ptr<char[]> larger(new char[capacity_]);
  if (used_ > 0) std::memcpy(larger.get(), data_.get(), used_);
  data_ = std::move(larger);
}

BinaryRows::BinaryRows(std::string view, std::vector<Column> columns)
    : view_(std::move(view)), columns_(std::move(columns)) {}

std::string_view BinaryRows::header() {
  static constexpr char kHeader[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
  return {kHeader, 19};
}
std::string_view BinaryRows::trailer() { return {"\377\377", 2}; }

void BinaryRows::refuse(size_t column, const std::string& why) const {
  throw Error(Code::data, fmt::format("view \"{}\", column \"{}\", row {}: {}", view_,
                                      columns_[column].name, rows_ + 1, why));
}

void BinaryRows::write(size_t rows, const std::vector<Vector>& vectors, Bytes& out) {
  for (size_t row = 0; row < rows; ++row) {
    out.big_endian(int16_t(columns_.size()));
    for (size_t column = 0; column < columns_.size(); ++column)
      field(column, vectors[column], row, out);
    ++rows_;
  }
}

void BinaryRows::field(size_t column, const Vector& vector, size_t row, Bytes& out) const {
  if (vector.null(row)) {
    out.big_endian(int32_t(-1));
  } else if (columns_[column].type.array) {
    array(column, vector, row, out);
  } else {
    value(column, vector, row, out);
  }
}

void BinaryRows::value(size_t column, const Vector& vector, size_t row, Bytes& out) const {
  switch (columns_[column].type.kind) {
    case Kind::boolean:
      out.big_endian(int32_t(1));
      out.append(vector.at<bool>(row) ? std::string_view("\1", 1) : std::string_view("\0", 1));
      return;
    case Kind::int2:
      out.big_endian(int32_t(2));
      out.big_endian(vector.at<int16_t>(row));
      return;
    case Kind::int4:
    case Kind::float4:
      out.big_endian(int32_t(4));
      out.big_endian(vector.at<int32_t>(row));
      return;
    case Kind::int8:
    case Kind::float8:
    case Kind::time:
      out.big_endian(int32_t(8));
      out.big_endian(vector.at<int64_t>(row));
      return;
    case Kind::text:
    case Kind::json: {
      const auto text = vector.text(row);
      if (std::memchr(text.data(), 0, text.size()))
        refuse(column, "the text holds the character NUL, which PostgreSQL does not take");
      out.big_endian(int32_t(text.size()));
      out.append(text);
      return;
    }
    case Kind::jsonb: {
      const auto text = vector.text(row);
      out.big_endian(int32_t(text.size() + 1));
      out.append(std::string_view("\1", 1));  // the version of its form
      out.append(text);
      return;
    }
    case Kind::bytea: {
      const auto text = vector.text(row);
      out.big_endian(int32_t(text.size()));
      out.append(text);
      return;
    }
    case Kind::date: return date(column, vector.at<int32_t>(row), out);
    case Kind::timestamp:
    case Kind::timestamptz: return moment(column, vector.at<int64_t>(row), out);
    case Kind::interval: {
      const auto length = vector.at<duck::IntervalValue>(row);
      out.big_endian(int32_t(16));
      out.big_endian(length.micros);
      out.big_endian(length.days);
      out.big_endian(length.months);
      return;
    }
    case Kind::uuid: {
      // Kept with the first bit turned, so that it sorts as a signed number.
      const Wide bits = Wide(vector.at<__int128>(row)) ^ (Wide(1) << 127);
      out.big_endian(int32_t(16));
      out.big_endian(uint64_t(bits >> 64));
      out.big_endian(uint64_t(bits));
      return;
    }
    case Kind::numeric: numeric(column, vector, row, out); return;
  }
}

void BinaryRows::date(size_t column, int32_t days, Bytes& out) const {
  out.big_endian(int32_t(4));
  if (days == INT32_MAX || days == -INT32_MAX) {
    out.big_endian(days == INT32_MAX ? INT32_MAX : INT32_MIN);
    return;
  }
  if (int64_t(days) - kDays < kFirstDay || int64_t(days) - kDays > kLastDay)
    refuse(column, "the date is beyond those that PostgreSQL knows");
  out.big_endian(int32_t(days - kDays));
}

void BinaryRows::moment(size_t column, int64_t at, Bytes& out) const {
  out.big_endian(int32_t(8));
  if (at == INT64_MAX || at == -INT64_MAX) {
    out.big_endian(at == INT64_MAX ? INT64_MAX : INT64_MIN);
    return;
  }
  if (at < kFirstMicro + kMicros || at - kMicros > kLastMicro)
    refuse(column, "the time is beyond those that PostgreSQL knows");
  out.big_endian(int64_t(at - kMicros));
}

void BinaryRows::array(size_t column, const Vector& vector, size_t row, Bytes& out) const {
  const auto entry = vector.at<duck::ListEntry>(row);
  const size_t begin = out.size();
  out.big_endian(int32_t(0));                          // the size, known at the end
  out.big_endian(int32_t(entry.length == 0 ? 0 : 1));  // dimensions
  bool nulls = false;
  for (uint64_t i = 0; i < entry.length; ++i) nulls |= vector.child->null(entry.offset + i);
  out.big_endian(int32_t(nulls ? 1 : 0));
  out.big_endian(int32_t(columns_[column].type.element_oid()));
  if (entry.length > 0) {
    out.big_endian(int32_t(entry.length));
    out.big_endian(int32_t(1));  // the first index
  }
  for (uint64_t i = 0; i < entry.length; ++i) {
    if (vector.child->null(entry.offset + i)) {
      out.big_endian(int32_t(-1));
    } else {
      value(column, *vector.child, entry.offset + i, out);
    }
  }
  const int32_t size = swapped(int32_t(out.size() - begin - 4));
  std::memcpy(out.at(begin), &size, sizeof size);
}

void BinaryRows::numeric(size_t column, const Vector& vector, size_t row, Bytes& out) const {
  const int scale = columns_[column].scale;
  const auto put = [&](auto groups, bool negative) {
    put_numeric(groups.digits.data(), groups.count, groups.whole - 1, negative ? 0x4000 : 0, scale,
                out);
  };
  const auto small = [&](int64_t value) {
    const uint64_t size = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
    put(groups_of(size, scale), value < 0);
  };
  switch (vector.physical) {
    case Physical::int16: small(vector.at<int16_t>(row)); return;
    case Physical::int32: small(vector.at<int32_t>(row)); return;
    case Physical::int64: small(vector.at<int64_t>(row)); return;
    case Physical::int128: {
      const auto value = vector.at<__int128>(row);
      put(groups_of(value < 0 ? 0 - Wide(value) : Wide(value), scale), value < 0);
      return;
    }
    default: numeric_text(column, vector.text(row), out);
  }
}

/// `-12.5e+20`, `NaN`, `inf`: what DuckDB writes for a DOUBLE or a HUGEINT, and what people write.
void BinaryRows::numeric_text(size_t column, std::string_view text, Bytes& out) const {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  std::string lower(rest);
  for (char& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "nan") return put_numeric(nullptr, 0, 0, 0xC000, 0, out);
  if (lower == "inf" || lower == "infinity")
    return put_numeric(nullptr, 0, 0, negative ? 0xF000 : 0xD000, 0, out);
  int exponent = 0;
  if (const size_t e = lower.find('e'); e != std::string::npos) {
    std::string_view digits = std::string_view(lower).substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (end.ec != std::errc() || end.ptr != digits.data() + digits.size())
      refuse(column, fmt::format("\"{}\" is no number", text));
    lower.resize(e);
  }
  std::string digits;
  int scale = 0;
  bool point = false;
  for (const char c : lower) {
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      digits += c;
      scale += point;
    } else {
      refuse(column, fmt::format("\"{}\" is no number", text));
    }
  }
  if (digits.empty()) refuse(column, fmt::format("\"{}\" is no number", text));
  scale -= exponent;
  if (scale > 16000 || scale < -130000) refuse(column, fmt::format("\"{}\" is too large", text));
  if (scale < 0) {
    digits.append(size_t(-scale), '0');
    scale = 0;
  }
  if (digits.size() < size_t(scale)) digits.insert(0, size_t(scale) - digits.size(), '0');
  const size_t before = (4 - (digits.size() - size_t(scale)) % 4) % 4;
  digits.insert(0, before, '0');
  const int whole = int((digits.size() - size_t(scale)) / 4);
  digits.append((4 - digits.size() % 4) % 4, '0');
  std::vector<int16_t> groups;
  for (size_t i = 0; i < digits.size(); i += 4) {
    groups.push_back(int16_t((digits[i] - '0') * 1000 + (digits[i + 1] - '0') * 100 +
                             (digits[i + 2] - '0') * 10 + (digits[i + 3] - '0')));
  }
  while (!groups.empty() && groups.back() == 0) groups.pop_back();
  put_numeric(groups.data(), int(groups.size()), whole - 1, negative ? 0x4000 : 0, scale, out);
}

}  // namespace windrow::publish
