#pragma once

#include "api/api.h"
#include "api/endpoint.h"

/// Private to api/: which endpoint a request is for, and what of a request can be told without one.
namespace windrow::api {

struct Api::Way {
  const Endpoint* endpoint = nullptr;
  std::vector<std::string> allowed;  ///< methods, where the path is one of some
  std::map<std::string, std::string> path;
};

inline constexpr const char* kBase = "/api/v1";

/// Without its port and brackets.
std::string host_of(std::string_view header);
/// An IPv4 or IPv6 address, written in figures.
bool is_address(const std::string& host);
/// What the name of a host may be made of.
bool is_name(const std::string& host);
/// Whether text is UTF-8 that may be shown, without NUL.
bool is_text(std::string_view bytes);
/// A text of a URL, decoded; nothing where it is none.
std::optional<std::string> decoded(std::string_view text, bool plus_is_blank);

/// Error(permission) where another site may have made a browser send it.
void look_at_origin(const http::Request& request);
/// Parameters and body as the endpoint declares them, or one Error(usage) with all that is wrong.
void read_parameters(Call& call, const Endpoint& endpoint);
void read_body(Call& call, const Endpoint& endpoint);

}  // namespace windrow::api
