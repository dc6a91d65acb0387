#include "sources/rest/json_slices.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace windrow::sources {

namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// The end of the value that begins at `at`.
size_t end_of_value(std::string_view text, size_t at) {
  int depth = 0;
  bool inside = false;
  for (size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inside = false;
    } else if (c == '"') {
      inside = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      --depth;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
  return text.size();
}

std::string unquoted(std::string_view value) {
  if (value.find('\\') == std::string_view::npos)
    return std::string(value.substr(1, value.size() - 2));
  return nlohmann::json::parse(value).get<std::string>();
}

/// Calls `see(name, value)` for each member until it says stop.
template <class See>
void each_member(std::string_view text, const See& see) {
  text = trimmed(text);
  if (text.empty() || text.front() != '{') return;
  for (size_t i = 1; i < text.size();) {
    while (i < text.size() && (blank(text[i]) || text[i] == ',')) ++i;
    if (i >= text.size() || text[i] != '"') return;
    const size_t begin = i;
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
    }
    const std::string_view name = text.substr(begin, ++i - begin);
    i = text.find(':', i) + 1;
    const size_t end = end_of_value(text, i);
    if (!see(name, trimmed(text.substr(i, end - i)))) return;
    i = end;
  }
}

std::optional<std::string_view> member(std::string_view text, std::string_view name) {
  std::optional<std::string_view> found;
  each_member(text, [&](std::string_view quoted, std::string_view value) {
    const bool plain = quoted.find('\\') == std::string_view::npos;
    const bool same =
        plain ? quoted.substr(1, quoted.size() - 2) == name : unquoted(quoted) == name;
    if (same) found = value;
    return !same;
  });
  return found;
}

/// One step of a path: a name, or a number in an array.
std::optional<std::string_view> step(std::string_view text, std::string_view name) {
  if (text.empty() || text.front() != '[') return member(text, name);
  size_t index = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
  const auto all = json_elements(text);
  if (read.ec != std::errc{} || !all || index >= all->size()) return {};
  return (*all)[index];
}

}  // namespace

bool valid_json(std::string_view text) { return nlohmann::json::accept(text); }

std::optional<std::string_view> json_at(std::string_view text, std::string_view path) {
  text = trimmed(text);
  if (path.starts_with('$')) path.remove_prefix(1);
  if (path.starts_with('.')) path.remove_prefix(1);
  if (path.ends_with("[*]")) path.remove_suffix(3);
  if (path.empty()) return text;
  if (const auto whole = member(text, path)) return whole;
  for (size_t i = 0; i < path.size();) {
    size_t end = path.find_first_of(".[", i);
    if (end == std::string_view::npos) end = path.size();
    std::string_view name = path.substr(i, end - i);
    if (name.ends_with(']')) name.remove_suffix(1);
    const auto found = step(text, name);
    if (!found) return {};
    text = *found;
    i = end + 1;
  }
  return text;
}

std::optional<std::vector<std::string_view>> json_elements(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.front() != '[') return {};
  std::vector<std::string_view> out;
  for (size_t i = 1; i < text.size();) {
    while (i < text.size() && (blank(text[i]) || text[i] == ',')) ++i;
    if (i >= text.size() || text[i] == ']') break;
    const size_t end = end_of_value(text, i);
    out.push_back(trimmed(text.substr(i, end - i)));
    i = end;
  }
  return out;
}

std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view text) {
  std::vector<std::pair<std::string, std::string_view>> out;
  each_member(text, [&](std::string_view name, std::string_view value) {
    out.emplace_back(unquoted(name), value);
    return true;
  });
  return out;
}

std::optional<std::string> json_text(std::string_view value) {
  if (value.empty() || value == "null" || value.front() == '{' || value.front() == '[') return {};
  if (value.front() == '"') return unquoted(value);
  return std::string(value);
}

std::optional<int64_t> json_integer(std::string_view value) {
  const auto text = json_text(value);
  if (!text) return {};
  int64_t out = 0;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (problem != std::errc{} || end != text->data() + text->size()) return {};
  return out;
}

size_t json_depth(std::string_view json) {
  size_t depth = 0, most = 0;
  bool text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (text) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        text = false;
    } else if (c == '"') {
      text = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return most;
}

std::string json_quoted(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace windrow::sources
