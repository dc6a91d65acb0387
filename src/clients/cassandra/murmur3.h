#pragma once

#include <cstdint>
#include <string_view>

namespace windrow::clients::cassandra {

/// The token of a partition key under Murmur3Partitioner: the first half of MurmurHash3 x64 128
/// with seed 0, where, as Cassandra has always done it, the bytes of the tail are taken as signed.
/// The least number stands for "before all" there and becomes the greatest.
int64_t murmur3_token(std::string_view key);

}  // namespace windrow::clients::cassandra
