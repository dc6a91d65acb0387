#pragma once

// Private to duck/: the others' share in metering.cc.
#include "base/usage.h"
#include "duck/impl.h"

namespace windrow::duck {

/// Measures a connection for whoever measures the other one, if anybody does.
void measure_as(Connection& connection, Connection& other);
/// Around what a statement's own thread does until rows are there: pieces of the statement's work,
/// which are measured one by one, and between them DuckDB looks in a loop whether other threads are
/// done with theirs.
class StatementTurn {
 public:
  explicit StatementTurn(duckdb::ClientContext& context);

 private:
  CpuPause pause_;
};
/// Bytes of a file were read on this thread.
void tell_read(const std::string& path, int64_t bytes);
/// The files of this machine for a database, which tell what is read of them.
duckdb::unique_ptr<duckdb::FileSystem> local_files();

}  // namespace windrow::duck
