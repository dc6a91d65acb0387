#include "sources/settings.h"

#include <algorithm>
#include <charconv>

#include "base/nearest.h"
#include "base/time.h"

namespace windrow::sources {

void Settings::wrong(std::string_view key, const std::string& expected) const {
  const auto* found = find(key);
  throw Error(Code::configuration, "\"" + std::string(key) + "\": expected " + expected, "",
              found ? found->place : value_.place);
}

int64_t Settings::number(std::string_view key, int64_t otherwise, int64_t least) const {
  const auto* found = find(key);
  if (!found) return otherwise;
  const std::string text = found->text();
  int64_t out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc{} || end != text.data() + text.size() || out < least)
    wrong(key, "a whole number, at least " + std::to_string(least));
  return out;
}

double Settings::real(std::string_view key, double otherwise) const {
  const auto* found = find(key);
  if (!found) return otherwise;
  const std::string text = found->text();
  char* end = nullptr;
  const double out = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(out > 0)) wrong(key, "a number above 0");
  return out;
}

bool Settings::flag(std::string_view key, bool otherwise) const {
  const auto* found = find(key);
  if (!found) return otherwise;
  const std::string text = found->text();
  if (text != "true" && text != "false") wrong(key, "true or false");
  return text == "true";
}

std::chrono::microseconds Settings::duration(std::string_view key,
                                             std::chrono::microseconds otherwise) const {
  const auto* found = find(key);
  if (!found) return otherwise;
  const auto out = parse_duration(found->text());
  if (!out) wrong(key, "a duration such as 30s");
  return *out;
}

std::vector<std::string> Settings::texts(std::string_view key) const {
  const auto* found = find(key);
  if (!found) return {};
  std::vector<std::string> out;
  if (const auto* list = std::get_if<project::Value::List>(&found->data)) {
    for (const auto& each : *list) out.push_back(each.text());
  } else {
    out.push_back(found->text());
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Settings::pairs(std::string_view key) const {
  const auto* found = find(key);
  if (!found) return {};
  const auto* map = std::get_if<project::Value::Map>(&found->data);
  if (!map) wrong(key, "a mapping");
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : *map) out.emplace_back(name.value, value.text());
  return out;
}

void Settings::only(const std::vector<std::string>& keys) const {
  const auto* map = std::get_if<project::Value::Map>(&value_.data);
  if (!map) throw Error(Code::configuration, "expected a mapping", "", value_.place);
  for (const auto& [name, value] : *map) {
    if (std::find(keys.begin(), keys.end(), name.value) != keys.end()) continue;
    throw Error(Code::configuration, "unknown key \"" + name.shown() + "\"",
                did_you_mean(name.value, keys), name.place);
  }
}

}  // namespace windrow::sources
