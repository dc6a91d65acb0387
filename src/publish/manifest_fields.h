#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace windrow::publish {

/// A manifest where it is kept as a document.
using Json = nlohmann::ordered_json;

/// Empty where it is not there or no text.
inline std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}
/// -1 where it is not there or no whole number.
inline int64_t number_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : -1;
}

}  // namespace windrow::publish
