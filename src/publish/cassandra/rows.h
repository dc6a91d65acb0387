#pragma once

#include <string>
#include <vector>

#include "clients/cassandra/cluster.h"
#include "duck/vectors.h"

namespace windrow::publish {

/// One column on its way into Cassandra: the SQL that yields its values, and how they become bytes.
struct CassandraField {
  std::string name;
  clients::cassandra::Type type;
  bool lost = false;  ///< the table has it, the view has not: NULL
  std::string sql;    ///< an expression over the view's columns
};

/// The type that a column of the lake has in Cassandra where nobody says otherwise.
std::string cassandra_type_of(const std::string& duck_type);

/// A field for a column of this type; `duck_type` is what the view yields. Error(unsupported) where
/// values of the type are not written.
CassandraField cassandra_field(const std::string& name, const std::string& duck_type,
                               const clients::cassandra::Type& type);

/// Appends the value; NULL as `unset` or null. Error(data) where it has no place in the type.
void put_cassandra_value(const CassandraField& field, const duck::Vector& vector, size_t row,
                         bool unset, clients::cassandra::Values& out);

}  // namespace windrow::publish
