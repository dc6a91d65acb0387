#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "project/node.h"

namespace windrow::project {

/// What a file of UTF-8 may begin with.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Where a YAML text begins in its file: headers of SQL files begin somewhere inside.
struct Origin {
  std::string file;
  int line = 1;
  int column = 1;  ///< of the first line's first byte
};

/// Values that aliases of one file may repeat. A bomb of nested aliases passes it at once, no
/// honest file does.
inline constexpr size_t kAliasedValuesMax = 100'000;

/// Reads exactly one YAML document. Nothing where it is empty (or only comments), or where it could
/// not be read. What YAML allows and a project does not is a problem at its place: keys given
/// twice, keys that are not texts, merge keys (`<<`), tags of one's own, several documents, bytes
/// that are not UTF-8, control characters.
std::optional<Node> read_yaml(std::string_view text, const Origin& origin, Problems& problems);

}  // namespace windrow::project
