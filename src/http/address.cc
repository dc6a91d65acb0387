#include <charconv>

#include "base/error.h"
#include "base/url.h"
#include "http/server.h"

namespace windrow::http {

ListenAddress listen_address(const std::string& text) {
  const auto wrong = [&]() {
    return Error(Code::usage, "--listen takes an address and a port, but \"" + text + "\" is none",
                 "write 127.0.0.1:8080, 0.0.0.0:8443 or [::1]:8080");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw wrong();
  ListenAddress out;
  out.host = text.substr(0, colon);
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  else if (out.host.find(':') != std::string::npos)
    throw wrong();
  const auto digits = text.substr(colon + 1);
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (failure != std::errc() || end != digits.data() + digits.size() || out.host.empty())
    throw wrong();
  if (out.host == "localhost") out.host = "127.0.0.1";
  out.loopback = is_loopback(out.host);
  return out;
}

}  // namespace windrow::http
