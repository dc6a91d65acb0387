#pragma once

#include <memory>

#include "columns/function.h"
#include "duck/forward.h"
#include "engine/engine.h"
#include "storage/file_system.h"

namespace windrow::engine {

/// DuckDB inside this process. All sessions share one instance, and so one memory limit and one
/// spill folder; each session has a catalog of its own, so two tasks may see the same table at
/// different versions.
class DuckEngine : public Engine {
 public:
  /// For what runs in this process whatever engine builds the models: sources, publishing. The
  /// connection's views are the inputs.
  virtual std::unique_ptr<lake::DuckRows> open_inside(const std::vector<Input>& inputs,
                                                      Cancel& cancel, const ProgressSink& progress,
                                                      Meter* meter) = 0;
  std::unique_ptr<lake::RowWork> open(const std::vector<Input>& inputs, Cancel& cancel,
                                      const ProgressSink& progress, Meter* meter) final {
    return open_inside(inputs, cancel, progress, meter);
  }
};

/// SELECTs may call `functions` beside DuckDB's own.
std::unique_ptr<DuckEngine> duckdb_engine(const duck::Options& options, storage::FileSystem& files,
                                          const columns::TextFunctions& functions = {});

}  // namespace windrow::engine
