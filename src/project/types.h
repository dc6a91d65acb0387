#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "project/reading.h"
#include "project/shape.h"
#include "project/values.h"

namespace windrow::project {

/// How a value is read into an M, and what it looks like. `read` gives false where it reported a
/// problem (or where a variable is allowed to be missing): the value is then left as it was.
template <class M>
struct Type {
  Shape shape;
  std::function<bool(const Node&, Reading&, M&)> read;
};

Type<std::string> text_type();
/// A text that says where it stands.
Type<Text> placed_text_type();
Type<bool> boolean_type();
Type<int> integer_type(int minimum);
Type<double> number_type(double minimum);
/// `30m`; at least one microsecond unless `zero` is allowed.
Type<Duration> duration_type(bool zero = false);
/// Bytes: `2GB`, `512MB`, `1GiB`.
Type<uint64_t> size_type();
/// A date or a time, read in the project's time zone.
Type<Time> time_type();
/// One of a few words.
Type<std::string> word_type(std::vector<std::string> words);
Type<std::string> zone_type();
Type<std::string> grain_type();
/// `what` as in `a table name such as silver.movies`.
Type<std::string> named_text_type(bool (*valid)(std::string_view), std::string name,
                                  std::string what, std::string pattern);
Type<std::string> identifier_type();
Type<std::string> label_type();
Type<std::string> table_name_type();
Type<Text> placed_table_name_type();
/// A SQL text; its place is that of its first character.
Type<Text> sql_type();
/// The same, of one expression that the sandbox takes (duck/sandbox.h).
Type<Text> expression_type();
/// The same, of one that may call macros.
Type<Text> expression_with_macros_type();
/// A type as SQL names it, one that there is.
Type<std::string> column_type_type();
/// Whatever stands there.
Type<Value> anything_type(std::string name = "any value");
Type<Value> mapping_type(std::string name = "mapping");
/// Any single value: text, number, true or false.
Type<Value> scalar_type();

/// Reads a size; nothing where it is none.
std::optional<uint64_t> parse_size(std::string_view text);
/// True where a variable of the type can have the text as value.
bool fits_variable(std::string_view type, std::string_view text, std::string_view zone);

/// A list without gaps; an item that cannot be read is left out. Nothing at all is an empty list.
template <class M>
Type<std::vector<M>> list_type(Type<M> item) {
  Type<std::vector<M>> out;
  out.shape.form = Shape::Form::list;
  out.shape.name = "list of " + item.shape.name;
  out.shape.expected = "a list";
  out.shape.parts = {item.shape};
  out.read = [item](const Node& node, Reading& reading, std::vector<M>& list) {
    if (node.kind == Node::Kind::null) return true;
    if (node.kind != Node::Kind::list) {
      reading.expected(node, "a list");
      return false;
    }
    for (const auto& each : node.items) {
      M value{};
      if (item.read(each, reading, value)) list.push_back(std::move(value));
    }
    return true;
  };
  return out;
}

/// A list, or a single item without the brackets.
template <class M>
Type<std::vector<M>> one_or_list_type(Type<M> item) {
  Type<std::vector<M>> out;
  auto list = list_type(item);
  out.shape.form = Shape::Form::either;
  out.shape.name = item.shape.name + " or " + list.shape.name;
  out.shape.expected = item.shape.expected + " or a list";
  out.shape.parts = {item.shape, list.shape};
  out.read = [item, list](const Node& node, Reading& reading, std::vector<M>& values) {
    if (node.kind == Node::Kind::list) return list.read(node, reading, values);
    M value{};
    if (!item.read(node, reading, value)) return false;
    values.push_back(std::move(value));
    return true;
  };
  return out;
}

/// A mapping, or a single value that stands for what `set` makes of it.
template <class T, class M, class Set>
Type<T> single_or_mapping_type(std::string name, std::string expected, Type<M> single,
                               Type<T> mapping, Set set) {
  Type<T> out;
  out.shape.form = Shape::Form::either;
  out.shape.name = std::move(name);
  out.shape.expected = std::move(expected);
  out.shape.parts = {single.shape, mapping.shape};
  out.read = [single, mapping, set](const Node& node, Reading& reading, T& value) {
    if (node.kind == Node::Kind::map) return mapping.read(node, reading, value);
    M given{};
    if (!single.read(node, reading, given)) return false;
    set(value, std::move(given));
    return true;
  };
  return out;
}

/// Names of the user's own → values, in the file's order. `valid` (may be null) says which names
/// are allowed.
template <class M>
Type<std::vector<std::pair<Text, M>>> keyed_type(Type<M> item, std::string key_name,
                                                 bool (*valid)(std::string_view) = nullptr) {
  Type<std::vector<std::pair<Text, M>>> out;
  out.shape.form = Shape::Form::keyed;
  out.shape.name = "mapping of " + key_name + " to " + item.shape.name;
  out.shape.expected = "a mapping";
  out.shape.parts = {item.shape};
  out.shape.key_name = key_name;
  out.read = [item, key_name, valid](const Node& node, Reading& reading,
                                     std::vector<std::pair<Text, M>>& values) {
    if (node.kind == Node::Kind::null) return true;
    if (node.kind != Node::Kind::map) {
      reading.expected(node, "a mapping");
      return false;
    }
    for (const auto& [key, value] : node.entries) {
      if (valid && !valid(key.text)) {
        reading.problem(
            key, "\"" + key.text + "\" cannot be the name of a " + key_name,
            "names have letters, digits and underscores, and do not begin with a digit");
        continue;
      }
      Reading::Inside inside(reading, key);
      M made{};
      if (item.read(value, reading, made)) {
        values.emplace_back(Text{key.text, reading.place(key), {}}, std::move(made));
      }
    }
    return true;
  };
  return out;
}

/// The same type read through a function that finishes the value; it may report and refuse.
template <class M, class N>
Type<N> mapped_type(Type<M> type, std::function<bool(const Node&, Reading&, M&&, N&)> finish) {
  Type<N> out;
  out.shape = type.shape;
  out.read = [type, finish](const Node& node, Reading& reading, N& value) {
    M made{};
    return type.read(node, reading, made) && finish(node, reading, std::move(made), value);
  };
  return out;
}

template <class M>
Type<std::map<std::string, M>> map_type(Type<M> item, std::string key_name,
                                        bool (*valid)(std::string_view) = nullptr) {
  return mapped_type<std::vector<std::pair<Text, M>>, std::map<std::string, M>>(
      keyed_type(std::move(item), std::move(key_name), valid),
      [](const Node&, Reading&, std::vector<std::pair<Text, M>>&& pairs,
         std::map<std::string, M>& out) {
        for (auto& [key, value] : pairs) out.emplace(key.value, std::move(value));
        return true;
      });
}

/// What is wrong with it goes to the problems of schedules: it keeps nothing else from being read,
/// or run. While it is read there are no other problems.
template <class M>
Type<M> apart(Type<M> type) {
  Type<M> out;
  out.shape = type.shape;
  out.read = [type](const Node& node, Reading& reading, M& value) {
    Problems others = std::exchange(reading.problems, {});
    const bool good = type.read(node, reading, value);
    for (const auto& problem : reading.problems.all()) reading.schedule_problems.push_back(problem);
    reading.problems = std::move(others);
    return good;
  };
  return out;
}

/// Held to a type, and kept as it stands: for what a later version uses.
template <class M>
Type<Value> kept_type(Type<M> type) {
  Type<Value> out;
  out.shape = type.shape;
  out.read = [type](const Node& node, Reading& reading, Value& value) {
    M checked{};
    if (!type.read(node, reading, checked)) return false;
    value = reading.value(node);
    return true;
  };
  return out;
}

}  // namespace windrow::project
