#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "project/types.h"

namespace windrow::project {

/// Reports a key that is not known, with the nearest one that is.
void report_unknown_key(const Node& key, const std::vector<std::string>& known, Reading& reading);

/// The declaration of a mapping with known keys: each key's type, default and sentence, and where
/// its value goes. Keys are read in the order of the declaration.
template <class T>
class Keys {
 public:
  explicit Keys(std::string name = "mapping") { shape_.name = std::move(name); }

  template <class M, class Bind>
  Keys& bound(bool required, std::string key, Type<M> type, std::string default_value,
              std::string sentence, Bind bind) {
    shape_.keys.push_back(
        {key, required, std::move(default_value), std::move(sentence), type.shape});
    names_.push_back(std::move(key));
    readers_.push_back(
        [read = std::move(type.read), bind](const Node& node, Reading& reading, T& target) {
          M value{};
          if (read(node, reading, value)) bind(target, std::move(value), node, reading);
        });
    return *this;
  }
  template <class M, class N>
  Keys& required(std::string key, N T::*member, Type<M> type, std::string sentence) {
    return bound(true, std::move(key), std::move(type), {}, std::move(sentence), to(member));
  }
  template <class M, class N>
  Keys& optional(std::string key, N T::*member, Type<M> type, std::string default_value,
                 std::string sentence) {
    return bound(false, std::move(key), std::move(type), std::move(default_value),
                 std::move(sentence), to(member));
  }
  /// All keys of another declaration, read into a part of this one.
  template <class U>
  Keys& include(const Keys<U>& other, U T::*member) {
    for (size_t i = 0; i < other.names_.size(); ++i) {
      shape_.keys.push_back(other.shape_.keys[i]);
      names_.push_back(other.names_[i]);
      readers_.push_back(
          [reader = other.readers_[i], member](const Node& node, Reading& reading, T& target) {
            reader(node, reading, target.*member);
          });
    }
    return *this;
  }
  /// The same, of another declaration of the same.
  Keys& include(const Keys& other) {
    shape_.keys.insert(shape_.keys.end(), other.shape_.keys.begin(), other.shape_.keys.end());
    names_.insert(names_.end(), other.names_.begin(), other.names_.end());
    readers_.insert(readers_.end(), other.readers_.begin(), other.readers_.end());
    return *this;
  }
  /// Other keys are taken too.
  Keys& open() {
    shape_.open = true;
    return *this;
  }
  /// Exactly one of the keys must be there.
  Keys& one_key() {
    shape_.one_key = true;
    return *this;
  }
  /// Rules across keys, and names and places. `node` is the mapping.
  Keys& then(std::function<void(const Node&, Reading&, T&)> rule) {
    rules_.push_back(std::move(rule));
    return *this;
  }

  const Shape& shape() const { return shape_; }
  const std::vector<std::string>& names() const { return names_; }

  /// Reads what is there and reports what is not; false only where `node` is no mapping.
  bool read(const Node& node, Reading& reading, T& target) const {
    if (node.kind != Node::Kind::map && node.kind != Node::Kind::null) {
      reading.expected(node, shape_.expected.empty() ? "a mapping" : shape_.expected);
      return false;
    }
    read_unknown(node, reading);
    for (size_t i = 0; i < names_.size(); ++i) {
      const NodeEntry* entry = nullptr;
      for (const auto& each : node.entries) {
        if (each.key.text == names_[i]) entry = &each;
      }
      if (entry) {
        Reading::Inside inside(reading, entry->key);
        readers_[i](entry->value, reading, target);
      } else if (shape_.keys[i].required) {
        report_missing(node, names_[i], reading);
      }
    }
    for (const auto& rule : rules_) rule(node, reading, target);
    return true;
  }

  Type<T> type() const {
    Type<T> out;
    out.shape = shape_;
    out.shape.form = Shape::Form::object;
    if (out.shape.expected.empty()) out.shape.expected = "a mapping";
    out.read = [keys = std::make_shared<Keys>(*this)](const Node& node, Reading& reading,
                                                      T& value) {
      return keys->read(node, reading, value);
    };
    return out;
  }

 private:
  template <class U>
  friend class Keys;

  template <class N>
  static auto to(N T::*member) {
    return [member](T& target, auto&& value, const Node&, Reading&) {
      target.*member = std::move(value);
    };
  }
  void read_unknown(const Node& node, Reading& reading) const {
    if (shape_.one_key && node.entries.size() != 1) {
      reading.expected(node, "exactly one of the keys " + joined());
    }
    if (shape_.open) return;
    for (const auto& entry : node.entries) {
      bool known = false;
      for (const auto& name : names_) known = known || name == entry.key.text;
      if (!known) report_unknown_key(entry.key, names_, reading);
    }
  }
  static void report_missing(const Node& node, const std::string& key, Reading& reading) {
    // The place of a mapping that is missing itself is its key's, which the reader of the file gave
    // it.
    reading.problem(node,
                    "key \"" + key + "\" is missing" +
                        (reading.key() ? " in \"" + reading.key_text() + "\"" : std::string()));
  }
  std::string joined() const {
    std::string out;
    for (const auto& name : names_) out += (out.empty() ? "\"" : ", \"") + name + "\"";
    return out;
  }

  Shape shape_;
  std::vector<std::string> names_;
  std::vector<std::function<void(const Node&, Reading&, T&)>> readers_;
  std::vector<std::function<void(const Node&, Reading&, T&)>> rules_;
};

}  // namespace windrow::project
