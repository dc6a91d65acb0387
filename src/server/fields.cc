#include "server/fields.h"

namespace windrow::server {

using app::Json;

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool true_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

std::optional<int64_t> whole_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return {};
  return found->get<int64_t>();
}

std::map<std::string, std::string> texts_in(const Json& json, const char* key) {
  std::map<std::string, std::string> out;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_object()) return out;
  for (const auto& [name, value] : found->items())
    if (value.is_string()) out[name] = value.get<std::string>();
  return out;
}

std::optional<Interval> interval_in(const Json& json) {
  const auto start = whole_in(json, "start"), end = whole_in(json, "end");
  if (!start || !end) return {};
  return Interval{time_from_micros(*start), time_from_micros(*end)};
}

std::string compact(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace windrow::server
