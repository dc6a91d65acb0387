#include "quality/literal.h"

#include <fmt/format.h>

#include <cmath>

#include "duck/quoting.h"

namespace windrow::quality {

namespace {

using project::Value;

std::string number_of(const Value& value, double number) {
  if (std::isnan(number)) return "CAST('nan' AS DOUBLE)";
  if (std::isinf(number)) return number < 0 ? "CAST('-inf' AS DOUBLE)" : "CAST('inf' AS DOUBLE)";
  const std::string written = value.text();
  const bool plain = written.find_first_not_of("0123456789.eE+-") == std::string::npos;
  return plain ? written : fmt::format("{}", number);
}

std::string escaped(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (byte < 0x20)
      out += fmt::format("\\u{:04x}", unsigned(byte));
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace

std::string sql_of(const Value& value) {
  if (value.is_null()) return "NULL";
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<int64_t>(&value.data)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&value.data)) return number_of(value, *number);
  if (const auto* text = std::get_if<std::string>(&value.data)) return duck::quote_text(*text);
  std::string out;
  if (const auto* list = std::get_if<Value::List>(&value.data)) {
    for (const auto& item : *list) out += (out.empty() ? "" : ", ") + sql_of(item);
    return "[" + out + "]";
  }
  for (const auto& [key, item] : std::get<Value::Map>(value.data)) {
    out += (out.empty() ? "" : ", ") + duck::quote_text(key.value) + ": " + sql_of(item);
  }
  return "{" + out + "}";
}

std::string json_of(const Value& value) {
  if (value.is_null()) return "null";
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<int64_t>(&value.data)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&value.data)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&value.data)) return escaped(*text);
  std::string out;
  if (const auto* list = std::get_if<Value::List>(&value.data)) {
    for (const auto& item : *list) out += (out.empty() ? "" : ",") + json_of(item);
    return "[" + out + "]";
  }
  for (const auto& [key, item] : std::get<Value::Map>(value.data)) {
    out += (out.empty() ? "" : ",") + escaped(key.value) + ":" + json_of(item);
  }
  return "{" + out + "}";
}

}  // namespace windrow::quality
