#include "engine/duckdb/duckdb_engine.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "lake/table.h"

namespace windrow::engine {

namespace {

/// Asks a connection for its progress a few times a second while a statement runs, and passes it
/// on.
class ProgressPoll {
 public:
  ProgressPoll(duck::Connection& connection, const ProgressSink& sink, std::string task)
      : sink_(sink), task_(std::move(task)) {
    if (!sink_) return;
    thread_ = std::thread([this, &connection] {
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, std::chrono::milliseconds(200), [this] { return done_; })) {
        sink_(Progress{task_, "running", connection.progress(), -1});
      }
    });
  }
  ~ProgressPoll() {
    if (!thread_.joinable()) return;
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }

 private:
  const ProgressSink& sink_;
  std::string task_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

class DuckSession final : public Session {
 public:
  DuckSession(duck::Database& database, storage::FileSystem& files, const std::string& catalog,
              const std::vector<Input>& inputs, Cancel& cancel, const ProgressSink& progress)
      : files_(files),
        catalog_(catalog),
        cancel_(cancel),
        progress_(progress),
        connection_(database) {
    const std::string name = duck::quote_name(catalog_);
    connection_.execute("ATTACH ':memory:' AS " + name + "; USE " + name);
    stop_ = connection_.stop_on(cancel_);
    for (const auto& input : inputs) create_view(input);
  }

  ~DuckSession() override {
    stop_ = {};
    try {
      connection_.execute("USE memory; DETACH " + duck::quote_name(catalog_));
    } catch (const Error&) {
      // The catalog holds views only; it goes with the process at the latest.
    }
  }

  lake::Staged stage(const std::string& select, const duck::Parameters& parameters,
                     const Method& method, const Target& target) override {
    cancel_.check();
    connection_.describe(select,
                         parameters);  // so that errors point into the user's text, not into a COPY
    ProgressPoll poll(connection_, progress_, target.name);
    const lake::StageContext context{connection_,    files_,
                                     target.path,    target.name,
                                     target.current, target.partition_by,
                                     target.evolve,  target.may_replace_schema,
                                     target.now,     progress_};
    switch (method.kind) {
      case Method::Kind::append: return lake::stage_append(context, select, parameters);
      case Method::Kind::replace: return lake::stage_replace(context, select, parameters);
      case Method::Kind::replace_interval:
        return lake::stage_replace_interval(context, select, parameters, method.column,
                                            method.interval, method.zone);
      case Method::Kind::merge: return lake::stage_merge(context, select, parameters, method.merge);
      case Method::Kind::scd2: return lake::stage_scd2(context, select, parameters, method.scd2);
    }
    broken_invariant("method kind", __FILE__, __LINE__);
  }

  duck::Rows query(const std::string& sql, const duck::Parameters& parameters) override {
    cancel_.check();
    return connection_.query(sql, parameters);
  }

  std::vector<duck::Column> describe(const std::string& select,
                                     const duck::Parameters& parameters) override {
    return connection_.describe(select, parameters);
  }

  duck::Connection* connection() override { return &connection_; }

 private:
  /// `silver.movies` becomes a view in a schema of this session's catalog; a bare name one in its
  /// main schema.
  void create_view(const Input& input) {
    const auto dot = input.name.find('.');
    std::string name = duck::quote_name(input.name);
    if (dot != std::string::npos) {
      const std::string schema = duck::quote_name(input.name.substr(0, dot));
      if (schemas_.insert(schema).second)
        connection_.execute("CREATE SCHEMA IF NOT EXISTS " + schema);
      name = schema + "." + duck::quote_name(input.name.substr(dot + 1));
    }
    connection_.execute("CREATE OR REPLACE VIEW " + name + " AS " + input.sql);
  }

  storage::FileSystem& files_;
  std::string catalog_;
  Cancel& cancel_;
  ProgressSink progress_;
  duck::Connection connection_;
  std::set<std::string> schemas_;
  Cancel::Registration stop_;
};

class DuckEngine final : public Engine {
 public:
  DuckEngine(const duck::Options& options, storage::FileSystem& files)
      : options_(options), files_(files) {}

  std::unique_ptr<Session> open(const std::vector<Input>& inputs, Cancel& cancel,
                                const ProgressSink& progress) override {
    return std::make_unique<DuckSession>(
        database(), files_, "session_" + std::to_string(++sessions_), inputs, cancel, progress);
  }

 private:
  /// Opened with the first session: a run with nothing to do never starts DuckDB.
  duck::Database& database() {
    std::lock_guard lock(mutex_);
    if (!database_) {
      database_.emplace(options_);
      lake::attach(*database_, files_);
    }
    return *database_;
  }

  duck::Options options_;
  storage::FileSystem& files_;
  std::mutex mutex_;
  std::optional<duck::Database> database_;
  std::atomic<uint64_t> sessions_{0};
};

}  // namespace

std::unique_ptr<Engine> duckdb_engine(const duck::Options& options, storage::FileSystem& files) {
  return std::make_unique<DuckEngine>(options, files);
}

}  // namespace windrow::engine
