#include "clients/cassandra/tls.h"

#include <arpa/inet.h>
#include <poll.h>

#include <array>

namespace windrow::clients::cassandra {

namespace {

std::string last_words() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  const std::string whole = text.data();
  return whole.substr(whole.rfind(':') + 1);
}

void use_files(SSL_CTX* context, const Security& security) {
  const auto fail = [](const std::string& what, const std::string& file) {
    throw Error(Code::configuration, "cannot use " + what + " \"" + file + "\": " + last_words(),
                "it must be a PEM file");
  };
  if (security.ca.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_locations(context, security.ca.c_str(), nullptr) != 1) {
    fail("the authorities in", security.ca);
  }
  if (security.certificate.empty()) return;
  if (SSL_CTX_use_certificate_chain_file(context, security.certificate.c_str()) != 1)
    fail("the certificate", security.certificate);
  const auto& key = security.key.empty() ? security.certificate : security.key;
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    fail("the key", key);
}

}  // namespace

Connection::Tls::Tls(const Address& address, const Security& security, int descriptor)
    : context(SSL_CTX_new(TLS_client_method())), where(address.text()) {
  try {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    use_files(context, security);
    SSL_CTX_set_verify(context, security.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  } catch (...) {
    SSL_CTX_free(context);
    throw;
  }
  ssl = SSL_new(context);
  SSL_set_fd(ssl, descriptor);
  unsigned char bytes[16];
  const bool is_address = inet_pton(AF_INET, address.host.c_str(), bytes) == 1 ||
                          inet_pton(AF_INET6, address.host.c_str(), bytes) == 1;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address.host.c_str());
  } else {
    SSL_set1_host(ssl, address.host.c_str());
    SSL_set_tlsext_host_name(ssl, address.host.c_str());
  }
}

Connection::Tls::~Tls() {
  SSL_free(ssl);
  SSL_CTX_free(context);
}

short Connection::Tls::shake() {
  ERR_clear_error();
  const int result = SSL_connect(ssl);
  if (result == 1) return 0;
  const int why = SSL_get_error(ssl, result);
  if (why == SSL_ERROR_WANT_READ) return POLLIN;
  if (why == SSL_ERROR_WANT_WRITE) return POLLOUT;
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) {
    throw Error(Code::permission,
                "the certificate of cassandra at " + where +
                    " is not trusted: " + X509_verify_cert_error_string(verified),
                "name the authority that signed it with ca: FILE");
  }
  throw Error(Code::unavailable, "no TLS with cassandra at " + where + ": " + last_words(),
              "does the node speak TLS at that port (client_encryption_options)?");
}

long Connection::Tls::write(std::string_view bytes) {
  ERR_clear_error();
  const int went = SSL_write(ssl, bytes.data(), int(std::min<size_t>(bytes.size(), 1 << 16)));
  if (went > 0) return went;
  const int why = SSL_get_error(ssl, went);
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

long Connection::Tls::read(char* to, size_t size) {
  ERR_clear_error();
  const int got = SSL_read(ssl, to, int(size));
  if (got > 0) return got;
  const int why = SSL_get_error(ssl, got);
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

}  // namespace windrow::clients::cassandra
