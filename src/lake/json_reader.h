#pragma once

#include <simdjson.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// Private to this room: reading JSON with simdjson. Text is untrusted: whatever is not as expected
/// becomes Error(corrupt). Nesting deeper than simdjson's 1,024 levels is refused by simdjson
/// itself, so recursion over what it has accepted is bounded.
namespace windrow::lake {

using JsonElement = simdjson::dom::element;
using JsonObject = simdjson::dom::object;

/// Runs `work`; what simdjson throws becomes Error(corrupt) with `what` as the thing that does not
/// read.
template <typename Work>
auto reading_json(std::string_view what, Work work) {
  try {
    return work();
  } catch (const simdjson::simdjson_error& error) {
    throw Error(Code::corrupt, std::string(what) + " does not read: " + error.what(),
                "restore the file from a copy, or read an older version of the table");
  }
}

/// Nothing where the key is absent or null.
inline std::optional<JsonElement> find(const JsonObject& object, std::string_view key) {
  JsonElement found;
  if (object[key].get(found) != simdjson::SUCCESS || found.is_null()) return {};
  return found;
}

inline std::string string_at(const JsonObject& object, std::string_view key,
                             std::string fallback = {}) {
  const auto found = find(object, key);
  return found ? std::string(std::string_view(*found)) : std::move(fallback);
}

inline int64_t integer_at(const JsonObject& object, std::string_view key, int64_t fallback = 0) {
  const auto found = find(object, key);
  if (!found) return fallback;
  // Whole numbers first: simdjson gives every number as a double too, which loses digits beyond
  // 2^53.
  if (found->is_int64()) return int64_t(*found);
  if (found->is_double()) {  // some writers print 1.7e12
    const double number = *found;
    if (!(number >= -0x1p63 && number < 0x1p63))
      throw simdjson::simdjson_error(simdjson::NUMBER_OUT_OF_RANGE);
    return int64_t(number);
  }
  return int64_t(*found);
}

inline bool boolean_at(const JsonObject& object, std::string_view key, bool fallback) {
  const auto found = find(object, key);
  return found ? bool(*found) : fallback;
}

/// The JSON text of what is there; empty where nothing is.
inline std::string text_at(const JsonObject& object, std::string_view key) {
  const auto found = find(object, key);
  return found ? std::string(simdjson::minify(*found)) : std::string();
}

inline std::vector<std::string> strings_at(const JsonObject& object, std::string_view key) {
  std::vector<std::string> out;
  if (const auto found = find(object, key)) {
    for (JsonElement item : found->get_array()) out.emplace_back(std::string_view(item));
  }
  return out;
}

inline std::map<std::string, std::string> string_map_at(const JsonObject& object,
                                                        std::string_view key) {
  std::map<std::string, std::string> out;
  if (const auto found = find(object, key)) {
    for (auto [name, value] : found->get_object()) {
      if (!value.is_null()) out.emplace(name, std::string_view(value));
    }
  }
  return out;
}

}  // namespace windrow::lake
