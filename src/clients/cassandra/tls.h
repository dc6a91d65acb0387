#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "clients/cassandra/connection.h"

namespace windrow::clients::cassandra {

/// OpenSSL on a socket that does not block.
struct Connection::Tls {
  Tls(const Address& address, const Security& security, int descriptor);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;
  /// What it waits for (POLLIN, POLLOUT), 0 when it is done.
  short shake();
  /// -1: closed or broken; 0: would wait.
  long write(std::string_view bytes);
  long read(char* to, size_t size);

  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  std::string where;
};

}  // namespace windrow::clients::cassandra
