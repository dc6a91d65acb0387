#include "api/shape.h"

#include <algorithm>
#include <charconv>

#include "base/time.h"

namespace windrow::api {

namespace {

/// Reads the notation, one sign ahead.
class Notation {
 public:
  explicit Notation(std::string_view text) : text_(text) {}
  Shape whole() {
    auto out = shape();
    WINDROW_INVARIANT(next() == '\0');
    return out;
  }

 private:
  char next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  void need(char c) { WINDROW_INVARIANT(take(c)); }
  std::string until(const char* signs) {
    next();
    const auto begin = at_;
    at_ = std::min(text_.find_first_of(signs, at_), text_.size());
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string word() { return until(" ,:?}])(|\n"); }
  Shape shape() {
    if (take('[')) {
      Shape out{Shape::Kind::list, {}, {}, {}, {}, {}, {shape()}};
      need(']');
      return out;
    }
    if (take('{')) return keys();
    if (next() == '\'') return words();
    return simple(word());
  }
  Shape keys() {
    Shape out;
    out.kind = Shape::Kind::keys;
    if (take('*')) {
      need(':');
      out.kind = Shape::Kind::map;
      out.parts.push_back(shape());
      need('}');
      return out;
    }
    while (!take('}')) {
      Shape::Key key;
      key.name = word();
      key.optional = take('?');
      need(':');
      out.keys.push_back(std::move(key));
      out.parts.push_back(shape());
      if (!take(',')) {
        need('}');
        break;
      }
    }
    return out;
  }
  Shape words() {
    Shape out;
    out.kind = Shape::Kind::words;
    do {
      need('\'');
      out.words.push_back(until("'"));
      need('\'');
    } while (take('|'));
    return out;
  }
  Shape simple(const std::string& word) {
    static const std::vector<std::pair<const char*, Shape::Kind>> kKinds{
        {"text", Shape::Kind::text},     {"whole", Shape::Kind::whole},
        {"number", Shape::Kind::number}, {"truth", Shape::Kind::truth},
        {"time", Shape::Kind::time},     {"any", Shape::Kind::any},
        {"object", Shape::Kind::object}};
    Shape out;
    const auto found =
        std::find_if(kKinds.begin(), kKinds.end(), [&](auto& each) { return each.first == word; });
    if (found == kKinds.end()) {
      WINDROW_INVARIANT(!word.empty() && word[0] >= 'A' && word[0] <= 'Z');
      out.kind = Shape::Kind::named;
      out.name = word;
      return out;
    }
    out.kind = found->second;
    if (!take('(')) return out;
    out.least = std::stoll(until("."));
    need('.');
    need('.');
    out.most = std::stoll(until(")"));
    need(')');
    return out;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

size_t characters(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string expected(const Shape& shape) {
  const auto range = [&](const std::string& of) {
    return shape.least
               ? of + " from " + std::to_string(*shape.least) + " to " + std::to_string(*shape.most)
               : of;
  };
  switch (shape.kind) {
    case Shape::Kind::text:
      return shape.least ? "a text of " + std::to_string(*shape.least) + " to " +
                               std::to_string(*shape.most) + " characters"
                         : "a text";
    case Shape::Kind::whole: return range("a whole number");
    case Shape::Kind::number: return range("a number");
    case Shape::Kind::truth: return "true or false";
    case Shape::Kind::time: return "a time such as 2025-10-17T14:00:00Z";
    case Shape::Kind::list: return "a list";
    case Shape::Kind::words: {
      std::string out = "one of";
      for (const auto& word : shape.words) out += (out == "one of" ? " " : ", ") + word;
      return out;
    }
    default: return "an object";
  }
}

/// What a value of no parts is; true where it is as the shape says.
bool fits(const Json& value, const Shape& shape) {
  const auto within = [&](auto number) {
    return (!shape.least || number >= decltype(number)(*shape.least)) &&
           (!shape.most || number <= decltype(number)(*shape.most));
  };
  switch (shape.kind) {
    case Shape::Kind::text:
      return value.is_string() && within(int64_t(characters(value.get_ref<const std::string&>())));
    case Shape::Kind::whole:
      // JSON has one kind of number: 5.0 is whole.
      if (value.is_number_unsigned()) return within(value.get<uint64_t>());
      if (value.is_number_integer()) return within(value.get<int64_t>());
      return value.is_number_float() &&
             value.get<double>() == double(int64_t(value.get<double>())) &&
             within(value.get<double>());
    case Shape::Kind::number: return value.is_number() && within(value.get<double>());
    case Shape::Kind::truth: return value.is_boolean();
    case Shape::Kind::time: return value.is_string();
    case Shape::Kind::words:
      return value.is_string() &&
             std::find(shape.words.begin(), shape.words.end(),
                       value.get_ref<const std::string&>()) != shape.words.end();
    case Shape::Kind::list: return value.is_array();
    case Shape::Kind::any: return true;
    default: return value.is_object();
  }
}

}  // namespace

Shape parse_shape(std::string_view notation) { return Notation(notation).whole(); }

Json schema_of(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::text:
    case Shape::Kind::whole:
    case Shape::Kind::number: {
      const bool text = shape.kind == Shape::Kind::text;
      Json out{{"type", text ? "string" : shape.kind == Shape::Kind::whole ? "integer" : "number"}};
      if (shape.least) out[text ? "minLength" : "minimum"] = *shape.least;
      if (shape.most) out[text ? "maxLength" : "maximum"] = *shape.most;
      return out;
    }
    case Shape::Kind::truth: return {{"type", "boolean"}};
    case Shape::Kind::time: return {{"type", "string"}, {"format", "date-time"}};
    case Shape::Kind::any: return Json::object();
    case Shape::Kind::object: return {{"type", "object"}};
    case Shape::Kind::words: return {{"type", "string"}, {"enum", shape.words}};
    case Shape::Kind::list: return {{"type", "array"}, {"items", schema_of(shape.parts[0])}};
    case Shape::Kind::map:
      return {{"type", "object"}, {"additionalProperties", schema_of(shape.parts[0])}};
    case Shape::Kind::named: return {{"$ref", "#/components/schemas/" + shape.name}};
    case Shape::Kind::keys: break;
  }
  Json out{{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
  Json required = Json::array();
  for (size_t i = 0; i < shape.keys.size(); ++i) {
    out["properties"][shape.keys[i].name] = schema_of(shape.parts[i]);
    if (!shape.keys[i].optional) required.push_back(shape.keys[i].name);
  }
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}

void check(const Json& value, const Shape& shape, const std::string& what, Problems& problems) {
  if (!fits(value, shape)) {
    problems.add(Code::usage, what + " is not " + expected(shape));
    return;
  }
  if (shape.kind == Shape::Kind::text &&
      value.get_ref<const std::string&>().find('\0') != std::string::npos)
    problems.add(Code::usage, what + " has a character that no text has");
  if (shape.kind == Shape::Kind::list)
    for (size_t i = 0; i < value.size(); ++i)
      check(value[i], shape.parts[0], what + "[" + std::to_string(i) + "]", problems);
  if (shape.kind == Shape::Kind::map)
    for (const auto& [key, each] : value.items())
      check(each, shape.parts[0], what + "." + key, problems);
  if (shape.kind != Shape::Kind::keys) return;
  for (size_t i = 0; i < shape.keys.size(); ++i) {
    const auto& key = shape.keys[i];
    const auto found = value.find(key.name);
    if (found != value.end())
      check(*found, shape.parts[i], what + "." + key.name, problems);
    else if (!key.optional)
      problems.add(Code::usage, what + " has no \"" + key.name + "\"");
  }
  for (const auto& [name, each] : value.items()) {
    if (std::none_of(shape.keys.begin(), shape.keys.end(),
                     [&, &known = name](const auto& key) { return key.name == known; }))
      problems.add(Code::usage, what + " has \"" + name + "\", which nobody knows here");
  }
}

std::optional<Json> value_of(const std::string& text, const Shape& shape, const std::string& what,
                             Problems& problems) {
  Json value = text;
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (shape.kind == Shape::Kind::truth) {
    if (text == "true" || text == "false") value = text == "true";
  } else if (shape.kind == Shape::Kind::whole) {
    int64_t number = 0;
    const auto [rest, failure] = std::from_chars(begin, end, number);
    if (failure == std::errc() && rest == end) value = number;
  } else if (shape.kind == Shape::Kind::number) {
    double number = 0;
    const auto [rest, failure] = std::from_chars(begin, end, number);
    if (failure == std::errc() && rest == end) value = number;
  }
  const auto before = problems.all().size();
  check(value, shape, what, problems);
  if (problems.all().size() > before) return {};
  return value;
}

}  // namespace windrow::api
