#include "app/kinds.h"

#include "operators/operators.h"
#include "publish/cassandra/kind.h"
#include "publish/duckdb/kind.h"
#include "publish/files/kind.h"
#include "publish/mongodb/kind.h"
#include "publish/mysql/kind.h"
#include "publish/postgres/kind.h"
#include "publish/sqlite/kind.h"
#include "sources/database/kind.h"
#include "sources/files/kind.h"
#include "sources/kafka/kind.h"
#include "sources/rest/kind.h"
#include "sources/sse/kind.h"

namespace windrow::app {

namespace {

/// In the order of the reference.
std::vector<publish::StoreKind> store_kinds() {
  return {publish::sqlite_kind(),   publish::duckdb_kind(), publish::files_kind(),
          publish::postgres_kind(), publish::mysql_kind(),  publish::mongodb_kind(),
          publish::cassandra_kind()};
}

std::vector<sources::SourceKind> source_kinds() {
  return {sources::files_kind(), sources::kafka_kind(), sources::rest_kind(),
          sources::database_kind(), sources::sse_kind()};
}

/// Its connections are read, and nothing uses them.
project::ConnectionKind unused(const char* name) {
  project::ConnectionKind out;
  out.name = name;
  out.open = true;
  out.used = false;
  return out;
}

Kinds put_together() {
  Kinds out{{}, publish::Stores(store_kinds()), sources::Kinds(source_kinds())};
  auto& connections = out.declared.connections;
  connections = {sources::rest_connection(), sources::kafka_connection()};
  for (const auto& kind : out.stores.kinds()) connections.push_back(kind.connection);
  for (const char* name : {"s3", "http"}) connections.push_back(unused(name));
  for (const auto& kind : out.sources.all()) out.declared.sources.push_back(kind.declared);
  out.declared.operators = {
      &operators::association_rules(), &operators::clusters(),      &operators::expected_loss(),
      &operators::lifetime_value(),    &operators::network(),       &operators::recommend(),
      &operators::retention(),         &operators::rfm(),           &operators::scorecard(),
      &operators::sentiment(),         &operators::sessions(),      &operators::stress_test(),
      &operators::survival(),          &operators::value_at_risk(), &operators::var_backtest()};
  return out;
}

}  // namespace

const Kinds& kinds() {
  static const Kinds all = put_together();
  return all;
}

}  // namespace windrow::app
