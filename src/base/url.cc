#include "base/url.h"

#include <algorithm>

namespace windrow {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_escape(std::string_view text, size_t at) {
  return at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 && hex_digit(text[at + 2]) >= 0;
}

/// A port after the last colon that is outside of brackets; nothing where there is none.
std::optional<std::string_view> port_of(std::string_view host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket) ||
      (bracket == std::string_view::npos && host.find(':') != colon))  // a bare IPv6 address
    return {};
  return host.substr(colon + 1);
}

/// Schemes whose URLs usually hold a user, and no `@` in what comes after the hosts.
bool names_a_user(std::string_view scheme) {
  return scheme == "postgres" || scheme == "postgresql" || scheme == "mysql" ||
         scheme == "mariadb" || scheme.starts_with("mongodb");
}

}  // namespace

std::string percent_encoded(std::string_view text, bool keep_slash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' ||
                       c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && is_escape(text, i)) {
      out += char(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<std::string_view> Url::password() const {
  if (!user_info) return {};
  const size_t colon = user_info->find(':');
  if (colon == std::string_view::npos) return {};
  return user_info->substr(colon + 1);
}

std::vector<std::pair<std::string_view, std::string_view>> Url::parameters() const {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  for (size_t at = 0; at < query.size();) {
    const size_t end = std::min(query.find('&', at), query.size());
    const std::string_view one = query.substr(at, end - at);
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos)
      out.emplace_back(one.substr(0, equals), one.substr(equals + 1));
    at = end + 1;
  }
  return out;
}

std::optional<Url> split_url(std::string_view text) {
  const size_t colon = text.find("://");
  if (colon == 0 || colon == std::string_view::npos || !is_letter(text[0])) return {};
  Url out;
  out.scheme = text.substr(0, colon);
  if (!std::all_of(out.scheme.begin(), out.scheme.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
      }))
    return {};
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const size_t question = text.find('?');
  if (question != std::string_view::npos) {
    out.query = text.substr(question + 1);
    text = text.substr(0, question);
  }
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    out.path = text.substr(slash);
    text = text.substr(0, slash);
  }
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    out.user_info = text.substr(0, at);
    text = text.substr(at + 1);
  }
  out.hosts = text;
  return out;
}

std::string url_problem(std::string_view text) {
  const auto url = split_url(text);
  if (!url) return {};
  for (size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) <= ' ' || text[i] == 0x7f)
      return "it holds a blank or a control character";
  }
  const std::string reserved = "its user or password holds a character that has a meaning in a URL";
  if (url->user_info) {
    const auto user = *url->user_info;
    for (size_t i = 0; i < user.size(); ++i) {
      if (user[i] == '@' || user[i] == '[' || user[i] == ']' ||
          (user[i] == '%' && !is_escape(user, i)))
        return reserved;
    }
    if (url->password() && url->password()->find(':') != std::string_view::npos) return reserved;
  }
  // `user:pass/word@host`: what was meant to be a password ends the hosts.
  if (names_a_user(url->scheme)) {
    const size_t behind = size_t(url->hosts.data() + url->hosts.size() - text.data());
    if (text.find('@', behind) != std::string_view::npos) return reserved;
  }
  for (std::string_view rest = url->hosts; !rest.empty();) {
    const auto host = rest.substr(0, rest.find(','));
    const auto port = port_of(host);
    if (port && !std::all_of(port->begin(), port->end(), is_digit))
      return text.find('@') == std::string_view::npos ? "its port is no number" : reserved;
    rest.remove_prefix(std::min(rest.size(), host.size() + 1));
  }
  return {};
}

std::vector<std::string> hosts_of(std::string_view hosts) {
  std::vector<std::string> out;
  while (!hosts.empty()) {
    auto host = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), host.size() + 1));
    if (const size_t scheme = host.find("://"); scheme != std::string_view::npos)
      host.remove_prefix(scheme + 3);
    while (host.starts_with(' ')) host.remove_prefix(1);
    while (host.ends_with(' ')) host.remove_suffix(1);
    if (const auto port = port_of(host)) host.remove_suffix(port->size() + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (!host.empty()) out.emplace_back(host);
  }
  return out;
}

bool is_loopback(std::string_view host) {
  std::string name(host);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost") || name == "::1" ||
      name.starts_with('/') || name.starts_with('@'))
    return true;
  if (name.starts_with("::ffff:")) name.erase(0, 7);
  // 127.0.0.0/8, written whole: `127.evil.example` is a name.
  return name.starts_with("127.") && std::count(name.begin(), name.end(), '.') == 3 &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_digit(c) || c == '.'; });
}

bool all_loopback(const std::vector<std::string>& hosts) {
  return !hosts.empty() && std::all_of(hosts.begin(), hosts.end(),
                                       [](const std::string& host) { return is_loopback(host); });
}

}  // namespace windrow
