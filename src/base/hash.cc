#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"

namespace windrow {

std::string sha256(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  WINDROW_INVARIANT(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) ==
                    1);
  return hexadecimal({reinterpret_cast<const char*>(digest), size});
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  WINDROW_INVARIANT(HMAC(EVP_sha256(), key.data(), int(key.size()),
                         reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest,
                         &size) != nullptr);
  return {reinterpret_cast<const char*>(digest), size};
}

std::string hexadecimal(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) out += {kHex[byte >> 4], kHex[byte & 15]};
  return out;
}

}  // namespace windrow
