#pragma once

// Private to duck/: the one header that sees DuckDB's own (it costs seconds to compile).
#include <atomic>
#include <duckdb.hpp>
#include <duckdb/common/error_data.hpp>

#include "duck/duck.h"

namespace windrow::duck {

/// Throws DuckDB's error as ours; `sql` is what it speaks of.
[[noreturn]] void raise(duckdb::ErrorData error, const std::string& sql);

template <typename F>
auto guarded(F&& work, const std::string& sql = {}) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    raise(duckdb::ErrorData(error), sql);
  }
}

/// Runs `work`; an error of ours crosses DuckDB as an IOException that carries it (`raise`
/// takes it out again).
template <typename F>
auto carried(F&& work) {
  try {
    return work();
  } catch (const Error& error) {
    const auto& problem = error.problem();
    // Built without a format: the message may hold percent signs.
    throw duckdb::IOException(
        duckdb::unordered_map<std::string, std::string>{
            {"windrow_code", std::string(name_of(problem.code))},
            {"windrow_hint", problem.hint},
            {"windrow_file", problem.place.file},
            {"windrow_line", std::to_string(problem.place.line)},
            {"windrow_column", std::to_string(problem.place.column)}},
        problem.message);
  }
}

struct Database::Impl {
  explicit Impl(const std::string& path, duckdb::DBConfig& config)
      : database(path.empty() ? nullptr : path.c_str(), &config) {}
  duckdb::DuckDB database;
  std::string zone;
};

struct Connection::Impl {
  explicit Impl(duckdb::DatabaseInstance& database) : connection(database) {}

  /// Runs every statement; gives the last one's result, streaming where asked.
  duckdb::unique_ptr<duckdb::QueryResult> run(const std::string& sql, const Parameters& parameters,
                                              bool streaming);
  duckdb::unique_ptr<duckdb::QueryResult> run_one(
      duckdb::unique_ptr<duckdb::SQLStatement> statement, const std::string& sql,
      const Parameters& parameters, bool streaming);
  static std::vector<Column> columns_of(const duckdb::QueryResult& result);

  /// Throws where somebody asked to stop since the last time it was heeded.
  void heed_stop();
  /// As `guarded`; a request that stopped this work is over with it.
  template <typename F>
  auto guarded_by_stop(F&& work, const std::string& sql = {}) {
    try {
      return guarded(std::forward<F>(work), sql);
    } catch (const Error& error) {
      if (error.code() == Code::canceled) stop_asked = false;
      throw;
    }
  }

  duckdb::Connection connection;
  /// A request to stop that comes between two queries must stop the next one: DuckDB would forget
  /// it.
  std::atomic<bool> stop_asked{false};
};

}  // namespace windrow::duck
