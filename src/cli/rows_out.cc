#include "cli/rows_out.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "cli/text_table.h"

namespace windrow::cli {

namespace {

constexpr int64_t kTableRows = 100;

std::string csv_cell(const duck::Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return "";
  const auto text = duck::text_of(cell);
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

void put_csv(Session& session, duck::Connection& connection, const std::string& select) {
  std::string buffer;
  const auto flush = [&](size_t least) {
    if (buffer.size() < least) return;
    session.out.write(buffer);
    buffer.clear();
  };
  connection.stream(
      select, {},
      [&](const std::vector<duck::Column>& columns) {
        for (size_t i = 0; i < columns.size(); ++i)
          buffer += (i ? "," : "") + csv_cell(columns[i].name);
        buffer += "\n";
      },
      [&](const std::vector<duck::Cell>& row) {
        for (size_t i = 0; i < row.size(); ++i) buffer += (i ? "," : "") + csv_cell(row[i]);
        buffer += "\n";
        flush(1 << 16);
        return true;
      });
  flush(0);
}

void put_json(Session& session, duck::Connection& connection, const std::string& select) {
  bool first = true;
  connection.stream("SELECT to_json(t)::VARCHAR FROM (\n" + select + "\n) t", {}, {},
                    [&](const std::vector<duck::Cell>& row) {
                      session.out.write((first ? "[\n  " : ",\n  ") + duck::text_of(row[0]));
                      first = false;
                      return true;
                    });
  session.out.print(first ? "[]" : "\n]");
}

void put_table(Session& session, duck::Connection& connection, const std::string& select) {
  const int64_t most = session.arguments.limit >= 0 ? session.arguments.limit : kTableRows;
  duck::Rows rows;
  bool more = false;
  connection.stream(
      select, {}, [&](const std::vector<duck::Column>& columns) { rows.columns = columns; },
      [&](const std::vector<duck::Cell>& row) {
        more = int64_t(rows.rows.size()) >= most;
        if (!more) rows.rows.push_back(row);
        return !more;
      });
  if (rows.columns.empty()) return;
  const bool color = session.out.terminal();
  session.out.write(
      table_of(rows).text(session.out.terminal() ? size_t(session.out.width()) : 100'000,
                          color ? "\033[2m" : "", color ? "\033[0m" : ""));
  session.out.print(session.out.dim(more ? fmt::format("first {} rows; --limit N shows more", most)
                                         : fmt::format("{} rows", rows.rows.size())));
}

void put_file(duck::Connection& connection, const std::string& select, const std::string& format,
              const std::string& path) {
  const std::string beside = path + ".part-" + std::to_string(::getpid());
  const std::string how = format == "parquet" ? "FORMAT parquet, COMPRESSION zstd"
                          : format == "json"  ? "FORMAT json, ARRAY true"
                                              : "FORMAT csv, HEADER";
  try {
    connection.query("COPY (\n" + select + "\n) TO " + duck::quote_text(beside) + " (" + how + ")");
    std::filesystem::rename(beside, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    throw;
  }
}

std::string format_of(const Arguments& a) {
  if (!a.format.empty()) return a.format;
  if (a.json) return "json";
  for (const char* known : {"csv", "json", "parquet"}) {
    if (a.out_file.ends_with(std::string(".") + known)) return known;
  }
  return a.out_file.empty() ? "table" : "csv";
}

}  // namespace

void put_rows(Session& session, duck::Connection& connection, const std::string& select) {
  const auto& a = session.arguments;
  const auto format = format_of(a);
  const auto stop = connection.stop_on(session.cancel);
  std::string limited = select;
  if (a.limit >= 0 && format != "table")
    limited = "SELECT * FROM (\n" + select + "\n) LIMIT " + std::to_string(a.limit);
  if (!a.out_file.empty()) {
    put_file(connection, limited, format == "table" ? "csv" : format, a.out_file);
    session.out.note("wrote " + a.out_file);
  } else if (format == "parquet") {
    throw Error(Code::usage, "Parquet goes into a file", "add --out FILE");
  } else if (format == "csv") {
    put_csv(session, connection, limited);
  } else if (format == "json") {
    put_json(session, connection, limited);
  } else {
    put_table(session, connection, select);
  }
}

}  // namespace windrow::cli
