#include "duck/glob.h"

namespace windrow::duck {

namespace {

/// Whether `c` is in the set that begins behind a `[`; `rest` is put behind the set. A set without
/// end is no set.
bool in_set(char c, std::string_view pattern, std::string_view& rest, bool& is_set) {
  size_t at = 0;
  const bool negated = !pattern.empty() && pattern[0] == '!';
  if (negated) ++at;
  bool found = false;
  for (const size_t first = at; at < pattern.size(); ++at) {
    if (pattern[at] == ']' && at > first) {
      rest = pattern.substr(at + 1);
      is_set = true;
      return found != negated;
    }
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      found = found || (pattern[at] <= c && c <= pattern[at + 2]);
      at += 2;
    } else {
      found = found || pattern[at] == c;
    }
  }
  is_set = false;
  return false;
}

std::string_view first_part(std::string_view path) { return path.substr(0, path.find('/')); }

std::string_view behind_first_part(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
}

}  // namespace

bool fits(std::string_view name, std::string_view pattern) {
  // After a star the rest is tried at every place; only the last star has to be gone back to.
  std::string_view star_pattern, star_name;
  bool star = false;
  while (true) {
    bool good;
    if (!pattern.empty() && pattern[0] == '*') {
      star = true;
      star_pattern = pattern = pattern.substr(1);
      star_name = name;
      continue;
    }
    if (name.empty() && pattern.empty()) return true;
    if (name.empty()) return false;  // a star cannot take less than nothing
    if (pattern.empty()) {
      good = false;
    } else if (pattern[0] == '?') {
      // One character, not one byte.
      size_t bytes = 1;
      while (bytes < name.size() && (static_cast<unsigned char>(name[bytes]) & 0xC0) == 0x80)
        ++bytes;
      name.remove_prefix(bytes - 1);
      pattern.remove_prefix(1);
      good = true;
    } else if (std::string_view rest; pattern[0] == '[') {
      bool is_set = false;
      good = in_set(name[0], pattern.substr(1), rest, is_set);
      if (!is_set) {
        good = name[0] == '[';
        rest = pattern.substr(1);
      }
      pattern = rest;
    } else {
      if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
      good = pattern[0] == name[0];
      pattern.remove_prefix(1);
    }
    if (good) {
      name.remove_prefix(1);
    } else if (star && !star_name.empty()) {
      star_name.remove_prefix(1);
      name = star_name;
      pattern = star_pattern;
    } else {
      return false;
    }
  }
}

bool path_fits(std::string_view path, std::string_view pattern) {
  while (true) {
    const bool last_path = path.find('/') == std::string_view::npos;
    const bool last_pattern = pattern.find('/') == std::string_view::npos;
    if (first_part(pattern) == "**") {
      if (last_pattern) return true;
      for (std::string_view rest = path;;) {
        if (path_fits(rest, behind_first_part(pattern))) return true;
        if (rest.find('/') == std::string_view::npos) return false;
        rest = behind_first_part(rest);
      }
    }
    if (!fits(first_part(path), first_part(pattern))) return false;
    if (last_path || last_pattern) return last_path && last_pattern;
    path = behind_first_part(path);
    pattern = behind_first_part(pattern);
  }
}

std::string literal_path(std::string_view path) {
  if (!is_glob(path)) return std::string(path);
  std::string out;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[') {
      ((out += '[') += c) += ']';
    } else {
      out += c;
    }
  }
  return out;
}

bool is_glob(std::string_view pattern) { return pattern.find_first_of("*?[") != pattern.npos; }

}  // namespace windrow::duck
