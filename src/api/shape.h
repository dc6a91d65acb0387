#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/json.h"

/// What JSON looks like, in a notation that is short enough to be read beside its endpoint:
///
///   text  text(1..200)  whole  whole(0..100)  number  truth  time  any  object
///   'done'|'failed'             one of these words
///   [Run]                       a list
///   {*: text}                   any keys, each with such a value
///   {run: text, ended?: time}   these keys and no others; `?`: it may be missing
///   Run                         one with a name (shapes.cc)
namespace windrow::api {

using app::Json;

struct Shape {
  enum class Kind { text, whole, number, truth, time, any, object, words, list, map, keys, named };
  Kind kind = Kind::any;
  std::optional<int64_t> least, most;  ///< of a number; of a text its characters
  std::vector<std::string> words;
  std::string name;  ///< of a named one
  struct Key {
    std::string name;
    bool optional = false;
  };
  std::vector<Key> keys;
  std::vector<Shape> parts;  ///< of a list and a map one, of keys one each
};

/// Aborts where the notation is wrong: it is this program's own.
Shape parse_shape(std::string_view notation);
/// JSON Schema (2020-12); names become references to `#/components/schemas/`.
Json schema_of(const Shape& shape);

/// What is wrong with a value, as Problems of usage that begin with `what`. Not for named shapes.
void check(const Json& value, const Shape& shape, const std::string& what, Problems& problems);
/// A parameter, which comes as text, as the value that its shape asks for; a Problem where it is
/// none.
std::optional<Json> value_of(const std::string& text, const Shape& shape, const std::string& what,
                             Problems& problems);

/// Those that answers name, in the order of the document.
const std::vector<std::pair<std::string, std::string>>& named_shapes();

}  // namespace windrow::api
