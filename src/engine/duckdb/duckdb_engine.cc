#include "engine/duckdb/duckdb_engine.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "columns/batch.h"
#include "columns/parquet_files.h"
#include "duck/batches.h"
#include "duck/duck.h"
#include "duck/functions.h"
#include "duck/metering.h"
#include "duck/quoting.h"
#include "lake/table.h"

namespace windrow::engine {

namespace {

/// Asks a connection for its progress a few times a second while a statement runs, and passes it
/// on.
class ProgressPoll {
 public:
  ProgressPoll(duck::Connection& connection, const ProgressSink& sink) : sink_(sink) {
    if (!sink_) return;
    thread_ = std::thread([this, &connection] {
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, std::chrono::milliseconds(200), [this] { return done_; })) {
        sink_(Progress{"", "running", connection.progress(), -1});
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
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

/// A connection with a catalog of its own.
class Connected {
 public:
  explicit Connected(duck::Database& database) : own(database) {}
  duck::Connection own;
};

class Session final : private Connected, public lake::DuckRows {
 public:
  Session(duck::Database& database, const std::string& catalog, const std::vector<Input>& inputs,
          Cancel& cancel, const ProgressSink& progress, Meter* meter)
      : Connected(database),
        DuckRows(own),
        catalog_(catalog),
        cancel_(cancel),
        progress_(progress),
        meter_(meter) {
    if (meter_) duck::measure(own, *meter_);
    const std::string name = duck::quote_name(catalog_);
    own.execute("ATTACH ':memory:' AS " + name + "; USE " + name);
    stop_ = own.stop_on(cancel_);
    for (const auto& input : inputs) create_view(input);
  }

  ~Session() override {
    stop_ = {};
    try {
      own.execute("USE memory; DETACH " + duck::quote_name(catalog_));
    } catch (const Error&) {
      // The catalog holds views only; it goes with the process at the latest.
    }
  }

  Rows query(const lake::Relation& select, const Parameters& parameters) override {
    cancel_.check();
    return DuckRows::query(select, parameters);
  }
  std::string keep(const std::string& name, const lake::Relation& select,
                   const Parameters& parameters) override {
    cancel_.check();
    ProgressPoll poll(own, progress_);
    return DuckRows::keep(name, select, parameters);
  }
  using DuckRows::keep;
  std::unique_ptr<columns::BatchReader> read(const lake::Relation& select,
                                             const Parameters& parameters) override {
    cancel_.check();
    auto own_connection = own.beside();
    auto stop = own_connection->stop_on(cancel_);
    return duck::read_batches(std::move(own_connection), lake::duck_sql(select), parameters,
                              std::move(stop));
  }
  std::vector<columns::WrittenFile> write(const lake::Relation& select,
                                          const Parameters& parameters,
                                          const columns::WriteOptions& options,
                                          const ProgressSink& progress) override {
    cancel_.check();
    ProgressPoll poll(own, progress_);
    auto files = DuckRows::write(select, parameters, options, progress);
    if (meter_) meter_->add(written(files));
    return files;
  }

 private:
  /// `silver.movies` becomes a view in a schema of this session's catalog; a bare name one in its
  /// main schema.
  void create_view(const Input& input) {
    const auto dot = input.name.find('.');
    std::string name = duck::quote_name(input.name);
    if (dot != std::string::npos) {
      const std::string schema = duck::quote_name(input.name.substr(0, dot));
      if (schemas_.insert(schema).second) own.execute("CREATE SCHEMA IF NOT EXISTS " + schema);
      name = schema + "." + duck::quote_name(input.name.substr(dot + 1));
    }
    own.execute("CREATE OR REPLACE VIEW " + name + " AS " + lake::duck_sql(input.rows));
  }

  static Usage written(const std::vector<columns::WrittenFile>& files) {
    Usage out;
    out.files_written = int64_t(files.size());
    out.bytes_written = 0;
    for (const auto& file : files) *out.bytes_written += file.bytes;
    return out;
  }

  std::string catalog_;
  Cancel& cancel_;
  ProgressSink progress_;
  Meter* meter_;
  std::set<std::string> schemas_;
  Cancel::Registration stop_;
};

class OwnEngine final : public DuckEngine {
 public:
  OwnEngine(const duck::Options& options, storage::FileSystem& files,
            const columns::TextFunctions& functions)
      : options_(options), files_(files), functions_(functions) {}

  std::unique_ptr<lake::DuckRows> open_inside(const std::vector<Input>& inputs, Cancel& cancel,
                                              const ProgressSink& progress, Meter* meter) override {
    return std::make_unique<Session>(database(), "session_" + std::to_string(++sessions_), inputs,
                                     cancel, progress, meter);
  }
  std::string dialect() const override { return "duckdb " + duck::version(); }

 private:
  /// Opened with the first session: a run with nothing to do never starts DuckDB.
  duck::Database& database() {
    std::lock_guard lock(mutex_);
    if (!database_) {
      database_.emplace(options_);
      lake::attach(*database_, files_);
      duck::add_text_functions(*database_, functions_);
    }
    return *database_;
  }

  duck::Options options_;
  storage::FileSystem& files_;
  columns::TextFunctions functions_;
  std::mutex mutex_;
  std::optional<duck::Database> database_;
  std::atomic<uint64_t> sessions_{0};
};

}  // namespace

std::unique_ptr<DuckEngine> duckdb_engine(const duck::Options& options, storage::FileSystem& files,
                                          const columns::TextFunctions& functions) {
  return std::make_unique<OwnEngine>(options, files, functions);
}

}  // namespace windrow::engine
