#pragma once

#include <map>
#include <optional>
#include <string>

#include "app/json.h"
#include "base/interval.h"

/// Private to server/: JSON that others wrote, or an earlier server. What is not there, or is of
/// another kind, counts as not said.
namespace windrow::server {

std::string text_in(const app::Json& json, const char* key);
bool true_in(const app::Json& json, const char* key);
std::optional<int64_t> whole_in(const app::Json& json, const char* key);
std::map<std::string, std::string> texts_in(const app::Json& json, const char* key);
/// `start` and `end`, in microseconds since 1970.
std::optional<Interval> interval_in(const app::Json& json);

/// On one line, without its end.
std::string compact(const app::Json& json);

}  // namespace windrow::server
