#include "project/names.h"

#include "base/utf8_prefix.h"

namespace windrow::project {
namespace {
constexpr size_t kShownBytesMax = 80;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
}  // namespace

bool is_identifier(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return false;
  for (char c : text) {
    if (!is_letter(c) && !is_digit(c)) return false;
  }
  return true;
}

bool is_label(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return false;
  for (char c : text) {
    if (!is_letter(c) && !is_digit(c) && c != '-') return false;
  }
  return true;
}

bool is_table_name(std::string_view text) {
  const size_t dot = text.find('.');
  return dot != std::string_view::npos && is_identifier(text.substr(0, dot)) &&
         is_identifier(text.substr(dot + 1));
}

std::string in_quotes(std::string_view text) {
  const size_t end = text.find('\n');
  bool cut = end != std::string_view::npos && end + 1 < text.size();
  text = text.substr(0, end);
  if (text.size() > kShownBytesMax) {
    text = utf8_prefix(text, kShownBytesMax);
    cut = true;
  }
  return "\"" + std::string(text) + (cut ? "…" : "") + "\"";
}

std::string listed(const std::vector<std::string>& names, std::string_view last) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? last : ", ";
    out += names[i];
  }
  return out;
}

}  // namespace windrow::project
