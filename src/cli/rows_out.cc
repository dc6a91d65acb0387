#include "cli/rows_out.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "cli/data_out.h"
#include "cli/run_view.h"
#include "cli/text_table.h"
#include "duck/duck.h"
#include "duck/quoting.h"

namespace windrow::cli {

namespace {

constexpr int64_t kTableRows = 100;

std::string csv_cell(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return "";
  const auto text = cell_text(cell);
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

void put_csv(duck::Connection& connection, const std::string& select) {
  connection.stream(
      select, {},
      [&](const std::vector<Column>& columns) {
        std::string line;
        for (size_t i = 0; i < columns.size(); ++i)
          line += (i ? "," : "") + csv_cell(columns[i].name);
        put_data(line + "\n");
      },
      [&](const std::vector<Cell>& row) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) line += (i ? "," : "") + csv_cell(row[i]);
        put_data(line + "\n");
        return true;
      });
}

/// DuckDB writes NaN and infinities as bare words, which no JSON reader takes: they become null.
std::string strict_json(const std::string& text) {
  std::string out;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (in_text && text[i] == '\\') {
      out += text[i++];
      if (i < text.size()) out += text[i];
      continue;
    }
    if (text[i] == '"') in_text = !in_text;
    const std::string_view word = in_text                         ? ""
                                  : rest.starts_with("-Infinity") ? "-Infinity"
                                  : rest.starts_with("Infinity")  ? "Infinity"
                                  : rest.starts_with("NaN")       ? "NaN"
                                                                  : "";
    if (word.empty()) {
      out += text[i];
    } else {
      out += "null";
      i += word.size() - 1;
    }
  }
  return out;
}

void put_json(duck::Connection& connection, const std::string& select,
              const std::function<void(const std::string&)>& put) {
  bool first = true;
  connection.stream("SELECT to_json(t)::VARCHAR FROM (\n" + select + "\n) t", {}, {},
                    [&](const std::vector<Cell>& row) {
                      put((first ? "[\n  " : ",\n  ") + strict_json(cell_text(row[0])));
                      first = false;
                      return true;
                    });
  put(first ? "[]\n" : "\n]\n");
}

/// What runs and how far it is, on a terminal, until the object goes.
class QueryProgress {
 public:
  QueryProgress(const Session& session, duck::Connection& connection)
      : view_(session.out, session.clock) {
    if (!session.out.error_terminal() || session.out.quiet() || session.out.json()) return;
    view_.told({"", {}, observe::TaskStarted{"query", 1}});
    poller_ = std::thread([this, &connection] {
      while (!ended_.wait_for(std::chrono::milliseconds(100))) {
        view_.told({"", {}, Progress{"query", "", connection.progress(), -1}});
      }
    });
  }
  ~QueryProgress() {
    ended_.request();
    if (poller_.joinable()) poller_.join();
  }

 private:
  RunView view_;
  Cancel ended_;
  std::thread poller_;
};

void put_table(Session& session, duck::Connection& connection, const std::string& select) {
  const int64_t most = session.arguments.limit.value_or(kTableRows);
  Rows rows;
  bool more = false;
  std::optional<QueryProgress> progress(std::in_place, session, connection);
  connection.stream(
      select, {}, [&](const std::vector<Column>& columns) { rows.columns = columns; },
      [&](const std::vector<Cell>& row) {
        more = int64_t(rows.rows.size()) >= most;
        if (!more) rows.rows.push_back(row);
        return !more;
      });
  progress.reset();
  if (rows.columns.empty()) return;
  put_data(session.out, table_of(rows));
  const auto& style = session.out.style();
  if (more) {
    session.out.print(style.dim("first " + counted(most, "row") + "; --limit N shows more"));
  } else {
    session.out.print(style.dim(counted(int64_t(rows.rows.size()), "row")));
  }
}

void write_json(duck::Connection& connection, const std::string& select, const std::string& path) {
  errno = 0;
  std::ofstream stream(path, std::ios::binary);
  put_json(connection, select, [&](const std::string& text) {
    if (!(stream << text)) throw system_error(errno ? errno : EIO, "write", path);
  });
  stream.close();
  if (!stream) throw system_error(errno ? errno : EIO, "write", path);
}

void put_file(duck::Connection& connection, const std::string& select, const std::string& format,
              const std::string& path) {
  const std::string beside = path + ".part-" + std::to_string(::getpid());
  try {
    if (format == "json") {
      write_json(connection, select, beside);
    } else {
      const std::string how =
          format == "parquet" ? "FORMAT parquet, COMPRESSION zstd" : "FORMAT csv, HEADER";
      connection.query("COPY (\n" + select + "\n) TO " + duck::quote_text(beside) + " (" + how +
                       ")");
    }
    std::error_code failure;
    std::filesystem::rename(beside, path, failure);
    if (failure) throw system_error(failure.value(), "write", path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    throw;
  }
}

std::string format_of(const Arguments& a) {
  if (!a.format.empty()) return a.format;
  for (const char* known : {"csv", "json", "parquet"}) {
    if (a.out_file.ends_with(std::string(".") + known)) return known;
  }
  return a.out_file.empty() ? a.json ? "json" : "table" : "csv";
}

}  // namespace

void put_rows(Session& session, duck::Connection& connection, const std::string& select) {
  const auto& a = session.arguments;
  const auto format = format_of(a);
  const auto stop = connection.stop_on(session.interrupts.cancel());
  std::string limited = select;
  if (a.limit && format != "table")
    limited = "FROM (\n" + select + "\n) LIMIT " + std::to_string(*a.limit);
  if (!a.out_file.empty()) {
    if (format == "table")
      throw Error(Code::usage, "a table for the eye does not go into a file",
                  "--format csv, json or parquet");
    {
      const QueryProgress progress(session, connection);
      put_file(connection, limited, format, a.out_file);
    }
    session.out.note("wrote " + a.out_file);
  } else if (format == "parquet") {
    throw Error(Code::usage, "Parquet goes into a file", "add --out FILE");
  } else if (format == "csv") {
    put_csv(connection, limited);
  } else if (format == "json") {
    put_json(connection, limited, [&](const std::string& text) { put_data(text); });
  } else {
    put_table(session, connection, select);
  }
}

}  // namespace windrow::cli
