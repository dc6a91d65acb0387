#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "project/yaml_reader.h"

namespace windrow::project {

/// A YAML text in the one layout that `windrow fmt` writes:
///   - what lies in something is two blanks deeper, lists under a key too
///   - one blank after `:`, `-` and `,`, and before a comment; none inside of brackets
///   - values, and comments, that stand below each other in one column stay so
///   - no blanks at the ends of lines, one empty line where there were several, a line end at the
///     end
/// Where lines break is the user's choice, and so are quotes, the order of keys, and what is
/// written in brackets.
struct YamlLayout {
  std::string text;
  std::vector<std::string> comments;  ///< of the file, in its order
};

/// `text` must be YAML that read_yaml takes, with `\n` at the ends of its lines. Error(unsupported)
/// with its place for what is not laid out: directives, and keys after `?`.
YamlLayout lay_out(std::string_view text, const Origin& origin);

}  // namespace windrow::project
