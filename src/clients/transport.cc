#include "clients/transport.h"

#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/url.h"

namespace windrow::clients {

namespace {

constexpr const char* kPlainText = "TLS is off: passwords and rows can be read on their way";

Protection protection_of(std::string_view word) {
  if (word == "verified" || word == "true" || word == "verify-full" || word == "require")
    return Protection::verified;
  if (word == "unverified") return Protection::unverified;
  if (word == "off" || word == "false" || word == "disable") return Protection::off;
  const std::string more =
      word == "verify-ca" || word == "prefer" || word == "allow"
          ? "; what libpq calls " + std::string(word) + " lets others on the way listen in"
          : "";
  throw Error(
      Code::configuration, "`tls` does not take \"" + std::string(word) + "\"",
      "write verified (what it is without `tls:`, to any other machine), unverified or off" + more);
}

}  // namespace

std::string Transport::exposure() const {
  if (!protection || all_loopback(hosts)) return {};
  switch (*protection) {
    case Protection::verified: return {};
    case Protection::unverified:
      return "the server's certificate is not verified: whoever is in between can read and change "
             "what is sent";
    case Protection::off: return kPlainText;
  }
  return {};
}

Transport transport_of(std::string_view tls, std::vector<std::string> hosts, bool authority) {
  Transport out;
  if (!tls.empty())
    out.protection = protection_of(tls);
  else if (authority || !all_loopback(hosts))
    out.protection = Protection::verified;
  out.hosts = std::move(hosts);
  return out;
}

std::string http_exposure(std::string_view text) {
  const auto url = split_url(text);
  if (!url || url->scheme != "http" || all_loopback(hosts_of(url->hosts))) return {};
  return kPlainText;
}

std::string system_authorities() {
  const char* chosen = std::getenv("SSL_CERT_FILE");  // as OpenSSL has it
  if (chosen && *chosen) return chosen;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
    if (::access(file, R_OK) == 0) return file;
  }
  return {};
}

}  // namespace windrow::clients
