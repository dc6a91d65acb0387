#include "duck/metering.h"

#include <duckdb/common/local_file_system.hpp>
#include <duckdb/common/virtual_file_system.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <duckdb/storage/buffer_manager.hpp>

#include "duck/metering_state.h"

// All statements of a process share DuckDB's threads. But DuckDB tells the connection, on the
// thread itself, where it begins and ends a piece of its work: from there to there the thread's
// time is the connection's, and so is what the thread reads.
//
// DuckDB's profiler counts bytes too, but of local Parquet files the footers alone, and its times
// are those of a clock on the wall.

namespace windrow::duck {
namespace {

constexpr const char* kMeteringState = "windrow_metering";

/// Whom this thread reads for, and how many pieces of work it is in: a statement that takes its
/// rows from another one is measured with it.
struct Reading {
  Meter* meter = nullptr;
  int depth = 0;
};
thread_local Reading reading;

struct Metering final : duckdb::ClientContextState {
  explicit Metering(Meter& m) : meter(m) {}

  void OnTaskStart(duckdb::ClientContext&) override {
    begin_cpu();
    if (reading.depth++ == 0) reading.meter = &meter;
  }
  void OnTaskStop(duckdb::ClientContext& context) override {
    if (--reading.depth == 0) reading.meter = nullptr;
    end_cpu(meter);
    Usage held;
    held.peak_memory = int64_t(duckdb::BufferManager::GetBufferManager(context).GetUsedMemory());
    meter.add(held);
  }

  Meter& meter;
};

duckdb::shared_ptr<Metering> metering_of(duckdb::ClientContext& context) {
  return context.registered_state->Get<Metering>(kMeteringState);
}

/// What did not fit into memory, and is read back.
bool is_spill(const std::string& path) {
  constexpr std::string_view kBegins = "duckdb_temp_";
  return path.compare(path.find_last_of('/') + 1, kBegins.size(), kBegins) == 0;
}

/// DuckDB's own, but for one thing.
class LocalFiles final : public duckdb::LocalFileSystem {
 public:
  void Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes,
            duckdb::idx_t location) override {
    LocalFileSystem::Read(handle, buffer, bytes, location);
    tell_read(handle.GetPath(), bytes);
  }
  int64_t Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes) override {
    const int64_t read = LocalFileSystem::Read(handle, buffer, bytes);
    tell_read(handle.GetPath(), read);
    return read;
  }
};

}  // namespace

void measure(Connection& connection, Meter& meter) {
  connection.impl().connection.context->registered_state->Insert(
      kMeteringState, duckdb::make_shared_ptr<Metering>(meter));
}

void measure_as(Connection& connection, Connection& other) {
  if (const auto metering = metering_of(*other.impl().connection.context))
    measure(connection, metering->meter);
}

StatementTurn::StatementTurn(duckdb::ClientContext& context)
    : pause_(metering_of(context) != nullptr) {}

void tell_read(const std::string& path, int64_t bytes) {
  if (!reading.meter || is_spill(path)) return;
  reading.meter->opened_inside(path);
  reading.meter->read_inside(bytes);
}

duckdb::unique_ptr<duckdb::FileSystem> local_files() {
  return duckdb::make_uniq<duckdb::VirtualFileSystem>(duckdb::make_uniq<LocalFiles>());
}

}  // namespace windrow::duck
