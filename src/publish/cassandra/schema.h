#pragma once

#include <string>
#include <vector>

#include "clients/cassandra/cluster.h"
#include "duck/forward.h"
#include "publish/cassandra/rows.h"
#include "publish/store.h"

namespace windrow::publish {

/// `"name"`, quotes doubled.
std::string cassandra_name(std::string_view name);
/// `'text'`, quotes doubled.
std::string cassandra_text(std::string_view text);

struct CassandraPlace {
  std::string keyspace;
  std::string replication;  ///< as CREATE KEYSPACE writes it
  std::string qualified(std::string_view table) const {
    return cassandra_name(keyspace) + "." + cassandra_name(table);
  }
};

/// A view's table: what it is, and what would make it as declared.
struct CassandraTableState {
  bool exists = false;
  std::vector<std::string> key;        ///< partition columns, then clustering ones
  size_t partition = 0;                ///< how many of `key` are of the partition
  std::vector<CassandraField> fields;  ///< of the INSERT, in its order
  std::vector<std::string> changes;    ///< CQL, in order: table, columns, options, indexes
};

/// Looks at the store. Error(configuration) where the table that is there does not fit: another
/// primary key, or a table that Windrow did not publish (`ours` false) and that has rows.
CassandraTableState cassandra_table(clients::cassandra::Cluster& cluster,
                                    const CassandraPlace& place, const ViewBatch& view, bool ours,
                                    duck::Connection& connection);

bool keyspace_exists(clients::cassandra::Cluster& cluster, const CassandraPlace& place);
std::string create_keyspace(const CassandraPlace& place);

}  // namespace windrow::publish
