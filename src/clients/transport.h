#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How what is sent to a server is protected on its way, the same for every kind of server: TLS
/// with a verified certificate to whatever is not this machine, unless less is spelled out.
namespace windrow::clients {

enum class Protection {
  verified,    ///< encrypted, and the certificate is the server's own
  unverified,  ///< encrypted, for whoever answers
  off          ///< plain text
};

struct Transport {
  std::vector<std::string> hosts;
  /// Nothing where none was asked for and all hosts are this machine: as the server likes it.
  std::optional<Protection> protection;

  bool encrypted() const { return protection && *protection != Protection::off; }
  /// What others on the way can do, in words for `plan` and `health`; empty where they can do
  /// nothing.
  std::string exposure() const;
};

/// From what `tls:` says: verified (or true), unverified, off (or false); nothing. `authority`: a
/// certificate is given, which asks for TLS too. Error(configuration) for other words.
Transport transport_of(std::string_view tls, std::vector<std::string> hosts, bool authority);

/// What of an HTTP URL others on the way can do: of `http://` to another machine.
std::string http_exposure(std::string_view url);

/// The file with the certificates of this machine's authorities; empty where none is known.
std::string system_authorities();

}  // namespace windrow::clients
