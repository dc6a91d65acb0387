#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windrow {

/// Every byte but letters, digits and `-._~` as `%XX`; with `keep_slash` also `/` stays.
std::string percent_encoded(std::string_view text, bool keep_slash = false);
/// `%XX` as the byte that it stands for; what is no such thing stays as it is.
std::string percent_decoded(std::string_view text);

/// A URL taken apart as RFC 3986 says, each part as it is written. Views into the text.
struct Url {
  std::string_view scheme;
  std::optional<std::string_view> user_info;  ///< what is before the last `@` of the authority
  std::string_view hosts;                     ///< with ports; several with commas
  std::string_view path;                      ///< with the slash at its beginning
  std::string_view query;                     ///< without the question mark

  /// What is behind the first colon of `user_info`; nothing where there is none.
  std::optional<std::string_view> password() const;
  /// Names and values of the query, as they are written.
  std::vector<std::pair<std::string_view, std::string_view>> parameters() const;
};

/// Nothing where the text does not begin with `scheme://`.
std::optional<Url> split_url(std::string_view text);

/// Why a URL would be read as something else than was meant, without any of its text: a user or
/// password with a character that has a meaning in a URL, blanks, a port that is no number. Empty:
/// nothing.
std::string url_problem(std::string_view text);

/// Host names of `host:port,[::1]:port`, without ports and brackets.
std::vector<std::string> hosts_of(std::string_view hosts);
/// True for `localhost`, 127.0.0.0/8, ::1, and paths of sockets on this machine: what is sent there
/// goes over no wire.
bool is_loopback(std::string_view host);
/// True where there is a host, and each is one of those.
bool all_loopback(const std::vector<std::string>& hosts);

}  // namespace windrow
