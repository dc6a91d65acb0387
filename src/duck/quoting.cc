#include "duck/quoting.h"

namespace windrow::duck {

namespace {
std::string doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}
}  // namespace

std::string quote_name(std::string_view name) { return doubled(name, '"'); }

std::string quote_text(std::string_view text) { return doubled(text, '\''); }

std::string quote_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) out += (out.size() > 1 ? ", " : "") + quote_text(text);
  return out + "]";
}

}  // namespace windrow::duck
