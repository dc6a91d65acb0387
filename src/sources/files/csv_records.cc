#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "duck/quoting.h"
#include "sources/files/csv_file.h"
#include "sources/files/declared_columns.h"
#include "sources/files/json_columns.h"
#include "sources/files/records.h"

namespace windrow::sources {

namespace {

using duck::quote_name;
using duck::quote_text;

int64_t number(const Cell& cell) {
  const auto* whole = std::get_if<int64_t>(&cell);
  return whole ? *whole : 0;
}

const Column* named(const std::vector<Column>& columns, const std::string& name) {
  for (const auto& column : columns) {
    if (same_name(column.name, name)) return &column;
  }
  return nullptr;
}

/// Files that are read by one call of the engine's reader.
struct Group {
  std::string arguments;
  std::vector<CsvFile*> files;
  std::vector<Column> columns;
};

class CsvRecords {
 public:
  CsvRecords(const project::Source& source, lake::DuckRows& session, const Outside& outside,
             const KnownTypes& known)
      : source_(source), session_(session), outside_(outside), known_(known), wish_(source) {}

  Records run(const std::vector<FoundFile>& files, bool hopeful) {
    for (const auto& file : files) {
      if (file.size > 0) files_.push_back(look_at_csv(file, wish_, outside_, session_));
    }
    Records out;
    for (auto& file : files_) {
      check_columns(source_, file.found.name, file.columns, out.warnings);
      out.held[file.found.name] = {std::max<int64_t>(file.records(), 0) + file.count.bad, 0};
      // A file with a header alone would make every column a text.
      if (file.records() > 0 || !wish_.counted || is_typed(file)) group(file);
    }
    if (!groups_.empty()) decide_columns();
    if (!hopeful) {
      for (auto& group : groups_) {
        for (auto* file : group.files) add(out.rejected, misfits(group, *file));
        // Without a header nothing is left to be read of a file where no record fits.
        std::erase_if(group.files, [&](const auto* file) {
          return wish_.counted && file->records() == 0 && !file->header;
        });
      }
      std::erase_if(groups_, [](const auto& group) { return group.files.empty(); });
    }
    for (const auto& file : files_) add(out.rejected, file.bad);
    if (groups_.empty()) return out;
    // Lenient reading makes rows of what is none: there is nothing to hold them against.
    if (!wish_.counted) out.held.clear();
    out.sql = select(hopeful);
    for (const auto& group : groups_)
      add(out.rows_by_origin,
          rows_by_file(readable(group), reader(group, types_of(group.columns), true),
                       "\"windrow filename\""));
    return out;
  }

 private:
  static void add(std::string& all, const std::string& select) {
    if (!select.empty()) all += (all.empty() ? "" : "\nUNION ALL\n") + select;
  }

  /// Whether the type of each of its columns is told, and need not be seen in its values.
  bool is_typed(const CsvFile& file) const {
    return !file.columns.empty() &&
           std::all_of(file.columns.begin(), file.columns.end(),
                       [&](const auto& column) { return !told_type(column).empty(); });
  }

  std::string told_type(const std::string& column) const {
    for (const auto& declared : source_.columns) {
      if (declared.value.empty() && !declared.type.empty() && same_name(declared.name, column))
        return declared.type;
    }
    const auto type = known_.find(column);
    return type == known_.end() ? std::string{} : type->second;
  }

  void group(CsvFile& file) {
    for (auto& group : groups_) {
      if (group.arguments == file.arguments) {
        group.files.push_back(&file);
        return;
      }
    }
    groups_.push_back({file.arguments, {&file}, {}});
  }

  static std::vector<FoundFile> readable(const Group& group) {
    std::vector<FoundFile> out;
    for (const auto* file : group.files) {
      out.push_back(file->found);
      out.back().path = file->readable.path;
    }
    return out;
  }

  std::string reader(const Group& group, const std::string& more, bool pass_over) const {
    return "read_csv(" + path_list(readable(group)) +
           ", union_by_name = true, hive_partitioning = false, filename = 'windrow filename', "
           "ignore_errors = " +
           (pass_over ? "true" : "false") + group.arguments + more + ")";
  }

  /// All columns of all files, with the type that holds every file's values, or the one that is
  /// told.
  void decide_columns() {
    std::string all;
    for (auto& group : groups_) {
      const std::string one =
          "SELECT * EXCLUDE (\"windrow filename\") FROM " + reader(group, {}, true);
      group.columns = session_.describe(one);
      all += (all.empty() ? "" : " UNION ALL BY NAME ") + one;
    }
    columns_ = groups_.size() == 1 ? groups_[0].columns : session_.describe(all);
    for (auto& column : columns_) {
      if (auto type = told_type(column.name); !type.empty()) column.type = type;
    }
  }

  /// `, types = {'a': 'BIGINT'}` for those columns that `there` has too.
  std::string types_of(const std::vector<Column>& there) const {
    std::string out;
    for (const auto& column : columns_) {
      if (const auto* has = named(there, column.name))
        out += (out.empty() ? "" : ", ") + quote_text(has->name) + ": " + quote_text(column.type);
    }
    return ", types = {" + out + "}";
  }

  /// Records of one file whose values do not fit, or that have too many or too few, as a SELECT;
  /// empty where there are none. Error(corrupt) where that is not all that is not read.
  ///
  /// The engine's reader keeps each of them in memory, and where they fill whole chunks it loses
  /// some. So it is asked for them where they are few, and else does not see them.
  std::string misfits(const Group& group, CsvFile& file) {
    const Group alone{group.arguments, {&file}, {}};
    const auto here = session_.describe("SELECT * EXCLUDE (\"windrow filename\") FROM " +
                                        reader(alone, {}, true));
    const std::string more = group.arguments + types_of(here);
    const std::string passing_over = ", ignore_errors = true" + more;
    if (!wish_.counted) {
      const auto [rows, lines, found] = rejects(file, more);
      return lines == 0 ? std::string() : with_lines(file, found);
    }
    for (bool left_out = false;; left_out = true) {
      const int64_t there = std::max<int64_t>(file.records(), 0);
      int64_t read = there == 0 ? 0 : rows_of(file, passing_over);
      if (read == there) return {};
      int64_t told = 0;
      if (uint64_t(there - read) * file.count.longest <= kRejectsBytes) {
        const auto [rows, lines, found] = rejects(file, more);
        if (rows + lines == there) return with_lines(file, found);
        read = rows;
        told = lines;
      }
      if (left_out)
        throw Error(Code::corrupt,
                    fmt::format("it holds {} records, of which {} can be read and {} set aside",
                                there + file.count.bad, read, told + file.count.bad));
      leave_out(file, group.arguments,
                session_.describe("SELECT * FROM " + alone_sql(file, passing_over)));
    }
  }

  /// DuckDB keeps no rejects of files that it unites by name, so each is read alone.
  static std::string alone_sql(const CsvFile& file, const std::string& arguments) {
    return "read_csv(" + path_list({file.readable}) + ", hive_partitioning = false" + arguments +
           ")";
  }
  /// The hash makes it look at every column.
  int64_t rows_of(const CsvFile& file, const std::string& arguments) {
    return number(
        session_.query("SELECT count(*), max(hash(COLUMNS(*))) FROM " + alone_sql(file, arguments))
            .rows.at(0)[0]);
  }

  struct Rejects {
    int64_t rows, lines;  ///< that are read, that are not
    std::string table;
  };
  Rejects rejects(const CsvFile& file, const std::string& more) {
    const std::string table = fresh_name("csv");
    const int64_t rows = rows_of(
        file, ", store_rejects = true, rejects_limit = 0, rejects_table = " + quote_text(table) +
                  ", rejects_scan = " + quote_text(table + "_scan") + more);
    return {rows, number(session_.query("SELECT count(DISTINCT line) FROM " + table).rows.at(0)[0]),
            table};
  }

  /// Finds values that do not fit without the reader's help.
  void leave_out(CsvFile& file, const std::string& arguments, const std::vector<Column>& columns) {
    std::string misfit = "false";
    for (const auto& column : columns) {
      if (column.type != "VARCHAR")
        misfit += " OR " + misfit_of(quote_name(column.name), column.type);
    }
    leave_out_misfits(file, wish_, outside_, misfit_words(source_), [&](const std::string& path) {
      const std::string texts = ", all_varchar = true" + arguments;
      if (const auto rows = rows_of(file, texts); rows != file.records())
        throw Error(Code::corrupt, fmt::format("it holds {} records, of which {} can be read",
                                               file.records(), rows));
      session_.query(fmt::format(
          "COPY (SELECT nth + {} FROM (SELECT row_number() OVER () AS nth, {} AS misfit FROM {}) "
          "WHERE misfit ORDER BY nth) TO {} (FORMAT csv, HEADER false)",
          file.header ? 1 : 0, misfit, alone_sql(file, texts), quote_text(path)));
    });
  }

  /// Nothing that the reader takes is a misfit: it casts as SQL does, and finds out by itself in
  /// which of many forms a file has its dates.
  std::string misfit_of(const std::string& text, const std::string& type) const {
    std::string out =
        "(" + text + " IS NOT NULL AND TRY_CAST(" + text + " AS " + type + ") IS NULL";
    if (!wish_.decimal.empty())
      out += " AND TRY_CAST(replace(" + text + ", " + quote_text(wish_.decimal) + ", '.') AS " +
             type + ") IS NULL";
    if (type == "DATE" || type.starts_with("TIME"))
      out += " AND NOT regexp_matches(" + text + ", '^\\s*\\d+\\D+\\d+\\D+\\d')";
    return out + ")";
  }

  /// SELECT of origin, position, error, content over a table of rejects.
  std::string with_lines(CsvFile& file, const std::string& table) {
    tell_lines(file, wish_, outside_);
    const std::string found =
        "SELECT line, first(error_message) AS error, trim(first(csv_line), chr(10) || chr(13)) AS "
        "content FROM " +
        table + " GROUP BY line";
    const std::string origin = "SELECT " + quote_text(file.found.name) + " AS origin, ";
    if (file.lines.empty())
      return origin + "CAST(line AS BIGINT) AS position, error, content FROM (" + found + ")";
    return origin + "CAST(line AS BIGINT) + coalesce(shift, 0) AS position, error, content FROM (" +
           found + ") AS r ASOF LEFT JOIN read_csv(" + quote_text(escape_glob(file.lines)) +
           ", auto_detect = false, header = false, delim = ',', compression = 'none', columns = "
           "{'at': 'BIGINT', 'shift': 'BIGINT'}) AS s ON CAST(r.line AS BIGINT) >= s.at";
  }

  std::string select(bool hopeful) const {
    std::vector<std::string> names;
    for (const auto& column : columns_) names.push_back(column.name);
    const bool clash = named(columns_, "filename") != nullptr;
    std::string rows;
    for (const auto& group : groups_) {
      rows += (rows.empty() ? "" : "\nUNION ALL BY NAME\n") +
              ("SELECT * EXCLUDE (\"windrow filename\")" +
               (clash ? ""
                      : ", " + name_sql(readable(group), "\"windrow filename\"") + " AS filename") +
               " FROM " + reader(group, types_of(group.columns), !hopeful));
    }
    return "SELECT " + table_columns(source_, names) + " FROM (SELECT *" +
           missing_columns(source_, names) + " FROM (" + rows + ")) AS record";
  }

  const project::Source& source_;
  lake::DuckRows& session_;
  const Outside& outside_;
  const KnownTypes& known_;
  const CsvWish wish_;
  std::vector<CsvFile> files_;
  std::vector<Group> groups_;
  std::vector<Column> columns_;
};

}  // namespace

Records csv_records(const std::vector<FoundFile>& files, const project::Source& source,
                    lake::DuckRows& session, const Outside& outside, const KnownTypes& known,
                    bool hopeful) {
  if (!source.raw.empty()) {
    throw Error(Code::configuration,
                "\"raw\" is for records of JSON; \"" + source.name + "\" reads CSV", "",
                source.place);
  }
  return CsvRecords(source, session, outside, known).run(files, hopeful);
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

std::string typed_columns(const project::Source& source, const std::vector<Column>& columns) {
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
