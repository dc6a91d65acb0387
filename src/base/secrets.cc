#include "base/secrets.h"

#include <algorithm>
#include <cctype>

namespace windrow {

namespace {

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += char(c);
    } else {
      out += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return out;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void Secrets::learn(std::string_view value) {
  if (value.size() < 4) return;
  std::lock_guard lock(mutex_);
  for (auto& form : {std::string(value), percent_encoded(value), json_escaped(value)}) {
    if (std::find(values_.begin(), values_.end(), form) == values_.end()) values_.push_back(form);
  }
  std::stable_sort(values_.begin(), values_.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Secrets::redact(std::string_view text) const {
  std::lock_guard lock(mutex_);
  std::string out(text);
  for (const auto& value : values_) {
    for (size_t at = out.find(value); at != std::string::npos; at = out.find(value, at + 3)) {
      out.replace(at, value.size(), "***");
    }
  }
  return out;
}

}  // namespace windrow
