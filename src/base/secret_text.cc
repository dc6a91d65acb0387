#include "base/secret_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "base/text.h"
#include "base/url.h"

namespace windrow {

namespace {

/// The code unit behind `\u`; nothing where there is none.
std::optional<uint32_t> code_unit(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return {};
  uint32_t out = 0;
  for (const char c : text.substr(at, 4)) {
    if (!std::isxdigit(static_cast<unsigned char>(c))) return {};
    out = out * 16 + uint32_t(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  }
  return out;
}

/// The text of a JSON literal without its quotes.
std::string json_unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    const auto unit = c == 'u' ? code_unit(text, i + 1) : std::nullopt;
    if (unit) {
      i += 4;
      const auto low = *unit >> 10 == 0x36 && text.substr(i + 1).starts_with("\\u")
                           ? code_unit(text, i + 3)
                           : std::nullopt;
      if (low && *low >> 10 == 0x37) {
        i += 6;
        append_utf8(out, 0x10000 + ((*unit & 0x3ff) << 10) + (*low & 0x3ff));
      } else {
        append_utf8(out, *unit);
      }
    } else {
      out += c == 'n'   ? '\n'
             : c == 't' ? '\t'
             : c == 'r' ? '\r'
             : c == 'b' ? '\b'
             : c == 'f' ? '\f'
                        : c;
    }
  }
  return out;
}

/// Words of a name in capitals: at every sign that is no letter, and where small letters end.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> out(1);
  bool small = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isalpha(byte)) {
      small = false;
      if (!std::isdigit(byte) && !out.back().empty()) out.emplace_back();
      continue;
    }
    if (std::isupper(byte) && small) out.emplace_back();
    small = std::islower(byte) != 0;
    out.back() += char(std::toupper(byte));
  }
  if (out.back().empty()) out.pop_back();
  return out;
}

}  // namespace

std::string json_escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20) {
      out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

bool names_secret(std::string_view name) {
  static constexpr std::array kCalled = {"PASSWORD", "PASSWD", "PASSPHRASE",
                                         "SECRET",   "TOKEN",  "CREDENTIAL"};
  static constexpr std::array kAbout = {"FILE", "PATH",      "LOCATION", "FOLDER",
                                        "DIR",  "DIRECTORY", "COLUMN",   "COLUMNS",
                                        "URL",  "ENDPOINT",  "TYPE"};
  const auto words = words_of(name);
  if (words.empty()) return false;
  if (std::find(kAbout.begin(), kAbout.end(), words.back()) != kAbout.end()) return false;
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "PWD" || word == "PASS" || word.ends_with("KEY") || word.ends_with("KEYS") ||
           std::any_of(kCalled.begin(), kCalled.end(),
                       [&](const char* called) { return word.find(called) != std::string::npos; });
  });
}

bool is_login_header(std::string_view name) {
  const std::string header = lower(name);
  return header == "authorization" || header == "proxy-authorization" || header == "cookie";
}

void learn_url(Secrets& secrets, std::string_view text) {
  const auto url = split_url(text);
  if (!url) return;
  if (!url_problem(text).empty()) {
    const size_t begin = text.find("://") + 3, at = text.rfind('@');
    if (at == std::string_view::npos || at < begin) return;
    const auto user = text.substr(begin, at - begin);
    const size_t colon = user.find(':');
    secrets.learn(colon == std::string_view::npos ? user : user.substr(colon + 1));
    return;
  }
  const auto both = [&](std::string_view written) {
    secrets.learn(percent_decoded(written));
    secrets.learn(written);
  };
  if (url->password()) both(*url->password());
  for (const auto& [name, value] : url->parameters())
    if (names_secret(percent_decoded(name))) both(value);
}

std::string redact_json(const Secrets& secrets, std::string_view json) {
  std::string out;
  size_t at = 0;
  for (size_t quote; (quote = json.find('"', at)) != std::string_view::npos;) {
    size_t end = quote + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end >= json.size()) return out + secrets.redact(json.substr(at));  // no JSON to its end
    const std::string text = json_unescaped(json.substr(quote + 1, end - quote - 1));
    const std::string safe = secrets.redact(text);
    out += json.substr(at, quote - at);
    out += safe == text ? std::string(json.substr(quote, end + 1 - quote))
                        : "\"" + json_escaped(safe) + "\"";
    at = end + 1;
  }
  return out + std::string(json.substr(at));
}

}  // namespace windrow
