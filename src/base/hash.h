#pragma once

#include <string>
#include <string_view>

namespace windrow {

/// SHA-256 as 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

/// HMAC with SHA-256: 32 bytes as they are.
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// With padding.
std::string base64(std::string_view bytes);
/// SHA-256 as 32 bytes.
std::string sha256_bytes(std::string_view bytes);
/// Two lower-case hexadecimal digits a byte.
std::string hexadecimal(std::string_view bytes);

}  // namespace windrow
