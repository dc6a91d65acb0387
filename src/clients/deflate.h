#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace windrow::clients {

/// Unpacks a raw deflate stream (RFC 1951). Error(corrupt) where it is broken or would be longer
/// than `most` bytes.
std::string inflated(std::string_view packed, uint64_t most);

/// Gives packed bytes in order, nothing at the end.
using Packed = std::function<std::string()>;
/// Takes unpacked bytes in order; false: no more of them are wanted.
using Unpacked = std::function<bool(std::string_view)>;

/// Unpacks a raw deflate stream piece by piece; false where it is broken or cut off.
bool inflate(const Packed& packed, const Unpacked& out);
/// Unpacks a gzip file (RFC 1952, of one or more members) piece by piece; false where it is not
/// whole, by the lengths and checksums that it tells.
bool gunzip(const Packed& packed, const Unpacked& out);
/// The same of Zstandard (RFC 8878).
bool unzstd(const Packed& packed, const Unpacked& out);

}  // namespace windrow::clients
