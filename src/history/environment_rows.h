#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "clients/sqlite.h"
#include "history/history.h"

/// Private to history/: the history's file as one environment sees it.
namespace windrow::history {

struct EnvironmentRows {
  using Value = clients::SqliteValue;
  using Rows = std::vector<std::vector<Value>>;

  EnvironmentRows(const std::string& path, std::string environment_name)
      : environment(std::move(environment_name)),
        database(made(path), clients::Sqlite::Mode::existing) {
    database.make_durable_and_concurrent();
  }

  /// The environment is `?1` of each statement.
  Rows ask(const std::string& sql, std::vector<Value> values = {}) {
    std::lock_guard lock(mutex);
    return ask_locked(sql, std::move(values));
  }
  Rows ask_locked(const std::string& sql, std::vector<Value> values = {}) {
    values.insert(values.begin(), environment);
    return database.query(sql, values);
  }

  const std::string environment;
  std::mutex mutex;
  clients::Sqlite database;

 private:
  /// The history makes the file, and brings an older one to the present format.
  static const std::string& made(const std::string& path) {
    const History opened(path);
    return path;
  }
};

}  // namespace windrow::history
