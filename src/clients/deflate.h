#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace windrow::clients {

/// Unpacks a raw deflate stream (RFC 1951). Error(corrupt) where it is broken or would be longer
/// than `most` bytes.
std::string inflated(std::string_view packed, uint64_t most);

}  // namespace windrow::clients
