#pragma once

#include <map>
#include <string>
#include <vector>

#include "publish/store_kind.h"

namespace windrow::publish {

/// `cassandra` of a view: how its table is laid out.
struct CassandraTable {
  std::vector<std::string> partition, clustering;  ///< clustering: `-column` for downwards
  std::string ttl;                                 ///< a duration; empty: rows stay
  std::string index;                               ///< kind of the indexes; empty: the server's
  std::map<std::string, std::string> options;      ///< of CREATE TABLE … WITH
};
const CassandraTable& cassandra_declared(const project::PublishedView& view);

std::unique_ptr<Store> cassandra_store(const project::Connection& connection,
                                       const Surroundings& surroundings);
StoreKind cassandra_kind();

}  // namespace windrow::publish
