#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <mutex>

#include "base/time.h"
#include "clients/sqlite.h"
#include "duck/quoting.h"
#include "sources/database/rows.h"
#include "sources/rest/json_slices.h"

/// SQLite holds no column to a type: each value has its own. Columns take the type that all values
/// of the first rows have; what does not fit later is set aside. One connection in one read
/// transaction serves all sources, one after the other.
namespace windrow::sources {

namespace {

using clients::integer_of;
using clients::Sqlite;
using clients::SqliteStatement;
using clients::text_of;

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// What a column holds, by the storage classes of its values and its declared type.
struct Seen {
  std::string name, declared;
  bool whole = false, real = false, text = false, blob = false;

  std::string type() const {
    if (blob) return text || whole || real ? "VARCHAR" : "BLOB";
    if (text) {
      if (whole || real) return "VARCHAR";
      // Values that do not read as what the column is declared as are set aside.
      if (has(declared, "TIMESTAMP") || has(declared, "DATETIME")) return "TIMESTAMP";
      if (declared == "DATE") return "DATE";
      return "VARCHAR";
    }
    if (has(declared, "BOOL") && !real) return "BOOLEAN";
    if (real) return "DOUBLE";
    if (whole)
      return has(declared, "REAL") || has(declared, "DOUB") || has(declared, "FLOA") ? "DOUBLE"
                                                                                     : "BIGINT";
    if (has(declared, "INT")) return "BIGINT";  // nothing but NULL
    if (has(declared, "REAL") || has(declared, "DOUB") || has(declared, "FLOA")) return "DOUBLE";
    return "VARCHAR";
  }
};

class SqliteMoment;

class SqliteRows final : public DatabaseRows {
 public:
  SqliteRows(std::shared_ptr<std::mutex> mutex, std::shared_ptr<Sqlite> database, Cancel* cancel)
      : mutex_(std::move(mutex)), lock_(*mutex_), database_(std::move(database)), cancel_(cancel) {}

  std::string from(const std::string& table, const std::string& query) override {
    database_->execute("DROP VIEW IF EXISTS temp.windrow_rows");
    database_->execute("CREATE TEMP VIEW windrow_rows AS " +
                       (query.empty() ? "SELECT * FROM main." + duck::quote_name(table) : query));
    declared_from_ = query.empty() ? table : "windrow_rows";
    return "temp.windrow_rows";
  }
  std::string name(const std::string& column) override { return duck::quote_name(column); }

  std::optional<std::string> literal(const std::string& expression,
                                     const std::string& rest) override {
    const auto rows = database_->query("SELECT quote(" + expression + ") FROM " + rest);
    if (rows.empty() || text_of(rows[0][0]) == "NULL") return {};
    return text_of(rows[0][0]);
  }

  std::string less(const std::string&, const std::string&, const std::string& literal,
                   const std::string& overlap) override {
    if (overlap.empty()) return literal;
    const auto duration = parse_duration(overlap);
    if (!literal.starts_with('\'')) {
      const int64_t number =
          duration ? duration->count() / 1'000'000 : std::strtoll(overlap.c_str(), nullptr, 10);
      return "(" + literal + " - " + std::to_string(number) + ")";
    }
    const std::string text = literal.substr(1, literal.size() - 2);
    const auto time = parse_time(text);
    if (!time || !duration) {
      throw Error(Code::configuration,
                  "overlap \"" + overlap + "\" does not fit the cursor's value " + literal,
                  "a duration for times, a whole number for numbers");
    }
    // Written as the value is, so that texts compare as times do.
    std::string out = iso(*time - *duration);
    if (text.size() == 10) out.resize(10);
    if (text.size() > 10 && text[10] == ' ') out[10] = ' ';
    if (!text.ends_with('Z') && out.ends_with('Z')) out.pop_back();
    return duck::quote_text(out);
  }

  DatabaseChunk read(const std::string& from, const std::string& rest,
                     const std::string& path) override {
    std::vector<Seen> columns;
    std::string select;
    for (const auto& row : database_->query("SELECT name, upper(type) FROM pragma_table_info(" +
                                            duck::quote_text(declared_from_) + ")")) {
      Seen seen;
      seen.name = text_of(row[0]);
      seen.declared = text_of(row[1]);
      const std::string name = duck::quote_name(seen.name);
      select += (select.empty() ? "" : ", ") +
                ("typeof(" + name + "), CASE WHEN typeof(" + name + ") = 'blob' THEN hex(" + name +
                 ") ELSE " + name + " END");
      columns.push_back(std::move(seen));
    }
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    DatabaseChunk out;
    SqliteStatement statement(*database_, "SELECT " + select + " FROM " + from + " " + rest);
    uint64_t longest = 0;
    std::string line;
    while (statement.step()) {
      if (cancel_ && out.rows % 1024 == 0) cancel_->check();
      line.clear();
      for (size_t i = 0; i < columns.size(); ++i) {
        line += i == 0 ? "{" : ",";
        line += json_quoted(columns[i].name) + ":";
        line += value(statement, int(2 * i), columns[i]);
      }
      line += "}\n";
      longest = std::max<uint64_t>(longest, line.size());
      file << line;
      ++out.rows;
    }
    file.close();
    if (!file) throw system_error(errno, "write", path);
    std::string types, back;
    for (const auto& seen : columns) {
      const std::string type = seen.type();
      types += (types.empty() ? "" : ", ") + duck::quote_text(seen.name) + ": 'VARCHAR'";
      out.columns.push_back({seen.name, type});
    }
    const std::string more =
        longest > (8 << 20) ? fmt::format(", maximum_object_size = {}", 2 * longest) : "";
    out.relation = "read_json(" + duck::quote_text(path) +
                   ", format = 'newline_delimited', columns = {" + types + "}" + more + ")";
    out.loose = true;
    return out;
  }

 private:
  static std::string value(const SqliteStatement& statement, int at, Seen& seen) {
    const std::string type = text_of(statement.column(at));
    if (type == "null") return "null";
    const auto cell = statement.column(at + 1);
    seen.whole |= type == "integer";
    seen.real |= type == "real";
    seen.text |= type == "text";
    seen.blob |= type == "blob";
    if (type == "real") {
      const double number = std::get<double>(cell);
      if (std::isinf(number)) return number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
      return "\"" + fmt::format("{}", number) + "\"";
    }
    return json_quoted(text_of(cell));
  }

  std::shared_ptr<std::mutex> mutex_;
  std::unique_lock<std::mutex> lock_;
  std::shared_ptr<Sqlite> database_;
  Cancel* cancel_;
  std::string declared_from_;
};

class SqliteMoment final : public DatabaseMoment {
 public:
  explicit SqliteMoment(const std::string& path)
      : database_(std::make_shared<Sqlite>(path, Sqlite::Mode::read_only)) {
    database_->execute("BEGIN");
    database_->query("SELECT count(*) FROM sqlite_schema");  // the moment begins with a look
  }
  std::unique_ptr<DatabaseRows> rows(Cancel* cancel) override {
    return std::make_unique<SqliteRows>(mutex_, database_, cancel);
  }

 private:
  std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();
  std::shared_ptr<Sqlite> database_;
};

}  // namespace

std::shared_ptr<DatabaseMoment> sqlite_moment(const std::string& path) {
  return std::make_shared<SqliteMoment>(path);
}

}  // namespace windrow::sources
