#pragma once

#include <memory>

#include "engine/engine.h"
#include "storage/file_system.h"

namespace windrow::engine {

/// DuckDB inside this process. All sessions share one instance, and so one memory limit and one
/// spill folder; each session has a catalog of its own, so two tasks may see the same table at
/// different versions.
std::unique_ptr<Engine> duckdb_engine(const duck::Options& options, storage::FileSystem& files);

}  // namespace windrow::engine
