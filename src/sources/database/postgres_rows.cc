#include <fmt/format.h>

#include <fstream>

#include "base/time.h"
#include "clients/postgres.h"
#include "clients/postgres_options.h"
#include "duck/quoting.h"
#include "sources/database/rows.h"

/// Rows of PostgreSQL come by COPY as CSV. One connection holds a snapshot open
/// (pg_export_snapshot), every reader takes it over: all tables are of one moment.
namespace windrow::sources {

namespace {

using clients::Postgres;
using clients::postgres_name;

constexpr const char* kBegin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

struct As {
  std::string sql;   ///< of the column, with {} for its name
  std::string type;  ///< DuckDB's
  std::string back;  ///< SQL in DuckDB over the text, with {}; empty: as it is
};

/// Cast by SQL: the reader of CSV makes NULL of a moment that it cannot read, and says nothing. The
/// two write years before Christ in their own ways.
constexpr const char* kMoment =
    R"(CAST(CASE WHEN {} LIKE '% BC' THEN regexp_replace({}, '^(\S+) (.*) BC$', '\1 (BC) \2') ELSE {} END AS TIMESTAMP WITH TIME ZONE))";

/// By name of PostgreSQL's type (format_type without modifier).
As as_column(const std::string& type, int modifier) {
  if (type.ends_with("[]")) {
    const As item = as_column(type.substr(0, type.size() - 2), -1);
    static const char* const kPlain[] = {"BIGINT", "INTEGER", "SMALLINT", "DOUBLE",
                                         "FLOAT",  "BOOLEAN", "VARCHAR"};
    for (const char* plain : kPlain) {
      if (item.type == plain && item.back.empty() && item.sql == "{}")
        return {"to_json({})", std::string(plain) + "[]",
                "CAST(CAST({} AS JSON) AS " + std::string(plain) + "[])"};
    }
    return {"to_json({})", "VARCHAR", ""};
  }
  if (type == "text" || type == "character varying") return {"{}", "VARCHAR", ""};
  if (type == "boolean") return {"{}", "BOOLEAN", ""};
  if (type == "smallint") return {"{}", "SMALLINT", ""};
  if (type == "integer") return {"{}", "INTEGER", ""};
  if (type == "bigint" || type == "oid") return {"{}", "BIGINT", ""};
  if (type == "real") return {"{}", "FLOAT", ""};
  if (type == "double precision") return {"{}", "DOUBLE", ""};
  if (type == "date") return {"{}", "DATE", ""};
  if (type == "timestamp without time zone") return {"{}", "TIMESTAMP", ""};
  if (type == "timestamp with time zone") return {"{}", "TIMESTAMP WITH TIME ZONE", kMoment};
  if (type == "bytea") return {"encode({}, 'hex')", "BLOB", "unhex({})"};
  if (type == "numeric" && modifier >= 4) {
    const int precision = (modifier - 4) >> 16, scale = (modifier - 4) & 0x7ff;
    if (precision <= 38 && scale <= precision)
      return {"nullif({}, 'NaN')", fmt::format("DECIMAL({},{})", precision, scale), ""};
  }
  return {"{}::text", "VARCHAR", ""};  // exact, whatever it is
}

std::string put(const std::string& pattern, const std::string& name) {
  std::string out = pattern;
  for (size_t at = 0; (at = out.find("{}", at)) != std::string::npos; at += name.size())
    out.replace(at, 2, name);
  return out;
}

class PostgresRows final : public DatabaseRows {
 public:
  PostgresRows(const clients::PostgresOptions& options, const std::string& snapshot, Cancel* cancel)
      : database_(options) {
    if (cancel) stop_ = database_.stop_on(*cancel);
    database_.execute(kBegin);
    database_.execute("SET TRANSACTION SNAPSHOT " + clients::postgres_literal(snapshot));
  }

  std::string from(const std::string& table, const std::string& query) override {
    if (!query.empty()) return "(\n" + query + "\n) AS q";
    const size_t dot = table.find('.');
    return dot == std::string::npos
               ? postgres_name(table)
               : postgres_name(table.substr(0, dot)) + "." + postgres_name(table.substr(dot + 1));
  }
  std::string name(const std::string& column) override { return postgres_name(column); }

  std::optional<std::string> literal(const std::string& expression,
                                     const std::string& rest) override {
    const auto rows = database_.query("SELECT (" + expression + ")::text, pg_typeof(" + expression +
                                      ")::text FROM " + rest);
    if (rows.rows.empty() || !rows.rows[0][0]) return {};
    return "CAST(" + clients::postgres_literal(*rows.rows[0][0]) + " AS " +
           rows.rows[0][1].value_or("text") + ")";
  }

  std::string less(const std::string&, const std::string&, const std::string& literal,
                   const std::string& overlap) override {
    if (overlap.empty()) return literal;
    if (const auto duration = parse_duration(overlap))
      return fmt::format("({} - interval '{} microseconds')", literal, duration->count());
    return "(" + literal + " - " + std::to_string(std::strtoll(overlap.c_str(), nullptr, 10)) + ")";
  }

  DatabaseChunk read(const std::string& from, const std::string& rest,
                     const std::string& path) override {
    const auto head = database_.query("SELECT * FROM " + from + " LIMIT 0");
    DatabaseChunk out;
    std::string select, types, back;
    for (const auto& column : head.columns) {
      const auto type =
          database_.value("SELECT format_type($1::oid, NULL)", {{std::to_string(column.type)}});
      const As as = as_column(type.value_or("text"), column.modifier);
      const std::string quoted = duck::quote_name(column.name);
      select += (select.empty() ? "" : ", ") + put(as.sql, postgres_name(column.name)) + " AS " +
                postgres_name(column.name);
      types += (types.empty() ? "" : ", ") + duck::quote_text(column.name) + ": " +
               duck::quote_text(as.back.empty() ? as.type : "VARCHAR");
      back += (back.empty() ? "" : ", ") + (as.back.empty() ? quoted : put(as.back, quoted)) +
              " AS " + quoted;
      out.columns.push_back({column.name, as.type});
    }
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    uint64_t longest = 0;
    database_.copy_out("COPY (SELECT " + select + " FROM " + from + " " + rest +
                           ") TO STDOUT (FORMAT csv, NULL '\\N', FORCE_QUOTE *)",
                       [&](std::string_view piece) {
                         file.write(piece.data(), std::streamsize(piece.size()));
                         longest = std::max<uint64_t>(longest, piece.size());
                         ++out.rows;  // a piece is a row in these forms
                         return bool(file);
                       });
    file.close();
    if (!file) throw system_error(errno, "write", path);
    // Buffers that fit the rows: the reader's own would take half a gigabyte.
    const uint64_t line = std::max<uint64_t>(64 << 10, 2 * longest);
    const std::string more = fmt::format(", max_line_size = {}, buffer_size = {}", line,
                                         std::max<uint64_t>(4 << 20, 2 * line));
    out.relation =
        "(SELECT " + back + " FROM read_csv(" + duck::quote_text(path) +
        ", auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', "
        "nullstr = '\\N', allow_quoted_nulls = false, hive_partitioning = false, "
        "new_line = '\\n', columns = {" +
        types + "}" + more + "))";
    return out;
  }

 private:
  Postgres database_;
  Cancel::Registration stop_;
};

class PostgresMoment final : public DatabaseMoment {
 public:
  explicit PostgresMoment(clients::PostgresOptions options)
      : options_(std::move(options)), holder_(options_) {
    holder_.execute(kBegin);
    snapshot_ = holder_.value("SELECT pg_export_snapshot()").value_or("");
  }
  std::unique_ptr<DatabaseRows> rows(Cancel* cancel) override {
    return std::make_unique<PostgresRows>(options_, snapshot_, cancel);
  }

 private:
  clients::PostgresOptions options_;
  Postgres holder_;
  std::string snapshot_;
};

}  // namespace

clients::PostgresOptions postgres_source_options(const project::Connection& connection,
                                                 const std::string& root) {
  const auto out = clients::postgres_options(
      [&](const char* key) {
        const auto* found = connection.settings.find(key);
        return found ? found->text() : std::string();
      },
      root);
  if (out.url.empty()) {
    throw Error(Code::configuration, "connection \"" + connection.name + "\" has no url",
                "give `url: postgresql://user:password@host/database`", connection.place);
  }
  return out;
}

std::shared_ptr<DatabaseMoment> postgres_moment(const project::Connection& connection,
                                                const std::string& root) {
  return std::make_shared<PostgresMoment>(postgres_source_options(connection, root));
}

}  // namespace windrow::sources
