#pragma once

#include "base/rows.h"
#include "clients/cassandra/cluster.h"

/// Bodies of requests, and results (native_protocol_v5.spec, section 4).
namespace windrow::clients::cassandra {

/// What goes with a statement beside its text or id.
struct Parameters {
  Consistency consistency = Consistency::local_quorum;
  const Values* values = nullptr;
  int page_rows = 0;
  std::string_view page;
  bool serial = false;  ///< the statement has an IF
  std::optional<int64_t> timestamp;
};

void put_query(std::string& out, int version, std::string_view cql, const Parameters& with);
void put_execute(std::string& out, int version, const Statement& statement, const Parameters& with);
void put_batch(std::string& out, int version, const Statement& statement,
               const std::vector<Values>& rows, size_t count, Consistency consistency,
               int64_t timestamp);
void put_prepare(std::string& out, int version, std::string_view cql);

enum class ResultKind : int32_t { none = 1, rows = 2, keyspace = 3, prepared = 4, schema = 5 };
ResultKind kind_of(const Envelope& result);
Rows read_rows(const Envelope& result);
void read_prepared(const Envelope& result, int version, Statement& out);

}  // namespace windrow::clients::cassandra
