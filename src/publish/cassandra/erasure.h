#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "publish/cassandra/schema.h"
#include "publish/store.h"

namespace windrow::publish {

/// Deletes the rows of a table that have this key; the key need not be the primary one. Nothing
/// where the table has no such columns. What was deleted stays in the nodes' files until they are
/// compacted after `gc_grace_seconds`.
std::optional<int64_t> cassandra_erase(clients::cassandra::Cluster& cluster,
                                       const CassandraPlace& place, const std::string& table,
                                       const KeyValues& key, bool dry_run, int64_t timestamp);

}  // namespace windrow::publish
