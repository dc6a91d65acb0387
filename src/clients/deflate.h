#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace windrow::clients {

/// Unpacks a raw deflate stream (RFC 1951). Error(corrupt) where it is broken or would be longer
/// than `most` bytes.
std::string inflated(std::string_view packed, uint64_t most);

/// Whether a gzip file (RFC 1952, of one or more members) is whole, with the lengths and checksums
/// that it tells. `piece` gives its bytes in order, nothing at the end.
bool whole_gzip(const std::function<std::string()>& piece);

}  // namespace windrow::clients
