#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "duck/quoting.h"
#include "sources/files/csv_file.h"
#include "sources/files/csv_values.h"
#include "sources/files/declared_columns.h"
#include "sources/files/json_columns.h"
#include "sources/files/places.h"
#include "sources/files/records.h"
#include "sources/files/utf16.h"

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

int64_t of(const std::map<std::string, int64_t>& counts, const std::string& path) {
  const auto found = counts.find(path);
  return found == counts.end() ? 0 : found->second;
}

void replace(std::string& text, const std::string& what, const std::string& by) {
  if (const size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

/// Files that are read by one call of the engine's reader.
struct Group {
  std::string arguments;
  std::shared_ptr<const CsvShape> shape;  ///< of all of them
  std::vector<CsvFile*> files;
  std::vector<Column> columns;
  std::map<std::string, int64_t> rows;  ///< of a shape: that are read of each, by its path
  bool numbered = false;                ///< records lie behind the numbers of their lines
};

/// Files of one first line may be of so many kinds before each is looked at alone.
constexpr size_t kShapesOfOneLine = 8;
/// Every file has so many misfits more than good records that its shape is another one.
constexpr int64_t kAnotherShape = 2;
/// Of what the reader says of a line, for its several faults.
constexpr const char* kFirstOfLine =
    "first(error_message) AS error, trim(first(csv_line), chr(10) || chr(13)) AS content";
constexpr const char* kPath = "\"windrow filename\"";

class CsvRecords {
 public:
  CsvRecords(const project::Source& source, lake::DuckRows& session, const Outside& outside,
             const KnownTypes& known, CsvShapes& shapes)
      : shapes_(shapes),
        source_(source),
        session_(session),
        outside_(outside),
        known_(known),
        wish_(source) {}

  Records run(const std::vector<FoundFile>& files, bool hopeful) {
    for (const auto& file : files) {
      if (file.size > 0)
        files_.push_back(look_at_csv(wish_.utf16 ? in_utf8(file, outside_) : file, wish_, outside_,
                                     session_, shapes_,
                                     [&](const auto& shape) { return forms(shape); }));
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
      leave_out_moments();
      leave_strangers();
      for (auto& group : groups_) {
        add(out.rejected, misfits(group));
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
    if (places_asked(source_).line) number_all();
    out.sql = select(hopeful);
    for (const auto& group : groups_)
      add(out.rows_by_origin,
          rows_by_file(readable(group.files), reader(group, types_of(group), true), kPath));
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

  Group& group(CsvFile& file) {
    for (auto& group : groups_) {
      if (group.arguments != file.arguments || group.shape != file.shape) continue;
      group.files.push_back(&file);
      return group;
    }
    groups_.push_back({file.arguments, file.shape, {&file}, {}, {}});
    return groups_.back();
  }

  static std::vector<FoundFile> readable(const std::vector<CsvFile*>& files) {
    std::vector<FoundFile> out;
    for (const auto* file : files) {
      out.push_back(file->found);
      out.back().path = file->readable.path;
    }
    return out;
  }

  /// `more` says what is known of the columns; of files without a shape that may be nothing.
  std::string reader(const Group& group, const std::string& more, bool pass_over) const {
    return "read_csv(" + path_list(readable(group.files)) +
           (group.shape ? "" : ", union_by_name = true") +
           ", hive_partitioning = false, filename = 'windrow filename', ignore_errors = " +
           (pass_over ? "true" : "false") + group.arguments + more + ")";
  }

  /// All columns of all files, with the type that holds every file's values, or the one that is
  /// told.
  void decide_columns() {
    leave_unlike();
    std::string all;
    for (auto& group : groups_) {
      std::string unknown;
      if (group.shape) {
        for (const auto& column : group.shape->columns) {
          if (column.type.empty())
            unknown += (unknown.empty() ? "" : ", ") + ("NULL AS " + quote_name(column.name));
        }
      }
      const std::string one = "SELECT * EXCLUDE (" + std::string(kPath) + ")" +
                              (unknown.empty() ? "" : " REPLACE (" + unknown + ")") + " FROM " +
                              reader(group, group.shape ? shaped(group) : "", true);
      group.columns = group.shape ? group.shape->columns : session_.describe(one);
      all += (all.empty() ? "" : " UNION ALL BY NAME ") + one;
    }
    columns_ = groups_.size() == 1 ? groups_[0].columns : session_.describe(all);
    for (auto& column : columns_) {
      if (auto type = told_type(column.name); !type.empty()) column.type = type;
      const bool valued = std::any_of(groups_.begin(), groups_.end(), [&](const auto& group) {
        const auto* there = named(group.columns, column.name);
        return there && !there->type.empty();
      });
      if (!valued && told_type(column.name).empty()) column.type = "VARCHAR";
    }
  }

  /// For the reader: the columns of a group's shape, with types of `columns_` where there are some.
  std::string shaped(const Group& group, const std::string& one_type = {}) const {
    std::string out;
    for (const auto& column : group.shape->columns) {
      const auto* typed = named(columns_, column.name);
      std::string type = !one_type.empty() ? one_type : typed ? typed->type : column.type;
      if (type.empty()) type = "VARCHAR";
      out += (out.empty() ? "" : ", ") + quote_text(column.name) + ": " +
             quote_text(typed ? read_type(type) : type);
    }
    if (group.numbered)
      out = quote_text(kLineColumn) + ": 'VARCHAR', " + out + "}, compression = 'none'";
    out = ", auto_detect = false, columns = {" + out + (group.numbered ? "" : "}");
    const auto form = [&](const char* argument, const std::string& format) {
      if (!format.empty() &&
          group.arguments.find(std::string(argument) + " =") == std::string::npos)
        out += std::string(", ") + argument + " = " + quote_text(format);
    };
    form("dateformat", group.shape->date_format);
    form("timestampformat", group.shape->timestamp_format);
    return out;
  }

  /// For the reader: `, types = {'a': 'BIGINT'}` for those columns that the group has, or all that
  /// there is to know.
  std::string types_of(const Group& group) const {
    return group.shape ? shaped(group) : types_of(group.columns);
  }
  std::string types_of(const std::vector<Column>& there) const {
    std::string out;
    for (const auto& column : columns_) {
      if (const auto* has = named(there, column.name))
        out += (out.empty() ? "" : ", ") + quote_text(has->name) + ": " +
               quote_text(read_type(column.type));
    }
    return ", types = {" + out + "}";
  }

  const std::vector<CsvForm>& forms(const std::shared_ptr<const CsvShape>& shape) {
    const auto [at, is_new] = forms_.try_emplace(shape);
    if (is_new && !wish_.nulls)
      at->second = forms_of(*shape, wish_.decimal,
                            [&](const auto& column) { return !told_type(column).empty(); });
    return at->second;
  }

  /// Names of a group's files that are not of its shape, in a column whose type nobody told. Those
  /// whose bytes say that they are need no look.
  std::set<std::string> unlike_files(const Group& all) {
    Group group = all;
    std::erase_if(group.files, [&](const auto* file) {
      // What the sample of its own file did not show is a misfit.
      return file->count.formed || file->found.name == all.shape->origin;
    });
    std::string any;
    for (const auto& column : group.shape->columns) {
      if (column.type == "VARCHAR" || !told_type(column.name).empty()) continue;
      any += (any.empty() ? "(" : " OR (") + quote_name(column.name) + " IS NOT NULL AND (" +
             unlike(column, *group.shape, wish_.decimal) + "))";
    }
    std::set<std::string> out;
    if (any.empty() || group.files.empty()) return out;
    const auto found =
        session_.query("SELECT DISTINCT " + name_sql(readable(group.files), kPath) + " FROM " +
                       reader(group, shaped(group, "VARCHAR"), true) + " WHERE " + any);
    for (const auto& row : found.rows) out.insert(cell_text(row[0]));
    return out;
  }

  /// Files whose values are of other types than their shape says get that of the first of them, or
  /// lose it.
  void leave_unlike() {
    size_t more = kShapesOfOneLine;
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (!groups_[i].shape) continue;
      const auto names = unlike_files(groups_[i]);
      if (names.empty()) continue;
      const auto first =
          std::find_if(groups_[i].files.begin(), groups_[i].files.end(),
                       [&](const auto* file) { return names.contains(file->found.name); });
      const auto shape = more > 0 ? own_shape(**first, wish_, session_, shapes_) : nullptr;
      if (more > 0) --more;
      leave(i, shape, [&](const CsvFile& file) { return names.contains(file.found.name); });
    }
    std::erase_if(groups_, [](const auto& group) { return group.files.empty(); });
  }

  /// Files of a group go to one of another shape, or of none.
  void leave(size_t from, const std::shared_ptr<const CsvShape>& to,
             const std::function<bool(const CsvFile&)>& which) {
    std::vector<CsvFile*> gone;
    std::erase_if(groups_[from].files, [&](auto* file) {
      if (which(*file)) gone.push_back(file);
      return which(*file);
    });
    for (auto* file : gone) {
      file->shape = to;
      file->count.formed = false;
      group(*file);
    }
  }

  /// Rows that are read of each file of a group, by its path. The hash makes the reader look at
  /// every column.
  std::map<std::string, int64_t> rows_of(const Group& group) {
    std::map<std::string, int64_t> out;
    for (const auto& row :
         session_
             .query("SELECT " + std::string(kPath) + ", count(*), max(hash(COLUMNS(* EXCLUDE (" +
                    kPath + ")))) FROM " + reader(group, types_of(group), true) + " GROUP BY 1")
             .rows)
      out[cell_text(row[0])] = number(row[1]);
    return out;
  }

  /// Of files that have their shape's first line and mostly other records the reader has to say
  /// what they are: it may find that dates are written in another way.
  void leave_strangers() {
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (!groups_[i].shape) continue;
      groups_[i].rows = rows_of(groups_[i]);
      const auto rows = groups_[i].rows;
      leave(i, nullptr, [&](const CsvFile& file) {
        return of(rows, file.readable.path) * kAnotherShape < file.records();
      });
    }
    std::erase_if(groups_, [](const auto& group) { return group.files.empty(); });
    for (auto& group : groups_) {
      if (group.columns.empty())
        group.columns = session_.describe("SELECT * EXCLUDE (" + std::string(kPath) + ") FROM " +
                                          reader(group, "", true));
    }
  }

  /// Records of a group whose values do not fit, as a SELECT; empty where there are none.
  std::string misfits(const Group& group) {
    std::string out;
    std::vector<CsvFile*> some = group.files;
    if (group.shape) {
      uint64_t bytes = 0;
      std::erase_if(some, [&](const auto* file) {
        const int64_t missing =
            std::max<int64_t>(file->records(), 0) - of(group.rows, file->readable.path);
        bytes += uint64_t(std::max<int64_t>(missing, 0)) * file->count.longest;
        return missing == 0;
      });
      if (some.size() > 1 && bytes <= kRejectsBytes) some = told_together(group, some, out);
    }
    for (auto* file : some) add(out, misfits(group, *file));
    return out;
  }

  /// Asks the reader for the misfits of many files at once. Gives those of which it does not tell
  /// all.
  std::vector<CsvFile*> told_together(const Group& group, const std::vector<CsvFile*>& files,
                                      std::string& out) {
    const std::string table = fresh_name("csv");
    const auto rows = rows_of({group.arguments + rejects_into(table), group.shape, files, {}, {}});
    std::map<std::string, int64_t> lines;
    const std::string of_files = "SELECT file_path, r.line, r.error_message, r.csv_line FROM " +
                                 table + " AS r JOIN " + table +
                                 "_scan AS s USING (scan_id, file_id)";
    for (const auto& row :
         session_.query("SELECT file_path, count(DISTINCT line) FROM (" + of_files + ") GROUP BY 1")
             .rows)
      lines[cell_text(row[0])] = number(row[1]);
    std::vector<CsvFile*> left, plain;
    for (auto* file : files) {
      const auto& path = file->readable.path;
      if (of(rows, path) + of(lines, path) != file->records()) {
        left.push_back(file);
        continue;
      }
      tell_lines(*file, wish_, outside_);
      if (file->lines.empty()) {
        plain.push_back(file);
      } else {
        add(out,
            with_lines(*file, "(" + of_files + " WHERE file_path = " + quote_text(path) + ")"));
      }
    }
    if (plain.empty()) return left;
    std::vector<std::string> paths;
    for (const auto* file : plain) paths.push_back(file->readable.path);
    add(out, "SELECT " + name_sql(readable(plain), "file_path") +
                 " AS origin, CAST(line AS BIGINT) AS position, " + kFirstOfLine + " FROM (" +
                 of_files + ") WHERE file_path IN " + duck::quote_list(paths) +
                 " GROUP BY file_path, line");
    return left;
  }

  static std::string rejects_into(const std::string& table) {
    return ", store_rejects = true, rejects_limit = 0, rejects_table = " + quote_text(table) +
           ", rejects_scan = " + quote_text(table + "_scan");
  }

  /// Records of one file whose values do not fit, or that have too many or too few, as a SELECT;
  /// empty where there are none. Error(corrupt) where that is not all that is not read.
  ///
  /// The engine's reader keeps each of them in memory, and where they fill whole chunks it loses
  /// some. So it is asked for them where they are few, and else does not see them.
  std::string misfits(const Group& group, CsvFile& file) {
    const Group alone{group.arguments, group.shape, {&file}, {}, {}};
    const std::string more =
        group.arguments +
        (group.shape ? shaped(group)
                     : types_of(session_.describe("SELECT * EXCLUDE (" + std::string(kPath) +
                                                  ") FROM " + reader(alone, {}, true))));
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
    const int64_t rows = rows_of(file, rejects_into(table) + more);
    return {rows, number(session_.query("SELECT count(DISTINCT line) FROM " + table).rows.at(0)[0]),
            table};
  }

  /// Finds values that do not fit without the reader's help.
  void leave_out(CsvFile& file, const std::string& arguments, const std::vector<Column>& columns) {
    std::string misfit = "false";
    for (const auto& column : columns) {
      if (column.type != "VARCHAR")
        misfit += " OR " + misfit_of(quote_name(column.name), column.type, wish_.decimal);
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

  /// SELECT of origin, position, error, content over a table of rejects.
  std::string with_lines(CsvFile& file, const std::string& table) {
    tell_lines(file, wish_, outside_);
    const std::string found =
        std::string("SELECT line, ") + kFirstOfLine + " FROM " + table + " GROUP BY line";
    const std::string origin = "SELECT " + quote_text(file.found.name) + " AS origin, ";
    if (file.lines.empty())
      return origin + "CAST(line AS BIGINT) AS position, error, content FROM (" + found + ")";
    return origin + "CAST(line AS BIGINT) + coalesce(shift, 0) AS position, error, content FROM (" +
           found + ") AS r ASOF LEFT JOIN read_csv(" + quote_text(escape_glob(file.lines)) +
           ", auto_detect = false, header = false, delim = ',', compression = 'none', columns = "
           "{'at': 'BIGINT', 'shift': 'BIGINT'}) AS s ON CAST(r.line AS BIGINT) >= s.at";
  }

  /// Columns of a group that are cast by SQL, as they will be.
  std::vector<Column> moments(const Group& group) const {
    std::vector<Column> out;
    for (const auto& column : group.columns) {
      const auto* typed = named(columns_, column.name);
      if (typed && cast_by_sql(typed->type)) out.push_back({column.name, typed->type});
    }
    return out;
  }

  std::string casts(const Group& group) const {
    std::string out;
    const auto add = [&](const std::string& name, const std::string& value,
                         const std::string& type) {
      out += (out.empty() ? " REPLACE (CAST(" : ", CAST(") + value + " AS " + type + ") AS " + name;
    };
    for (const auto& column : moments(group))
      add(quote_name(column.name), quote_name(column.name), column.type);
    if (group.numbered) {
      const auto line = quote_name(kLineColumn);
      add(line, "substr(" + line + ", " + std::to_string(kLineMark.size() + 1) + ")", "BIGINT");
    }
    return out.empty() ? out : out + ")";
  }

  /// Records with a text where a moment belongs.
  void leave_out_moments() {
    if (!wish_.counted) return;
    for (auto& group : groups_) {
      const auto columns = moments(group);
      if (columns.empty()) continue;
      std::string misfit = "false";
      for (const auto& column : columns)
        misfit += " OR " + misfit_of(quote_name(column.name), column.type, wish_.decimal);
      std::set<std::string> paths;
      const auto found = session_.query("SELECT DISTINCT " + std::string(kPath) + " FROM " +
                                        reader(group, types_of(group), true) + " WHERE " + misfit);
      for (const auto& row : found.rows) paths.insert(cell_text(row[0]));
      for (auto* file : group.files)
        if (paths.contains(file->readable.path)) leave_out(*file, group.arguments, columns);
    }
  }

  /// From here on the reader sees every record behind the number of its line.
  void number_all() {
    std::vector<Group> groups;
    std::swap(groups, groups_);
    std::vector<std::shared_ptr<const CsvShape>> made;
    for (const auto& group : groups) {
      for (auto* file : group.files) {
        if (!group.shape) file->shape = as_read(*file, made);
        // Names that are told are among the columns that were found.
        replace(file->arguments, wish_.names, "");
        replace(file->arguments, ", skip = " + std::to_string(file->dialect.skip), ", skip = 0");
        number_records(*file, wish_, outside_);
        auto& now = this->group(*file);
        now.columns = file->shape->columns;
        now.numbered = true;
      }
    }
  }

  /// The shape of a file that has none; one for all that are read alike.
  std::shared_ptr<const CsvShape> as_read(const CsvFile& file,
                                          std::vector<std::shared_ptr<const CsvShape>>& made) {
    const auto there = session_.describe(
        "SELECT * FROM " + alone_sql(file, ", ignore_errors = true" + file.arguments));
    auto shape = shape_as_read(file, types_of(there), session_);
    const auto found = std::find_if(made.begin(), made.end(), [&](const auto& each) {
      return each->columns == shape.columns && each->date_format == shape.date_format &&
             each->timestamp_format == shape.timestamp_format;
    });
    if (found != made.end()) return *found;
    return made.emplace_back(std::make_shared<const CsvShape>(std::move(shape)));
  }

  std::string select(bool hopeful) const {
    std::vector<std::string> names;
    for (const auto& column : columns_) names.push_back(column.name);
    const bool clash = named(columns_, "filename") != nullptr;
    std::string rows;
    for (const auto& group : groups_) {
      rows += (rows.empty() ? "" : "\nUNION ALL BY NAME\n") +
              ("SELECT * EXCLUDE (" + std::string(kPath) + ")" + casts(group) +
               (clash ? "" : ", " + name_sql(readable(group.files), kPath) + " AS filename") +
               file_column(source_, readable(group.files), kPath) + " FROM " +
               reader(group, types_of(group), !hopeful));
    }
    return "SELECT " + table_columns(source_, names) + " FROM (SELECT *" +
           missing_columns(source_, names) + " FROM (" + rows + ")) AS record";
  }

  CsvShapes& shapes_;
  const project::Source& source_;
  lake::DuckRows& session_;
  const Outside& outside_;
  const KnownTypes& known_;
  const CsvWish wish_;
  std::vector<CsvFile> files_;
  std::vector<Group> groups_;
  std::vector<Column> columns_;
  std::map<std::shared_ptr<const CsvShape>, std::vector<CsvForm>> forms_;
};

}  // namespace

Records csv_records(const std::vector<FoundFile>& files, const project::Source& source,
                    lake::DuckRows& session, const Outside& outside, CsvShapes& shapes,
                    const KnownTypes& known, bool hopeful) {
  if (!source.raw.empty()) {
    throw Error(Code::configuration,
                "\"raw\" is for records of JSON; \"" + source.name + "\" reads CSV", "",
                source.place);
  }
  return CsvRecords(source, session, outside, known, shapes).run(files, hopeful);
}

}  // namespace windrow::sources
