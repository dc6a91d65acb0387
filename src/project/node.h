#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace windrow::project {

struct NodeEntry;

/// One value of a YAML file as it was written, and where.
struct Node {
  enum class Kind : uint8_t { null, scalar, list, map };
  enum class Style : uint8_t { plain, quoted, block };

  Kind kind = Kind::null;
  Style style = Style::plain;
  int line = 1, column = 1;  ///< in the file, from 1
  int content_line = 1,
      content_column = 1;          ///< scalars: of the first character, past a quote or `|`
  std::string text;                ///< scalars; also a plain `null` or `~`
  std::vector<Node> items;         ///< lists
  std::vector<NodeEntry> entries;  ///< maps, in the file's order; no key twice

  const Node* find(std::string_view key) const;
};

struct NodeEntry {
  Node key;  ///< always a scalar
  Node value;
};

}  // namespace windrow::project
