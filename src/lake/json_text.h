#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Writing JSON text: the log is written much more often than anything else here, and only a few
/// shapes of it.
namespace windrow::lake {

/// `text` between quotes, escaped. Bytes that are not UTF-8 become U+FFFD, so that the log stays
/// readable.
std::string json_quoted(std::string_view text);

/// Builds one object or array, field by field, in the order of the calls.
///   JsonWriter w; w.begin_object().field("a",
///   1).key("b").begin_array().value("x").end_array().end_object();
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text) { return raw(json_quoted(text)); }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  template <std::integral Integer>
  JsonWriter& value(Integer number) {
    return raw(std::to_string(number));
  }
  JsonWriter& value(double number);
  JsonWriter& value(const std::vector<std::string>& texts);
  JsonWriter& value(const std::map<std::string, std::string>& texts);
  JsonWriter& null() { return raw("null"); }
  /// JSON text as it is. Line breaks outside of strings become blanks: an action is one line.
  JsonWriter& raw(std::string_view json);

  template <typename Value>
  JsonWriter& field(std::string_view name, const Value& v) {
    return key(name).value(v);
  }
  JsonWriter& raw_field(std::string_view name, std::string_view json) {
    return key(name).raw(json);
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string text_;
  bool first_ = true;  // nothing written yet on this level
  bool after_key_ = false;
};

/// The JSON text with every number of more than 15 digits as a string, so that a reader that knows
/// doubles and 64 bits only keeps all of its digits. What is no JSON stays what it is.
std::string long_numbers_quoted(std::string_view json);

}  // namespace windrow::lake
