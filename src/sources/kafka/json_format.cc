#include <simdjson.h>

#include <cstring>

#include "sources/kafka/decoder.h"
#include "sources/record_rows.h"

// JSON objects, one a message. simdjson finds where values begin and end and proves that the text
// is UTF-8 with whole strings; what each value is, is decided here from its first byte, so that
// most texts are never copied: columns point into the message.
namespace windrow::sources {
namespace {

namespace od = simdjson::ondemand;

[[noreturn]] void broken(simdjson::error_code error) {
  throw BadRecord{std::string("not JSON: ") + simdjson::error_message(error)};
}
[[noreturn]] void broken(const char* why) { throw BadRecord{std::string("not JSON: ") + why}; }

template <typename Result>
auto got(Result&& result) {
  if (result.error()) broken(result.error());
  return std::forward<Result>(result).value_unsafe();
}

bool digit(char c) { return c >= '0' && c <= '9'; }

/// The grammar of JSON numbers, which is narrower than what parsers of numbers take.
bool is_number(std::string_view text) {
  size_t i = 0;
  const auto at = [&](size_t k) { return k < text.size() ? text[k] : '\0'; };
  if (at(i) == '-') ++i;
  if (!digit(at(i))) return false;
  if (at(i) == '0') {
    ++i;
  } else {
    while (digit(at(i))) ++i;
  }
  if (at(i) == '.') {
    if (!digit(at(++i))) return false;
    while (digit(at(i))) ++i;
  }
  if (at(i) == 'e' || at(i) == 'E') {
    ++i;
    if (at(i) == '+' || at(i) == '-') ++i;
    if (!digit(at(i))) return false;
    while (digit(at(i))) ++i;
  }
  return i == text.size();
}

std::string_view without_blanks(std::string_view token) {
  while (!token.empty() && uint8_t(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

class JsonFormat final : public Decoder::Format {
 public:
  explicit JsonFormat(const project::Source& source) {
    for (size_t from = 0; !source.explode.empty() && from <= source.explode.size();) {
      const auto dot = std::min(source.explode.find('.', from), source.explode.size());
      path_.push_back(source.explode.substr(from, dot - from));
      from = dot + 1;
    }
    whole_path_ = source.explode;
  }

  void forget() override {
    order_.clear();
    element_order_.clear();
  }

  void read(const Messages::Message& message, Messages& memory, Decoder& rows) override {
    memory_ = &memory;
    rows_ = &rows;
    const size_t row = rows.begin_row();
    if (!message.value) return;  // a tombstone: its key and place alone
    const auto json = *message.value;
    if (rows.raw()) rows.put(*rows.raw(), row, {Scalar::Kind::text, false, json, {}});
    od::document document;
    if (const auto error =
            parser_.iterate(json.data(), json.size(), json.size() + Messages::kPadding)
                .get(document))
      broken(error);
    od::object object;
    if (const auto error = document.get_object().get(object)) {
      if (error == simdjson::INCORRECT_TYPE) throw BadRecord{"not a JSON object"};
      broken(error);
    }
    std::string_view list;
    read_object(object, row, 0, order_, list);
    const char* behind = nullptr;
    if (!document.current_location().get(behind)) broken("there is more behind the object");
    if (!path_.empty()) explode(list, row);
  }

 private:
  /// Where a field of this place in the object went the last time: fields mostly come in one order.
  struct Expected {
    std::string name;
    const Decoder::Slot* slot = nullptr;
  };
  using Order = std::vector<Expected>;

  /// `depth`: how much of the path to the exploded list leads here; beyond it: not at all.
  void read_object(od::object& object, size_t row, size_t depth, Order& order,
                   std::string_view& list) {
    size_t position = 0;
    for (auto result : object) {
      od::field field = got(std::move(result));
      const std::string_view name = name_of(field);
      auto& value = field.value();
      const bool on_path = depth < path_.size() && name == path_[depth];
      if (on_path) {
        follow(value, row, depth, list);
        continue;
      }
      read_field(name, value, row, order, position++);
    }
  }

  void follow(od::value& value, size_t row, size_t depth, std::string_view& list) {
    if (depth + 1 == path_.size()) {
      od::array array;
      if (value.get_array().get(array)) return;  // told as missing
      list = without_blanks(got(array.raw_json()));
      return;
    }
    od::object inner;
    if (value.get_object().get(inner)) return;
    Order order;  // these are few
    read_object(inner, row, depth + 1, order, list);
  }

  void explode(std::string_view list, size_t row) {
    if (list.empty()) throw BadRecord{"there is no list \"" + whole_path_ + "\""};
    // The first parse is still over the message: elements are read by another, from a copy.
    const auto copy = memory_->keep(list);
    od::document document;
    if (const auto error =
            elements_.iterate(copy.data(), copy.size(), copy.size() + Messages::kPadding)
                .get(document))
      broken(error);
    od::array array = got(document.get_array());
    std::vector<std::string_view> all;
    for (auto result : array) {
      od::value value = got(std::move(result));
      od::object object;
      if (value.get_object().get(object))
        throw BadRecord{"an element of \"" + whole_path_ + "\" is not an object"};
      all.push_back(without_blanks(got(object.raw_json())));
    }
    if (all.empty()) rows_->drop_rows(row);
    // Every row begins with what the message says, before any element has added to it.
    for (size_t i = 1; i < all.size(); ++i) rows_->repeat_row(row);
    for (size_t i = 0; i < all.size(); ++i) {
      const auto element = memory_->keep(all[i]);
      if (const auto error =
              elements_.iterate(element.data(), element.size(), element.size() + Messages::kPadding)
                  .get(document))
        broken(error);
      od::object object = got(document.get_object());
      std::string_view none;
      read_object(object, row + i, path_.size(), element_order_, none);
    }
  }

  /// The field's name with its escapes undone.
  std::string_view name_of(od::field& field) {
    const char* raw = field.key().raw();
    const auto* end = static_cast<const char*>(std::memchr(raw, '"', size_t(1) << 20));
    if (end && !std::memchr(raw, '\\', size_t(end - raw))) return {raw, size_t(end - raw)};
    return memory_->keep(got(field.unescaped_key()));
  }

  void read_field(std::string_view name, od::value& value, size_t row, Order& order,
                  size_t position) {
    const std::string_view token = value.raw_json_token();
    Scalar scalar;
    const bool expected = position < order.size() && order[position].name == name;
    if (expected && !order[position].slot) return skip(token, value);
    switch (token.empty() ? '\0' : token.front()) {
      case '"': read_text(without_blanks(token), value, scalar); break;
      case '{':
      case '[': {
        scalar.kind = Scalar::Kind::json;
        scalar.text = nested(value);
        break;
      }
      case 't':
      case 'f':
        scalar.kind = Scalar::Kind::truth;
        scalar.truth = got(value.get_bool());
        scalar.text = scalar.truth ? "true" : "false";
        break;
      case 'n':
        if (!got(value.is_null())) broken("a word that is none of true, false and null");
        break;
      default:
        scalar.kind = Scalar::Kind::number;
        scalar.text = without_blanks(token);
        if (!is_number(scalar.text)) broken("a value that is none");
    }
    const Decoder::Slot* slot =
        expected ? order[position].slot : find(name, scalar, order, position);
    if (slot) rows_->put(*slot, row, scalar);
  }

  const Decoder::Slot* find(std::string_view name, const Scalar& scalar, Order& order,
                            size_t position) {
    const auto* slot = rows_->slot(name, scalar);
    if (!slot && scalar.kind == Scalar::Kind::null) return nullptr;  // not known yet
    if (order.size() <= position) order.resize(position + 1);
    order[position].name.assign(name);
    order[position].slot = slot;
    return slot;
  }

  void read_text(std::string_view token, od::value& value, Scalar& scalar) {
    scalar.kind = Scalar::Kind::text;
    scalar.raw = token;
    if (token.size() >= 2 && !std::memchr(token.data(), '\\', token.size())) {
      scalar.text = token.substr(1, token.size() - 2);
    } else {
      scalar.text = memory_->keep(got(value.get_string()));
    }
  }

  /// What is not kept is still held to be JSON.
  void skip(std::string_view token, od::value& value) {
    if (token.empty()) broken("a value that is none");
    if (token.front() == '{' || token.front() == '[') {
      nested(value);
    } else {
      skip_scalar(token, value);
    }
  }

  /// An object or a list as it stands, after every value in it was looked at.
  std::string_view nested(od::value& value) {
    const char* begin = value.raw_json_token().data();
    const char* end = walk(value, 2);
    return {begin, size_t(end - begin)};
  }

  /// Gives where the value ends.
  const char* walk(od::value& value, size_t depth) {
    const std::string_view token = value.raw_json_token();
    if (token.empty()) broken("a value that is none");
    const bool holds = token.front() == '{' || token.front() == '[';
    if (holds && depth > kRecordDepthMax) throw BadRecord{too_deep_words()};
    switch (token.front()) {
      case '{': {
        od::object object = got(value.get_object());
        for (auto result : object) {
          od::field field = got(std::move(result));
          walk(field.value(), depth + 1);
        }
        got(object.reset());
        return end_of(got(object.raw_json()));
      }
      case '[': {
        od::array array = got(value.get_array());
        for (auto result : array) {
          od::value inner = got(std::move(result));
          walk(inner, depth + 1);
        }
        got(array.reset());
        return end_of(got(array.raw_json()));
      }
      default: {
        skip_scalar(token, value);
        return end_of(token);
      }
    }
  }

  void skip_scalar(std::string_view token, od::value& value) {
    if (token.front() == '"') {
      if (std::memchr(token.data(), '\\', token.size())) got(value.get_string());
    } else if (token.front() == 't' || token.front() == 'f') {
      got(value.get_bool());
    } else if (token.front() == 'n') {
      if (!got(value.is_null())) broken("a word that is none of true, false and null");
    } else if (!is_number(without_blanks(token))) {
      broken("a value that is none");
    }
  }

  static const char* end_of(std::string_view token) {
    const auto cut = without_blanks(token);
    return cut.data() + cut.size();
  }

  std::vector<std::string> path_;
  std::string whole_path_;
  od::parser parser_, elements_;
  Messages* memory_ = nullptr;
  Decoder* rows_ = nullptr;
  Order order_, element_order_;
};

}  // namespace

std::unique_ptr<Decoder::Format> json_format(const project::Source& source) {
  return std::make_unique<JsonFormat>(source);
}

}  // namespace windrow::sources
