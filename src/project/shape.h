#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windrow::project {

struct ShapeKey;

/// What a value may look like: one description for messages, the reference and the JSON Schema.
struct Shape {
  enum class Form {
    any,  ///< whatever YAML can say
    text,
    boolean,
    integer,
    number,
    list,    ///< of `parts[0]`
    keyed,   ///< the user's own names → `parts[0]`
    object,  ///< known keys: `keys`
    either   ///< one of `parts`
  };

  Form form = Form::any;
  std::string name;                ///< in the reference: `duration`, `list of text`
  std::string expected;            ///< in messages: `a duration such as 30m`
  std::string pattern;             ///< text: regular expression (ECMA), without anchors
  std::vector<std::string> words;  ///< text: nothing else is allowed
  std::optional<int64_t> minimum;  ///< numbers
  std::vector<Shape> parts;
  std::vector<ShapeKey> keys;
  bool open = false;              ///< object: other keys are taken too
  bool one_key = false;           ///< object: exactly one of the keys
  std::string key_name = "name";  ///< keyed: what a key is, for the reference: `<name>`, `<column>`
};

struct ShapeKey {
  std::string key;
  bool required = false;
  std::string default_value;
  std::string sentence;
  Shape shape;
};

struct Kinds;

/// The shape of a kind of file; Error(usage) where there is no such kind.
Shape shape_of(std::string_view kind, const Kinds& kinds);

/// The Markdown table of one kind of file, as it stands in docs/project.md.
std::string reference_markdown(std::string_view kind, const Kinds& kinds);

}  // namespace windrow::project
