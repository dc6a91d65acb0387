#include <algorithm>
#include <atomic>

#include "sources/files/json_columns.h"
#include "sources/files/records.h"
#include "sources/settings.h"

namespace windrow::sources {

namespace {

using duck::quote_name;
using duck::quote_text;

int64_t number(const duck::Cell& cell) {
  const auto* whole = std::get_if<int64_t>(&cell);
  return whole ? *whole : 0;
}

/// What the source says of its CSV, as arguments of the reader.
std::string options_of(const project::Source& source) {
  const auto* csv = source.from.find("csv");
  if (!csv || csv->is_null()) return {};
  Settings all(*csv);
  std::string out;
  const std::pair<const char*, const char*> texts[] = {{"delimiter", "delim"},
                                                       {"quote", "quote"},
                                                       {"escape", "escape"},
                                                       {"comment", "comment"},
                                                       {"decimal", "decimal_separator"},
                                                       {"encoding", "encoding"},
                                                       {"date_format", "dateformat"},
                                                       {"timestamp_format", "timestampformat"}};
  std::vector<std::string> keys = {"header", "skip", "nulls", "strict", "names"};
  for (const auto& [key, argument] : texts) {
    keys.push_back(key);
    if (all.find(key)) out += std::string(", ") + argument + " = " + quote_text(all.text(key));
  }
  all.only(keys);
  if (all.find("header"))
    out += std::string(", header = ") + (all.flag("header") ? "true" : "false");
  if (all.find("skip")) out += ", skip = " + std::to_string(all.number("skip", 0));
  if (all.find("nulls")) out += ", nullstr = " + duck::quote_list(all.texts("nulls"));
  if (all.find("strict"))
    out += std::string(", strict_mode = ") + (all.flag("strict") ? "true" : "false");
  if (all.find("names")) out += ", names = " + duck::quote_list(all.texts("names"));
  return out;
}

std::string reader(const std::vector<FoundFile>& files, const std::string& more,
                   bool pass_over = true) {
  return "read_csv(" + path_list(files) +
         ", union_by_name = true, hive_partitioning = false, filename = 'windrow filename', "
         "ignore_errors = " +
         (pass_over ? "true" : "false") + more + ")";
}

/// All columns of all files, with the type that holds every file's values, or the declared one.
std::vector<duck::Column> columns_of(const std::vector<FoundFile>& files,
                                     const project::Source& source, engine::Session& session,
                                     const std::string& options, const KnownTypes& known) {
  auto columns =
      session.describe("SELECT * EXCLUDE (\"windrow filename\") FROM " + reader(files, options));
  for (auto& column : columns) {
    if (const auto type = known.find(column.name); type != known.end()) column.type = type->second;
  }
  for (const auto& declared : source.columns) {
    if (!declared.value.empty()) continue;
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const auto& each) { return each.name == declared.name; });
    if (found == columns.end()) {
      throw Error(
          Code::data, "files of \"" + source.name + "\" have no column \"" + declared.name + "\"",
          "it is declared without a value, so it is expected in a file's header", declared.place);
    }
    if (!declared.type.empty()) found->type = declared.type;
  }
  return columns;
}

/// `, types = {'a': 'BIGINT'}` for those columns that `there` has too.
std::string types_of(const std::vector<duck::Column>& columns,
                     const std::vector<duck::Column>& there) {
  std::string out;
  for (const auto& column : columns) {
    const bool has = std::any_of(there.begin(), there.end(),
                                 [&](const auto& each) { return each.name == column.name; });
    if (has)
      out += (out.empty() ? "" : ", ") + quote_text(column.name) + ": " + quote_text(column.type);
  }
  return ", types = {" + out + "}";
}

/// What of one file cannot be read, as a SELECT; empty where everything can.
std::string rejected_of(const FoundFile& file, const std::vector<duck::Column>& columns,
                        const std::string& options, engine::Session& session) {
  const auto here =
      session.describe("SELECT * EXCLUDE (\"windrow filename\") FROM " + reader({file}, options));
  const std::string table = fresh_name("csv");
  // DuckDB keeps no rejects of files that it unites by name, so each is read alone; the hash makes
  // it look at every column.
  session.query(
      "SELECT max(hash(COLUMNS(*))) FROM read_csv(" + path_list({file}) +
      ", hive_partitioning = false, store_rejects = true, rejects_limit = 0, rejects_table = " +
      quote_text(table) + ", rejects_scan = " + quote_text(table + "_scan") + options +
      types_of(columns, here) + ")");
  if (number(session.query("SELECT count(*) FROM " + table).rows.at(0)[0]) == 0) return {};
  return "SELECT " + quote_text(file.name) +
         " AS origin, CAST(line AS BIGINT) AS position, first(error_message) AS error, "
         "trim(first(csv_line), chr(10) || chr(13)) AS content FROM " +
         table + " GROUP BY line";
}

}  // namespace

Records csv_records(const std::vector<FoundFile>& files, const project::Source& source,
                    engine::Session& session, const KnownTypes& known, bool hopeful) {
  const std::string options = options_of(source);
  if (!source.raw.empty()) {
    throw Error(Code::configuration,
                "\"raw\" is for records of JSON; \"" + source.name + "\" reads CSV", "",
                source.place);
  }
  Records out;
  // A file with a header alone would make every column a text.
  std::vector<FoundFile> with_rows;
  for (const auto& file : files) {
    if (file.size == 0) continue;
    if (number(session
                   .query("SELECT count(*) FROM (SELECT 1 FROM " + reader({file}, options) +
                          " LIMIT 1)")
                   .rows.at(0)[0]) > 0) {
      with_rows.push_back(file);
    }
  }
  if (with_rows.empty()) return out;
  const auto columns = columns_of(with_rows, source, session, options, known);
  for (const auto& file : with_rows) {
    if (hopeful) break;
    const std::string rejected = rejected_of(file, columns, options, session);
    if (!rejected.empty()) out.rejected += (out.rejected.empty() ? "" : "\nUNION ALL\n") + rejected;
  }
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  const bool clash = std::find(names.begin(), names.end(), "filename") != names.end();
  out.sql =
      "SELECT " + table_columns(source, names) + " FROM (SELECT * EXCLUDE (\"windrow filename\")" +
      (clash ? "" : ", " + name_sql(with_rows, "\"windrow filename\"") + " AS filename") +
      " FROM " + reader(with_rows, options + types_of(columns, columns), !hopeful) + ") AS record";
  return out;
}

std::string path_list(const std::vector<FoundFile>& files) {
  std::vector<std::string> paths;
  for (const auto& file : files) paths.push_back(escape_glob(file.path));
  return duck::quote_list(paths);
}

std::string name_sql(const std::vector<FoundFile>& files, const std::string& path) {
  // The files of a source lie below one folder, the fixed part of its glob; copies below another.
  std::vector<std::string> folders;
  std::string out;
  for (const auto& file : files) {
    if (!file.path.ends_with(file.name)) {
      out += (out.empty() ? "CASE" : "") + (" WHEN " + path + " = " + quote_text(file.path)) +
             " THEN " + quote_text(file.name);
      continue;
    }
    auto folder = file.path.substr(0, file.path.size() - file.name.size());
    if (std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(std::move(folder));
  }
  std::sort(folders.begin(), folders.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const auto& folder : folders) {
    const std::string name = "substr(" + path + ", length(" + quote_text(folder) + ") + 1)";
    if (folder == folders.back()) return out.empty() ? name : out + " ELSE " + name + " END";
    out += (out.empty() ? "CASE" : "") +
           (" WHEN starts_with(" + path + ", " + quote_text(folder) + ") THEN " + name);
  }
  return out.empty() ? path : out + " END";
}

std::string rows_by_file(const std::vector<FoundFile>& files, const std::string& relation,
                         const std::string& path) {
  return "SELECT " + name_sql(files, path) + " AS origin, count(*) AS rows FROM " + relation +
         " GROUP BY ALL";
}

std::string typed_columns(const project::Source& source, const std::vector<duck::Column>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  project::Source typed = source;
  for (auto& declared : typed.columns) {
    if (declared.value.empty() && !declared.type.empty())
      declared.value = quote_name(declared.name);
  }
  return table_columns(typed, names);
}

std::string fresh_name(const std::string& what) {
  static std::atomic<uint64_t> count{0};
  return "windrow_rejected_" + what + "_" + std::to_string(++count);
}

}  // namespace windrow::sources
