#include "sources/record_rows.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>

#include "duck/quoting.h"
#include "lake/row_work.h"
#include "sources/files/found_file.h"
#include "sources/files/json_columns.h"
#include "sources/rest/json_slices.h"
#include "storage/private_file.h"

namespace windrow::sources {

namespace {

namespace fs = std::filesystem;
using duck::quote_name;
using duck::quote_text;

constexpr const char* kPrefix = "records-";
constexpr size_t kBuffer = 1 << 20;
constexpr size_t kLongKept = 1 << 20;         // of a record that is too long
constexpr uint64_t kObjectMax = 16ull << 20;  // what DuckDB takes unless told
constexpr const char* kIsObject =
    "CASE WHEN json_valid(raw) THEN json_type(raw) = 'OBJECT' ELSE false END";

void remove_left_behind(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    int process = 0;
    const char* digits = name.c_str() + std::string_view(kPrefix).size();
    std::from_chars(digits, name.c_str() + name.size(), process);
    std::error_code ignored;
    if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) fs::remove(at->path(), ignored);
  }
}

}  // namespace

Spool::Spool(const std::string& folder, std::vector<Column> columns)
    : columns_(std::move(columns)) {
  static std::atomic<uint64_t> count{0};
  storage::make_private_folder(folder);
  remove_left_behind(folder);
  path_ = fmt::format("{}/{}{}-{}.ndjson", folder, kPrefix, ::getpid(), ++count);
}

Spool::~Spool() {
  if (fd_ >= 0) ::close(fd_);
  ::unlink(path_.c_str());
}

void Spool::add(const std::vector<std::string>& values) {
  const size_t before = buffer_.size();
  for (size_t i = 0; i < values.size(); ++i) {
    buffer_ += i == 0 ? "{\"" : ",\"";
    buffer_ += columns_[i].name + "\":" + values[i];
  }
  buffer_ += "}\n";
  const uint64_t length = buffer_.size() - before;
  longest_ = std::max(longest_, length);
  bytes_ += length;
  ++rows_;
  if (buffer_.size() >= kBuffer) flush();
}

void Spool::flush() {
  if (fd_ < 0) {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) throw system_error(errno, "write", path_);
  }
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) throw system_error(errno, "write", path_);
    if (written > 0) rest.remove_prefix(size_t(written));
  }
  buffer_.clear();
}

std::string Spool::relation() {
  std::string columns, none;
  for (const auto& column : columns_) {
    columns +=
        (columns.empty() ? "" : ", ") + quote_text(column.name) + ": " + quote_text(column.type);
    none +=
        (none.empty() ? "" : ", ") + ("NULL::" + column.type) + " AS " + quote_name(column.name);
  }
  if (rows_ == 0) return "(SELECT " + none + " WHERE false)";
  flush();
  std::string more;
  if (longest_ >= kObjectMax) more = fmt::format(", maximum_object_size = {}", 2 * longest_);
  return "read_json(" + quote_text(escape_glob(path_)) +
         ", format = 'newline_delimited', columns = {" + columns + "}" + more + ")";
}

void Spool::rewind(const Mark& mark) {
  if (mark.bytes == bytes_) return;
  flush();
  if (::ftruncate(fd_, off_t(mark.bytes)) != 0 || ::lseek(fd_, 0, SEEK_END) < 0)
    throw system_error(errno, "write", path_);
  rows_ = mark.rows;
  bytes_ = mark.bytes;
}

void Spool::clear() {
  buffer_.clear();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  rows_ = bytes_ = longest_ = 0;
}

std::string too_long_words(uint64_t bytes, uint64_t bytes_max) {
  return fmt::format("it is {} bytes long, and `record_bytes_max` is {}: this is how it begins",
                     bytes, bytes_max);
}

std::string too_deep_words() {
  return fmt::format("it is nested deeper than {} levels", kRecordDepthMax);
}

Intake::Intake(const std::string& folder, std::vector<Column> columns, uint64_t bytes_max)
    : bytes_max_(bytes_max),
      good_(folder, std::move(columns)),
      bad_(folder, {{"origin", "VARCHAR"},
                    {"position", "BIGINT"},
                    {"error", "VARCHAR"},
                    {"content", "VARCHAR"}}) {}

void Intake::add(const std::string& origin, std::vector<std::string> values, std::string_view raw,
                 uint64_t bytes) {
  const int64_t position = ++held_[origin].records;
  bytes = std::max<uint64_t>(bytes, raw.size());
  const bool deep = bytes <= bytes_max_ && json_depth(raw) > kRecordDepthMax;
  if (bytes <= bytes_max_ && !deep) {
    values.push_back(json_quoted(raw));
    return good_.add(values);
  }
  const auto content = deep ? raw : raw.substr(0, kLongKept);
  bad_.add({json_quoted(origin), std::to_string(position),
            json_quoted(deep ? too_deep_words() : too_long_words(bytes, bytes_max_)),
            json_quoted(content)});
}

std::string Intake::rejected() {
  return bad_.rows() == 0 ? "" : "SELECT origin, position, error, content FROM " + bad_.relation();
}

void Intake::clear() {
  good_.clear();
  bad_.clear();
  held_.clear();
}

std::string with_partitions(const project::Source& source, const std::string& select) {
  std::string more;
  for (const auto& [column, expression] : source.partition_by) {
    if (!expression.empty()) more += ", (\n" + expression + "\n) AS " + quote_name(column);
  }
  return more.empty() ? select : "SELECT *" + more + " FROM (" + select + ") AS record";
}

RecordRows record_rows(const std::string& relation, const std::vector<Column>& kept,
                       const std::string& origin_sql, const project::Source& source,
                       lake::DuckRows& session) {
  std::vector<FieldColumn> fields;
  std::vector<std::string> names;
  std::string types;
  const auto is_kept = [&](const std::string& name) {
    return name == source.raw || std::any_of(kept.begin(), kept.end(),
                                             [&](const auto& each) { return each.name == name; });
  };
  for (const auto& column : kept) names.push_back(column.name);
  for (const auto& column : source.columns) {
    if (!column.value.empty() || is_kept(column.name)) continue;
    fields.push_back(declared_field(column, session));
    names.push_back(column.name);
    types += (types.empty() ? "" : ", ") + column.name + " " +
             (column.type.empty() ? "VARCHAR" : column.type);
  }
  const FieldSql sql = field_sql(fields);
  std::string from = relation;
  if (!sql.texts.empty())
    from = "(SELECT *, CASE WHEN " + std::string(kIsObject) + " THEN " + sql.texts +
           " END AS texts FROM " + relation + ")";
  std::string select = "SELECT raw AS " + quote_name(source.raw);
  for (const auto& column : kept) select += ", " + quote_name(column.name);
  select += sql.select + " FROM " + from;
  RecordRows out;
  if (!sql.misfit.empty()) {
    const std::string bad = "coalesce(" + sql.misfit + ", false)";
    out.misfits =
        "SELECT " + origin_sql + " AS origin, row_number() OVER () AS position, " +
        quote_text("a value does not fit the type of its column (declared: " + types + ")") +
        " AS error, raw AS content FROM " + from + " WHERE " + bad;
    select += " WHERE NOT " + bad;
  }
  out.sql = with_partitions(
      source, "SELECT " + table_columns(source, names) + " FROM (" + select + ") AS record");
  return out;
}

Batch kept_again(const TableNow& table, const std::vector<Column>& kept,
                 const std::string& origin_sql, const project::Source& source,
                 lake::DuckRows& session) {
  std::string list;
  for (const auto& column : kept) list += quote_name(column.name) + ", ";
  const auto there = session.describe(table.rows_sql);
  if (std::none_of(there.begin(), there.end(),
                   [&](const auto& each) { return each.name == source.raw; })) {
    throw Error(Code::unsupported,
                fmt::format("the table of \"{}\" has no column \"{}\": the records as they came "
                            "are not kept",
                            source.name, source.raw),
                "name the column that has them: `raw:`", source.place);
  }
  const auto rows = record_rows(
      "(SELECT " + list + quote_name(source.raw) + " AS raw FROM (" + table.rows_sql + "))", kept,
      origin_sql, source, session);
  Batch out;
  out.select = rows.sql;
  out.misfits_select = rows.misfits;
  auto& records = out.held[""].records;
  records =
      std::get<int64_t>(session.query("SELECT count(*) FROM (" + table.rows_sql + ")").rows[0][0]);
  out.what = fmt::format("{} records that the table keeps", records);
  return out;
}

}  // namespace windrow::sources
