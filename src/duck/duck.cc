#include "duck/duck.h"

#include <algorithm>

#include "duck/functions.h"
#include "duck/impl.h"
#include "duck/metering_state.h"
#include "duck/quoting.h"

namespace windrow::duck {

namespace {

/// DuckDB's words for what went wrong, as the code that decides what to do about it.
Code code_of(duckdb::ExceptionType type, const std::string& message) {
  using duckdb::ExceptionType;
  switch (type) {
    case ExceptionType::INTERRUPT: return Code::canceled;
    case ExceptionType::CONVERSION:
    case ExceptionType::OUT_OF_RANGE:
    case ExceptionType::CONSTRAINT:
    case ExceptionType::INVALID_INPUT: return Code::data;
    case ExceptionType::OUT_OF_MEMORY: return Code::full;
    case ExceptionType::INTERNAL:
    case ExceptionType::FATAL: return Code::internal;
    case ExceptionType::IO:
      if (message.find("No space left") != std::string::npos) return Code::full;
      if (message.find("quota exceeded") != std::string::npos) return Code::full;
      if (message.find("Too many open files") != std::string::npos) return Code::unavailable;
      if (message.find("Permission denied") != std::string::npos) return Code::permission;
      if (message.find("Read-only file system") != std::string::npos) return Code::permission;
      if (message.find("No such file") != std::string::npos) return Code::not_found;
      if (message.find("No files found") != std::string::npos) return Code::not_found;
      return Code::corrupt;
    default: return Code::configuration;
  }
}

std::string hint_of(const duckdb::ErrorData& error, const std::string& message) {
  const auto& extra = error.ExtraInfo();
  if (auto found = extra.find("candidates"); found != extra.end() && !found->second.empty()) {
    return "there is: " + found->second;
  }
  if (error.Type() == duckdb::ExceptionType::OUT_OF_MEMORY) {
    return "give the engine more memory (engine.memory of the environment), fewer threads, or a "
           "spill folder "
           "with more space";
  }
  if (message.find("No space left") != std::string::npos) {
    return "free some space and run again: nothing half written counts";
  }
  return {};
}

/// DuckDB says where only in the text of its message: `LINE 2: …excerpt…` and a caret below. The
/// excerpt of a long line begins with dots. Gives the byte in `sql`.
std::optional<size_t> position_in(const std::string& message, const std::string& sql) {
  const auto line_at = message.find("\nLINE ");
  if (line_at == std::string::npos) return {};
  const auto colon = message.find(": ", line_at);
  const auto excerpt_end = message.find('\n', line_at + 1);
  const auto caret = message.rfind('^');
  if (colon == std::string::npos || excerpt_end == std::string::npos || caret < excerpt_end)
    return {};
  int line = std::atoi(message.c_str() + line_at + 6);
  size_t begin = 0;
  for (; line > 1; --line) {
    begin = sql.find('\n', begin);
    if (begin == std::string::npos) return {};
    ++begin;
  }
  std::string excerpt = message.substr(colon + 2, excerpt_end - colon - 2);
  size_t characters = caret - excerpt_end - 1;  // from the start of the caret's line
  const size_t prefix = colon + 2 - line_at - 1;
  if (characters < prefix) return {};
  characters -= prefix;
  size_t byte = 0;
  for (size_t seen = 0; seen < characters && byte < excerpt.size(); ++seen) {
    do ++byte;
    while (byte < excerpt.size() && (static_cast<unsigned char>(excerpt[byte]) & 0xC0) == 0x80);
  }
  if (excerpt.starts_with("...")) {
    excerpt.erase(0, 3);
    byte = byte >= 3 ? byte - 3 : 0;
    if (excerpt.ends_with("...")) excerpt.erase(excerpt.size() - 3);
    const auto found = sql.find(excerpt, begin);
    if (found == std::string::npos) return {};
    begin = found;
  }
  return begin + byte;
}

/// First letter small, no full stop at the end, nothing after the first line but what helps.
std::string our_words(std::string message) {
  // Advice of DuckDB's own, in terms of settings that our users do not set.
  if (const auto advice = message.find("\n\nPossible solutions"); advice != std::string::npos)
    message.erase(advice);
  for (const char* candidates : {"\nCandidate", "\n\tCandidate"}) {
    if (const auto at = message.find(candidates); at != std::string::npos) message.erase(at);
  }
  if (const auto line = message.find("\n\nLINE "); line != std::string::npos) message.erase(line);
  if (const auto line = message.find("\nLINE "); line != std::string::npos) message.erase(line);
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) message.pop_back();
  if (message.size() > 1 && std::isupper(static_cast<unsigned char>(message[0])) &&
      !std::isupper(static_cast<unsigned char>(message[1]))) {
    message[0] = char(std::tolower(static_cast<unsigned char>(message[0])));
  }
  return message;
}

}  // namespace

void raise(duckdb::ErrorData error, const std::string& sql) {
  const auto type = error.Type();
  const std::string message = error.RawMessage();
  const auto position = position_in(message, sql);
  if (type == duckdb::ExceptionType::INTERRUPT) throw Error(Code::canceled, "stopped on request");
  if (const auto& carried = error.ExtraInfo(); carried.count("windrow_code")) {
    const auto of = [&](const char* key) {
      const auto found = carried.find(key);
      return found == carried.end() ? std::string() : found->second;
    };
    const Place place{of("windrow_file"), std::atoi(of("windrow_line").c_str()),
                      std::atoi(of("windrow_column").c_str())};
    throw SqlError(Problem{code_named(of("windrow_code")), message, of("windrow_hint"), place},
                   position, "IO");
  }
  throw SqlError(Problem{code_of(type, message), our_words(message), hint_of(error, message), {}},
                 position, duckdb::Exception::ExceptionTypeToString(type));
}

namespace {

Cell cell_of(const duckdb::Value& value) {
  if (value.IsNull()) return std::monostate{};
  using duckdb::LogicalTypeId;
  switch (value.type().id()) {
    case LogicalTypeId::BOOLEAN: return duckdb::BooleanValue::Get(value);
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER: return value.GetValue<int64_t>();
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT: {
      duckdb::Value narrow;
      std::string ignored;
      if (value.DefaultTryCastAs(duckdb::LogicalType::BIGINT, narrow, &ignored))
        return narrow.GetValue<int64_t>();
      return value.ToString();
    }
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: return value.GetValue<double>();
    case LogicalTypeId::VARCHAR: return duckdb::StringValue::Get(value);
    default: return value.ToString();
  }
}

duckdb::Value value_of(const Parameter& parameter) {
  struct Maker {
    duckdb::Value operator()(std::monostate) const { return duckdb::Value(); }
    duckdb::Value operator()(bool b) const { return duckdb::Value::BOOLEAN(b); }
    duckdb::Value operator()(int64_t n) const { return duckdb::Value::BIGINT(n); }
    duckdb::Value operator()(double d) const { return duckdb::Value::DOUBLE(d); }
    duckdb::Value operator()(const std::string& s) const { return duckdb::Value(s); }
  };
  duckdb::Value value = std::visit(Maker{}, parameter.value);
  if (parameter.type.empty()) return value;
  return value.DefaultCastAs(
      duckdb::LogicalType(duckdb::TransformStringToLogicalTypeId(parameter.type)));
}

}  // namespace

namespace {

/// DuckDB's limit bounds what its buffer manager hands out; code, the allocator's slack and the
/// Parquet writers' pages come on top of it. An eighth is kept for them, so that the process stays
/// near what it was given.
uint64_t limit_of(uint64_t memory_bytes) { return memory_bytes - memory_bytes / 8; }

/// A write by partitions buffers so many rows per thread, outside of what can be spilled, and keeps
/// so many files open: 16,384 and 16 at 512 MB, in proportion up to DuckDB's own defaults.
uint64_t partition_rows(uint64_t memory_bytes) {
  return std::clamp<uint64_t>(memory_bytes >> 15, 16384, 524288);
}
uint64_t partition_files(uint64_t memory_bytes) {
  return std::clamp<uint64_t>(memory_bytes >> 25, 16, 100);
}

}  // namespace

Database::Database(const Options& options, const std::string& path) {
  guarded([&] {
    duckdb::DBConfig config;
    const auto set = [&](const char* name, duckdb::Value value) {
      config.SetOptionByName(name, value);
    };
    if (const uint64_t memory = options.memory_bytes) {
      set("memory_limit", duckdb::Value(std::to_string(limit_of(memory)) + "B"));
      set("partitioned_write_flush_threshold", duckdb::Value::UBIGINT(partition_rows(memory)));
      set("partitioned_write_max_open_files", duckdb::Value::UBIGINT(partition_files(memory)));
    }
    if (options.threads) set("threads", duckdb::Value::BIGINT(options.threads));
    set("temp_directory", duckdb::Value(options.spill_folder));
    if (!options.extension_folder.empty())
      set("extension_directory", duckdb::Value(options.extension_folder));
    // Nothing is fetched behind the user's back.
    set("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
    set("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
    config.file_system = local_files();
    impl_ = std::make_unique<Impl>(path, config);
    impl_->zone = options.zone;
  });
  add_mean_function(*this);
}

Database::~Database() = default;
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;

duckdb::unique_ptr<duckdb::QueryResult> Connection::Impl::run(const std::string& sql,
                                                              const Parameters& parameters,
                                                              bool streaming) {
  auto statements = connection.ExtractStatements(sql);
  duckdb::unique_ptr<duckdb::QueryResult> result;
  for (size_t i = 0; i < statements.size(); ++i) {
    const bool last = i + 1 == statements.size();
    result = run_one(std::move(statements[i]), sql, parameters, streaming && last);
  }
  return result;
}

duckdb::unique_ptr<duckdb::QueryResult> Connection::Impl::run_one(
    duckdb::unique_ptr<duckdb::SQLStatement> statement, const std::string& sql,
    const Parameters& parameters, bool streaming) {
  heed_stop();
  duckdb::case_insensitive_map_t<duckdb::BoundParameterData> values;
  for (const auto& [name, index] : statement->named_param_map) {
    auto found = parameters.find(name);
    if (found == parameters.end()) {
      throw SqlError(
          Problem{Code::configuration, "parameter \"$" + name + "\" has no value", "", {}}, {},
          "Binder");
    }
    values[name] = duckdb::BoundParameterData(value_of(found->second));
  }
  // Not prepared before: the optimizer is to see the values, which rule out files and row groups.
  auto pending = connection.PendingQuery(std::move(statement), values, streaming);
  if (pending->HasError()) raise(pending->GetErrorObject(), sql);
  heed_stop();  // DuckDB forgets an interrupt when it begins a query; from here on it does not
  const StatementTurn turn(*connection.context);
  auto result = pending->Execute();
  if (result->HasError()) raise(result->GetErrorObject(), sql);
  return result;
}

void Connection::Impl::heed_stop() {
  if (stop_asked.exchange(false)) throw Error(Code::canceled, "stopped on request");
}

std::vector<Column> Connection::Impl::columns_of(const duckdb::QueryResult& result) {
  std::vector<Column> columns;
  for (size_t i = 0; i < result.names.size(); ++i)
    columns.push_back({result.names[i], result.types[i].ToString()});
  return columns;
}

Connection::Connection(Database& database) {
  guarded([&] { impl_ = std::make_unique<Impl>(*database.impl().database.instance); });
  set_up(database.impl().zone);
}

void Connection::set_up(const std::string& zone) {
  // The progress is asked for by `progress`; DuckDB itself prints nothing.
  execute(
      "SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET "
      "progress_bar_time = 0; SET TimeZone = " +
      quote_text(zone));
}

std::unique_ptr<Connection> Connection::beside() {
  std::unique_ptr<Connection> out(new Connection());
  guarded([&] { out->impl_ = std::make_unique<Impl>(*impl_->connection.context->db); });
  out->set_up(cell_text(value("SELECT current_setting('TimeZone')")));
  out->execute("USE " + quote_name(cell_text(value("SELECT current_catalog()"))));
  measure_as(*out, *this);
  return out;
}

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

Rows Connection::query(std::string_view sql, const Parameters& parameters) {
  Rows out;
  stream(
      sql, parameters, [&](const std::vector<Column>& columns) { out.columns = columns; },
      [&](const std::vector<Cell>& row) {
        out.rows.push_back(row);
        return true;
      });
  return out;
}

Cell Connection::value(std::string_view sql, const Parameters& parameters) {
  auto rows = query(sql, parameters);
  if (rows.rows.size() != 1 || rows.columns.size() != 1) {
    throw Error(Code::internal,
                "a query for one value gave another number of them: " + std::string(sql));
  }
  return rows.rows[0][0];
}

void Connection::stream(std::string_view sql, const Parameters& parameters,
                        const std::function<void(const std::vector<Column>&)>& head,
                        const std::function<bool(const std::vector<Cell>&)>& row) {
  const std::string text(sql);
  impl_->guarded_by_stop(
      [&] {
        auto result = impl_->run(text, parameters, true);
        if (!result) {
          if (head) head({});
          return;
        }
        if (head) head(Impl::columns_of(*result));
        const size_t width = result->ColumnCount();
        std::vector<Cell> cells(width);
        while (true) {
          duckdb::unique_ptr<duckdb::DataChunk> chunk;
          duckdb::ErrorData error;
          {
            const StatementTurn turn(*impl_->connection.context);
            if (!result->TryFetch(chunk, error)) raise(error, text);
          }
          if (!chunk || chunk->size() == 0) return;
          for (duckdb::idx_t r = 0; r < chunk->size(); ++r) {
            for (size_t c = 0; c < width; ++c) cells[c] = cell_of(chunk->GetValue(c, r));
            if (!row(cells)) return;
          }
        }
      },
      text);
}

std::vector<Column> Connection::describe(std::string_view select, const Parameters& parameters) {
  // A sub-query under LIMIT 0 binds everything, parameters with their types included, and runs
  // nothing.
  const std::string sql(select);
  return impl_->guarded_by_stop(
      [&] {
        auto statements = impl_->connection.ExtractStatements(sql);
        if (statements.size() != 1) throw Error(Code::configuration, "one SELECT is expected here");
        auto prepared = impl_->connection.Prepare(std::move(statements[0]));
        if (prepared->HasError()) raise(prepared->error, sql);
        if (prepared->named_param_map.empty()) {
          std::vector<Column> columns;
          const auto& names = prepared->GetNames();
          const auto& types = prepared->GetTypes();
          for (size_t i = 0; i < names.size(); ++i)
            columns.push_back({names[i], types[i].ToString()});
          return columns;
        }
        auto result = impl_->run("SELECT * FROM (\n" + sql + "\n) LIMIT 0", parameters, false);
        return Impl::columns_of(*result);
      },
      sql);
}

void Connection::interrupt() { impl_->connection.Interrupt(); }

double Connection::progress() {
  const double percentage = impl_->connection.context->GetQueryProgress().GetPercentage();
  return percentage < 0 ? -1 : percentage / 100;
}

Cancel::Registration Connection::stop_on(Cancel& cancel) {
  return cancel.on_request([impl = impl_.get()] {
    impl->stop_asked = true;
    impl->connection.Interrupt();
  });
}

std::string version() {
  std::string text = duckdb::DuckDB::LibraryVersion();
  return text.starts_with("v") ? text.substr(1) : text;
}

}  // namespace windrow::duck
