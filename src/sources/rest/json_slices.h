#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Parts of a JSON text as they stand there, byte for byte: a number keeps its digits and an object
/// its order. The text must be valid JSON (`valid_json`); views are into it.
namespace windrow::sources {

bool valid_json(std::string_view text);

/// The value at a dotted path (`meta.next`, `$.links[0].href`; empty or `$`: the whole). Nothing
/// where it is not there. A name that holds dots is found where the whole path is a name.
std::optional<std::string_view> json_at(std::string_view text, std::string_view path);
/// The elements of an array; nothing where it is none.
std::optional<std::vector<std::string_view>> json_elements(std::string_view text);
/// Names and values of an object, in its order.
std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view text);
/// A scalar as text: strings without quotes and escapes, everything else as it stands; nothing for
/// null, objects and arrays.
std::optional<std::string> json_text(std::string_view value);
std::optional<int64_t> json_integer(std::string_view value);
/// How many objects and arrays lie in each other at most; of any text.
size_t json_depth(std::string_view text);
/// The text as a JSON string.
std::string json_quoted(std::string_view text);

}  // namespace windrow::sources
