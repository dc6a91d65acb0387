#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windrow::storage {

/// An element of a small XML document, as storage servers answer with: names without namespace
/// prefix, text with entities resolved; attributes, comments and processing instructions are
/// passed over. No DTD, so no entity of one's own.
struct Xml {
  std::string name, text;
  std::vector<Xml> children;

  /// The first child of that name, or nothing.
  const Xml* child(std::string_view wanted) const;
  /// The text of that child; empty where there is none.
  std::string child_text(std::string_view wanted) const;
};

/// The root element. Throws Error(corrupt) where the document is not well formed or is nested more
/// than 32 deep.
Xml parse_xml(std::string_view document);

/// Text as it may stand in an element.
std::string xml_escaped(std::string_view text);

}  // namespace windrow::storage
