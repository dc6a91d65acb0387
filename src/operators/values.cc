#include "operators/values.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace windrow::operators {

using KindOfType = columns::Type::Kind;

namespace {

template <typename T>
T read_from(const std::string& text) {
  T out{};  // that it reads was seen to where the settings were made
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace

int64_t integer_of(const columns::Settings& settings, const std::string& parameter) {
  return read_from<int64_t>(settings.text(parameter));
}

double real_of(const columns::Settings& settings, const std::string& parameter) {
  return read_from<double>(settings.text(parameter));
}

bool truth_of(const columns::Settings& settings, const std::string& parameter) {
  return settings.text(parameter) == "true";
}

bool is_whole(const columns::Type& type) {
  return type.kind == KindOfType::long_ || type.kind == KindOfType::integer ||
         type.kind == KindOfType::short_ || type.kind == KindOfType::byte;
}

bool is_number(const columns::Type& type) {
  return is_whole(type) || type.kind == KindOfType::double_ || type.kind == KindOfType::float_ ||
         type.kind == KindOfType::decimal;
}

bool is_name(const columns::Type& type) {
  return type.kind == KindOfType::string || is_whole(type);
}

NumberColumn::NumberColumn(const columns::Batch& batch, size_t column)
    : column_(batch.column(column)), kind_(batch.schema().fields[column].type.kind) {
  for (int i = 0; i < batch.schema().fields[column].type.scale; ++i) units_ *= 10;
}

double NumberColumn::at(int64_t row) const {
  switch (kind_) {
    case KindOfType::double_:
    case KindOfType::float_: return column_.real(row);
    case KindOfType::decimal: return double((long double)(column_.decimal(row)) / units_);
    default: return double(column_.integer(row));
  }
}

int32_t Names::next(size_t count) {
  if (count == size_t(std::numeric_limits<int32_t>::max()))
    throw Error(Code::unsupported, "an operator was given more than 2,147,483,647 different names");
  return int32_t(count);
}

std::string Names::json(int32_t thing) const {
  if (!texts_) return std::to_string(whole_[size_t(thing)]);
  std::string out = "\"";
  for (const char c : text_[size_t(thing)]) {
    constexpr const char* kHex = "0123456789abcdef";
    if (uint8_t(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string_view not_finite(double value) { return std::isnan(value) ? " is NaN" : " is infinite"; }

}  // namespace windrow::operators
