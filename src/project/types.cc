#include "project/types.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/interval.h"
#include "base/nearest.h"
#include "base/text.h"
#include "project/keys.h"
#include "project/names.h"

namespace windrow::project {
namespace {

Shape text_shape(std::string name, std::string expected, std::string pattern = {}) {
  Shape shape;
  shape.form = Shape::Form::text;
  shape.name = std::move(name);
  shape.expected = std::move(expected);
  shape.pattern = std::move(pattern);
  return shape;
}

Shape plain_shape(Shape::Form form, std::string name, std::string expected) {
  Shape shape;
  shape.form = form;
  shape.name = std::move(name);
  shape.expected = std::move(expected);
  return shape;
}

/// A type that is read from a scalar's text by a function that gives nothing where it does not fit.
template <class M, class Parse>
Type<M> parsed_type(Shape shape, Parse parse) {
  Type<M> out;
  out.shape = shape;
  out.read = [what = shape.expected, parse](const Node& node, Reading& reading, M& value) {
    auto text = reading.text(node, what);
    if (!text) return false;
    std::optional<M> parsed = parse(*text, reading);
    if (!parsed) {
      reading.expected(node, what);
      return false;
    }
    value = std::move(*parsed);
    return true;
  };
  return out;
}

template <class N>
std::optional<N> parse_number(std::string_view text) {
  N number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::string> text_of(const Node& node, Reading& reading, std::string_view what) {
  auto text = reading.text(node, what);
  if (!text && reading.lenient && node.kind == Node::Kind::scalar) return node.text;
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

Type<std::string> text_type() {
  Type<std::string> out;
  out.shape = text_shape("text", "a text");
  out.read = [](const Node& node, Reading& reading, std::string& value) {
    auto text = text_of(node, reading, "a text");
    if (text) value = std::move(*text);
    return text.has_value();
  };
  return out;
}

Type<Text> placed_text_type() {
  Type<Text> out;
  out.shape = text_shape("text", "a text");
  out.read = [](const Node& node, Reading& reading, Text& value) {
    auto text = text_of(node, reading, "a text");
    if (!text) return false;
    value = {std::move(*text), reading.place(node), {}};
    if (value.value != node.text) value.written = node.text;
    return true;
  };
  return out;
}

Type<Text> sql_type() {
  auto out = placed_text_type();
  out.shape.name = "SQL";
  out.shape.expected = "a SQL text";
  out.read = [read = out.read](const Node& node, Reading& reading, Text& value) {
    if (!read(node, reading, value)) return false;
    value.place = reading.content_place(node);
    if (value.value.find_first_not_of(" \t\n") != std::string::npos) return true;
    reading.expected(node, "a SQL text");
    return false;
  };
  return out;
}

namespace {

/// Byte `at` of a scalar's text, in the file: exact where nothing was filled in or unescaped.
Place inside(const Place& begin, std::string_view text, size_t at) {
  Place place = begin;
  size_t line = 0;
  for (size_t i = 0; i < std::min(at, text.size()); ++i) {
    if (text[i] != '\n') continue;
    ++place.line;
    line = i + 1;
  }
  place.column += int(std::min(at, text.size()) - line);
  return place;
}

bool calls_macro(std::string_view text, const duck::Breach& breach, const Reading& reading) {
  if (!breach.position || reading.macros.empty()) return false;
  const auto from = text.substr(std::min(*breach.position, text.size()));
  const auto is_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  const auto end = std::find_if_not(from.begin(), from.end(), is_name) - from.begin();
  return reading.macros.count(lower(from.substr(0, size_t(end)))) > 0;
}

Type<Text> expression_type(bool macros) {
  auto out = sql_type();
  out.read = [read = out.read, macros](const Node& node, Reading& reading, Text& value) {
    if (!read(node, reading, value)) return false;
    auto found = duck::breaches_of_expression(value.value, reading.sandbox);
    // What a macro says is looked at where it is expanded.
    std::erase_if(found, [&](const auto& breach) {
      return macros && calls_macro(value.value, breach, reading);
    });
    for (const auto& breach : found) {
      const bool exact = breach.position && value.value == node.text;
      reading.problems.add(Problem{
          Code::configuration, in_quotes(reading.key_text()) + ": " + breach.message, breach.hint,
          exact ? inside(value.place, value.value, *breach.position) : value.place});
    }
    return found.empty();
  };
  return out;
}

}  // namespace

Type<Text> expression_type() { return expression_type(false); }
Type<Text> expression_with_macros_type() { return expression_type(true); }

Type<std::string> column_type_type() {
  auto out = text_type();
  out.read = [read = out.read](const Node& node, Reading& reading, std::string& value) {
    if (!read(node, reading, value)) return false;
    const auto breach = duck::breach_of_type(value);
    if (breach) reading.problem(node, breach->message, breach->hint);
    return !breach;
  };
  return out;
}

Type<bool> boolean_type() {
  auto shape = plain_shape(Shape::Form::boolean, "true or false", "true or false");
  return parsed_type<bool>(shape, [](std::string_view text, Reading&) -> std::optional<bool> {
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    return std::nullopt;
  });
}

Type<int> integer_type(int minimum) {
  auto shape =
      plain_shape(Shape::Form::integer, "whole number",
                  minimum <= -1'000'000 ? "a whole number"
                                        : "a whole number of at least " + std::to_string(minimum));
  if (minimum > -1'000'000) shape.minimum = minimum;
  return parsed_type<int>(shape, [minimum](std::string_view text, Reading&) -> std::optional<int> {
    auto number = parse_number<int>(text);
    return number && *number >= minimum ? number : std::nullopt;
  });
}

Type<double> number_type(double minimum) {
  auto shape = plain_shape(Shape::Form::number, "number",
                           "a number of at least " + std::to_string(static_cast<int>(minimum)));
  shape.minimum = static_cast<int64_t>(minimum);
  return parsed_type<double>(
      shape, [minimum](std::string_view text, Reading&) -> std::optional<double> {
        auto number = parse_number<double>(text);
        return number && std::isfinite(*number) && *number >= minimum ? number : std::nullopt;
      });
}

Type<Duration> duration_type(bool zero) {
  auto shape = text_shape("duration", "a duration such as 30m", "([0-9]+(us|ms|s|m|h|d|w))+");
  return parsed_type<Duration>(shape,
                               [zero](std::string_view text, Reading&) -> std::optional<Duration> {
                                 auto duration = parse_duration(text);
                                 if (!duration || *duration < Duration(zero ? 0 : 1))
                                   return std::nullopt;
                                 return duration;
                               });
}

Type<uint64_t> size_type() {
  auto shape = text_shape("size", "a size such as 2GB or 512MiB",
                          "[0-9]+(\\.[0-9]+)? ?([kKmMgGtT][iI]?)?[bB]");
  return parsed_type<uint64_t>(shape,
                               [](std::string_view text, Reading&) { return parse_size(text); });
}

Type<Time> time_type() {
  auto shape =
      text_shape("date or time", "a date or time such as 2025-10-17 or 2025-10-17T14:00:00Z",
                 "[0-9]{4}-[0-9]{2}-[0-9]{2}.*");
  return parsed_type<Time>(shape, [](std::string_view text, Reading& reading) {
    return parse_time(text, reading.zone);
  });
}

Type<std::string> zone_type() {
  auto shape = text_shape("time zone", "a time zone such as Europe/Berlin");
  return parsed_type<std::string>(shape, [](std::string_view text, Reading&) {
    return known_zone(text) ? std::optional(std::string(text)) : std::nullopt;
  });
}

Type<std::string> grain_type() {
  auto shape = text_shape("grain", "a grain such as hour, day or 15m",
                          "([0-9]+[mh]|minute|hour|day|week|month|quarter|year)");
  return parsed_type<std::string>(shape, [](std::string_view text, Reading&) {
    return Grain::parse(text, "UTC") ? std::optional(std::string(text)) : std::nullopt;
  });
}

Type<std::string> word_type(std::vector<std::string> words) {
  Type<std::string> out;
  const std::string expected =
      words.size() == 1 ? in_quotes(words.front()) : "one of " + joined(words);
  out.shape = text_shape("one of `" + joined(words) + "`", expected);
  if (words.size() == 1) out.shape.name = "`" + words.front() + "`";
  out.shape.words = words;
  out.read = [words, expected](const Node& node, Reading& reading, std::string& value) {
    auto text = reading.text(node, expected);
    if (!text) return false;
    for (const auto& word : words) {
      if (word == *text) {
        value = word;
        return true;
      }
    }
    // What came from outside is not compared aloud: the hint would tell of it.
    reading.expected(node, expected, *text == node.text ? did_you_mean(*text, words) : "");
    return false;
  };
  return out;
}

Type<std::string> named_text_type(bool (*valid)(std::string_view), std::string name,
                                  std::string what, std::string pattern) {
  auto shape = text_shape(std::move(name), std::move(what), std::move(pattern));
  return parsed_type<std::string>(shape, [valid](std::string_view text, Reading&) {
    return valid(text) ? std::optional(std::string(text)) : std::nullopt;
  });
}

Type<std::string> identifier_type() {
  return named_text_type(is_identifier, "name", "a name (letters, digits, underscores)",
                         "[A-Za-z_][A-Za-z0-9_]*");
}

Type<std::string> label_type() {
  return named_text_type(is_label, "name", "a name (letters, digits, underscores, hyphens)",
                         "[A-Za-z_][A-Za-z0-9_-]*");
}

namespace {
constexpr const char* kTableNamePattern = "[A-Za-z_][A-Za-z0-9_]*\\.[A-Za-z_][A-Za-z0-9_]*";
constexpr const char* kTableNameExpected = "a table name such as silver.movies";
}  // namespace

Type<std::string> table_name_type() {
  return named_text_type(is_table_name, "table", kTableNameExpected, kTableNamePattern);
}

Type<Text> placed_table_name_type() {
  auto out = placed_text_type();
  out.shape = text_shape("table", kTableNameExpected, kTableNamePattern);
  out.read = [read = out.read](const Node& node, Reading& reading, Text& value) {
    if (!read(node, reading, value)) return false;
    if (is_table_name(value.value)) return true;
    reading.expected(node, kTableNameExpected);
    return false;
  };
  return out;
}

Type<Value> anything_type(std::string name) {
  Type<Value> out;
  out.shape = plain_shape(Shape::Form::any, std::move(name), "a value");
  out.read = [](const Node& node, Reading& reading, Value& value) {
    value = reading.value(node);
    return true;
  };
  return out;
}

Type<Value> mapping_type(std::string name) {
  Type<Value> out;
  out.shape = plain_shape(Shape::Form::object, std::move(name), "a mapping");
  out.shape.open = true;
  out.read = [](const Node& node, Reading& reading, Value& value) {
    if (node.kind != Node::Kind::map) {
      reading.expected(node, "a mapping");
      return false;
    }
    value = reading.value(node);
    return true;
  };
  return out;
}

Type<Value> scalar_type() {
  Type<Value> out;
  out.shape.form = Shape::Form::either;
  out.shape.name = "text, number, true or false";
  out.shape.expected = "a single value";
  out.shape.parts = {text_shape("text", "a text"),
                     plain_shape(Shape::Form::number, "number", "a number"),
                     plain_shape(Shape::Form::boolean, "true or false", "true or false")};
  out.read = [](const Node& node, Reading& reading, Value& value) {
    if (node.kind != Node::Kind::scalar) {
      reading.expected(node, "a single value");
      return false;
    }
    value = reading.value(node);
    return true;
  };
  return out;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number) || number <= 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  const std::string unit = lower(text);
  if (unit.empty() || unit.back() != 'b') return std::nullopt;
  static constexpr std::string_view kPrefixes = "kmgt";
  double factor = 1;
  if (unit.size() > 1) {
    const size_t power = kPrefixes.find(unit[0]);
    if (power == std::string_view::npos || unit.size() > 3 ||
        (unit.size() == 3 && unit[1] != 'i')) {
      return std::nullopt;
    }
    factor = std::pow(unit.size() == 3 ? 1024.0 : 1000.0, static_cast<double>(power + 1));
  }
  const double bytes = number * factor;
  if (bytes < 1 || bytes > 9e18) return std::nullopt;
  return static_cast<uint64_t>(bytes);
}

bool fits_variable(std::string_view type, std::string_view text, std::string_view zone) {
  if (type == "int") return parse_number<int64_t>(text).has_value();
  if (type == "double") return parse_number<double>(text).has_value();
  if (type == "bool") return text == "true" || text == "false";
  if (type == "date") return text.size() == 10 && parse_time(text, zone).has_value();
  if (type == "timestamp") return parse_time(text, zone).has_value();
  return true;
}

void report_unknown_key(const Node& key, const std::vector<std::string>& known, Reading& reading) {
  std::string hint = did_you_mean(key.text, known);
  for (const char* of_tasks : {"for_each", "repeat_until", "finally", "on_failure", "otherwise"})
    if (hint.empty() && key.text == of_tasks) hint = key.text + " is of tasks alone";
  if (hint.empty() && known.empty()) hint = "no keys are known here";
  if (hint.empty()) hint = "known keys: " + joined(known);
  reading.problem(key,
                  "unknown key " + in_quotes(key.text) +
                      (reading.key() ? " in " + in_quotes(reading.key()->text) : std::string()),
                  hint);
}

}  // namespace windrow::project
