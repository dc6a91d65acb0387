#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>

#include "sources/files/json_columns.h"
#include "sources/files/records.h"
#include "sources/files/remote_files.h"

/// How a JSON file becomes records.
///
/// A file that begins with `[` is an array, any other one has a record a line (or, where no line is
/// one, objects one after the other over several lines). Lines come through DuckDB's CSV reader
/// with a delimiter that no text has: it keeps the bytes of each line, skips a byte order mark, and
/// sets aside lines that are no UTF-8, where the JSON reader would trim, stumble or drop. An array
/// that is broken somewhere is read line by line, which saves the good records of a file with a
/// record a line; where no line is a record, the whole file is set aside as one.
namespace windrow::sources {

namespace {

using duck::quote_name;
using duck::quote_text;

enum class Layout { lines, array, objects, broken_array, unreadable };

constexpr const char* kIsObject =
    "CASE WHEN json_valid(raw) THEN json_type(raw) = 'OBJECT' ELSE false END";
/// DuckDB's own limits, past which the reader is asked again with more.
constexpr uint64_t kLongLine = 256ull << 20;
constexpr size_t kKeptContent = 1 << 20;

int64_t number(const duck::Cell& cell) {
  const auto* whole = std::get_if<int64_t>(&cell);
  return whole ? *whole : 0;
}

class JsonRecords {
 public:
  JsonRecords(const std::vector<FoundFile>& files, const project::Source& source,
              engine::Session& session, storage::FileSystem* storage, const KnownTypes& known)
      : files_(files),
        source_(source),
        session_(session),
        storage_(storage),
        known_(known),
        name_(name_sql(files)) {}

  Records run(bool hopeful) {
    for (const auto& file : files_) {
      if (file.size > 0) groups_[layout_of(file)].push_back(file);
    }
    if (hopeful && groups_.size() == 1 && groups_.begin()->first == Layout::lines) {
      if (auto fast = fast_json_records(groups_[Layout::lines], source_, session_, known_))
        return *fast;
    }
    check_arrays();
    check_lines();
    Records out;
    const auto fields = decide_fields();
    const FieldSql sql = field_sql(fields);
    out.rejected = rejected(sql);
    std::vector<std::string> names;
    for (const auto& field : fields) names.push_back(field.name);
    const std::string columns = table_columns(source_, names);
    if (!columns.empty())
      out.sql = "SELECT " + columns + " FROM (" + records(sql, names) + ") AS record";
    return out;
  }

 private:
  // --- which file is what
  // ----------------------------------------------------------------------------------------

  Layout layout_of(const FoundFile& file) {
    char first = 0;
    if (file.name.ends_with(".gz") || file.name.ends_with(".zst")) {
      const auto rows = session_
                            .query("SELECT ltrim(raw)[1] FROM " + lines({file}) +
                                   " WHERE trim(raw) <> '' LIMIT 1")
                            .rows;
      if (!rows.empty() && !duck::text_of(rows[0][0]).empty()) first = duck::text_of(rows[0][0])[0];
    } else if (storage_ != nullptr && in_storage(file.path)) {
      std::string begin = storage_->read_range(file.path, 0, 4096);
      if (begin.starts_with("\xEF\xBB\xBF")) begin.erase(0, 3);
      const size_t at = begin.find_first_not_of(" \t\r\n");
      if (at != std::string::npos) first = begin[at];
    } else {
      std::ifstream in(file.path, std::ios::binary);
      if (!in)
        throw Error(Code::permission, "cannot read file \"" + file.path + "\"",
                    "give this user the right to read it");
      if (in.peek() == 0xEF) in.ignore(3);
      in >> std::ws >> first;
    }
    return first == '[' ? Layout::array : Layout::lines;
  }

  /// Reads every array once, so that a broken one is known before anything is staged.
  void check_arrays() {
    auto& arrays = groups_[Layout::array];
    if (arrays.empty() || whole(arrays, "array")) return;
    std::vector<FoundFile> good;
    for (const auto& file : arrays) {
      if (whole({file}, "array"))
        good.push_back(file);
      else if (number(session_
                          .query("SELECT count(*) FROM " + stripped_lines({file}) + " WHERE " +
                                 kIsObject)
                          .rows.at(0)[0]) > 0)
        groups_[Layout::broken_array].push_back(file);
      else
        groups_[Layout::unreadable].push_back(file);
    }
    arrays = std::move(good);
  }

  bool whole(const std::vector<FoundFile>& files, const char* format) {
    try {
      session_.query("SELECT count(raw) FROM " + objects(files, format));
      return true;
    } catch (const duck::SqlError& error) {
      const std::string& message = error.problem().message;
      if (message.find("maximum_object_size") != std::string::npos && object_bytes_ == 0) {
        for (const auto& file : files_)
          object_bytes_ = std::max(object_bytes_, std::min(file.size * 20, kLongLine));
        return whole(files, format);
      }
      if (error.code() != Code::data) throw;
      if (files.size() == 1) why_[files[0].name] = message;
      return false;
    }
  }

  /// Reads every line once: lines that DuckDB cannot read at all are set aside by it.
  void check_lines() {
    auto& files = groups_[Layout::lines];
    if (files.empty()) return;
    auto counts = count_lines(files);
    if (too_long()) {
      for (const auto& file : files)
        line_bytes_ = std::max(line_bytes_, std::min(file.size * 20 + 1, kLongLine));
      counts = count_lines(files);
    }
    std::vector<FoundFile> as_lines;
    for (const auto& file : files) {
      const bool none = counts[file.name].first == 0 && counts[file.name].second > 0;
      if (none && whole({file}, "unstructured"))
        groups_[Layout::objects].push_back(file);
      else
        as_lines.push_back(file);
    }
    files = std::move(as_lines);
  }

  /// Name → lines that are records, lines that are not.
  std::map<std::string, std::pair<int64_t, int64_t>> count_lines(
      const std::vector<FoundFile>& files) {
    rejects_ = fresh_name("lines");
    std::map<std::string, std::pair<int64_t, int64_t>> out;
    const auto rows = session_.query(
        "SELECT " + name_ +
        ", count(*) FILTER (WHERE good), count(*) FILTER (WHERE NOT good) FROM (SELECT filename, " +
        kIsObject + " AS good FROM " + lines(files, rejects_) + ") GROUP BY ALL");
    for (const auto& row : rows.rows) out[duck::text_of(row[0])] = {number(row[1]), number(row[2])};
    return out;
  }
  bool too_long() {
    return line_bytes_ == 0 && number(session_
                                          .query("SELECT count(*) FROM " + quote_name(rejects_) +
                                                 " WHERE error_type = 'LINE SIZE OVER MAXIMUM'")
                                          .rows.at(0)[0]) > 0;
  }

  // --- relations (raw, filename)
  // -----------------------------------------------------------------------------------

  std::string lines(const std::vector<FoundFile>& files, const std::string& rejects = {}) const {
    std::string more;
    if (line_bytes_)
      more += fmt::format(", max_line_size = {}, buffer_size = {}", line_bytes_, 2 * line_bytes_);
    if (!rejects.empty())
      more += ", store_rejects = true, rejects_limit = 0, rejects_table = " + quote_text(rejects) +
              ", rejects_scan = " + quote_text(rejects + "_scan");
    return text_lines(files, more);
  }
  /// Lines of an array with a record a line: without the brackets and commas around them.
  std::string stripped_lines(const std::vector<FoundFile>& files) const {
    return "(SELECT regexp_replace(raw, '^[\\s\\[]*(.*?)[\\s,\\]]*$', '\\1') AS raw, filename "
           "FROM " +
           lines(files) + " WHERE regexp_matches(raw, '[^\\s\\[\\],]'))";
  }
  std::string objects(const std::vector<FoundFile>& files, const char* format) const {
    return "(SELECT CAST(json AS VARCHAR) AS raw, filename FROM read_json_objects(" +
           path_list(files) + ", format = '" + format +
           "', filename = true, hive_partitioning = false" +
           (object_bytes_ ? ", maximum_object_size = " + std::to_string(object_bytes_) : "") + "))";
  }
  std::string relation(Layout layout, const std::vector<FoundFile>& files) const {
    switch (layout) {
      case Layout::lines: return lines(files);
      case Layout::array: return objects(files, "array");
      case Layout::objects: return objects(files, "unstructured");
      default: return stripped_lines(files);
    }
  }
  std::string all() const {
    std::string out;
    for (const auto& [layout, files] : groups_) {
      if (layout == Layout::unreadable || files.empty()) continue;
      out += (out.empty() ? "" : " UNION ALL ") +
             ("SELECT raw, filename FROM " + relation(layout, files));
    }
    return "(" +
           (out.empty() ? "SELECT NULL::VARCHAR AS raw, NULL::VARCHAR AS filename WHERE false"
                        : out) +
           ")";
  }

  // --- columns
  // -----------------------------------------------------------------------------------------------------

  /// Declared fields have their declared type. Without a raw column all other fields become columns
  /// too.
  std::vector<FieldColumn> decide_fields() {
    std::vector<FieldColumn> fields;
    if (source_.raw.empty() ||
        std::any_of(source_.columns.begin(), source_.columns.end(), [&](const auto& column) {
          return column.value.empty() && column.type.empty() && column.name != source_.raw;
        })) {
      const auto structure = session_.query("SELECT json_group_structure(CAST(raw AS JSON)) FROM " +
                                            all() + " WHERE " + kIsObject);
      fields = fields_of_structure(duck::text_of(structure.rows.at(0)[0]), source_.name);
    }
    for (auto& field : fields) {
      const auto type = known_.find(field.name);
      if (type != known_.end()) field = {field.name, type->second, field.declared};
    }
    for (const auto& column : source_.columns) {
      if (!column.value.empty() || column.name == source_.raw) continue;
      const auto found = std::find_if(fields.begin(), fields.end(),
                                      [&](const auto& field) { return field.name == column.name; });
      const std::string type = column.type.empty() ? "VARCHAR" : column.type;
      if (found == fields.end())
        fields.push_back({column.name, type, true});
      else if (!column.type.empty())
        *found = {column.name, type, true};
      else
        found->declared = true;
    }
    if (!source_.raw.empty())
      std::erase_if(fields, [](const auto& field) { return !field.declared; });
    return fields;
  }

  std::string with_texts(const FieldSql& sql, const std::string& from) const {
    if (sql.texts.empty()) return from;
    return "(SELECT *, CASE WHEN " + std::string(kIsObject) + " THEN " + sql.texts +
           " END AS texts FROM " + from + ")";
  }
  /// Good records with their fields, under the names that `value:` expressions use.
  std::string records(const FieldSql& sql, const std::vector<std::string>& names) const {
    const bool clash = std::find(names.begin(), names.end(), "filename") != names.end();
    std::string out =
        "SELECT raw AS " + quote_name(source_.raw.empty() ? "windrow raw" : source_.raw);
    if (!clash) out += ", " + name_ + " AS filename";
    out += sql.select + " FROM " + with_texts(sql, all()) + " WHERE " + kIsObject;
    if (!sql.misfit.empty()) out += " AND NOT coalesce(" + sql.misfit + ", false)";
    return out;
  }

  // --- what cannot be read
  // -----------------------------------------------------------------------------------------

  std::string rejected(const FieldSql& sql) {
    std::string out;
    const auto add = [&](const std::string& select) {
      out += (out.empty() ? "" : "\nUNION ALL\n") + select;
    };
    const std::string misfit = sql.misfit.empty() ? "false" : "coalesce(" + sql.misfit + ", false)";
    const std::string bad = "(NOT " + std::string(kIsObject) + " OR " + misfit + ")";
    for (const auto& [layout, files] : groups_) {
      if (layout == Layout::unreadable) continue;
      for (const auto& file : files) {
        const std::string from = with_texts(sql, relation(layout, {file}));
        if (number(
                session_.query("SELECT count(*) FROM " + from + " WHERE " + bad).rows.at(0)[0]) ==
            0)
          continue;
        add("SELECT " + name_ +
            " AS origin, position, CASE WHEN NOT json_valid(raw) THEN 'not JSON, or more than one "
            "record on a line'"
            " WHEN json_type(raw) <> 'OBJECT' THEN 'not an object' ELSE " +
            quote_text(misfit_words()) +
            " END AS error, raw AS content FROM "
            "(SELECT *, row_number() OVER () AS position FROM " +
            from + ") WHERE " + bad);
      }
    }
    add_rejected_by_reader(add);
    for (const auto& file : groups_[Layout::unreadable]) {
      add("SELECT " + quote_text(file.name) + " AS origin, 0::BIGINT AS position, " +
          quote_text("broken array, and no line of it is a record: " + why_[file.name]) +
          " AS error, left(string_agg(raw, chr(10)), " + std::to_string(kKeptContent) +
          ") AS content FROM (SELECT raw FROM " + lines({file}) + " LIMIT 10000)");
    }
    return out;
  }

  template <class Add>
  void add_rejected_by_reader(const Add& add) {
    if (rejects_.empty()) return;
    const std::string table = quote_name(rejects_);
    if (number(session_.query("SELECT count(*) FROM " + table).rows.at(0)[0]) == 0) return;
    add("SELECT " + name_sql(files_, "file_path") +
        " AS origin, CAST(line AS BIGINT) AS position, lower(CAST(error_type AS VARCHAR)) AS "
        "error, csv_line AS content FROM " +
        table + " JOIN " + quote_name(rejects_ + "_scan") + " USING (scan_id, file_id)");
  }

  std::string misfit_words() const {
    std::string types;
    for (const auto& column : source_.columns) {
      if (!column.type.empty() && column.value.empty() && column.name != source_.raw)
        types += (types.empty() ? "" : ", ") + column.name + " " + column.type;
    }
    return "a value does not fit the type of its column" +
           (types.empty() ? "" : " (declared: " + types + ")");
  }

  const std::vector<FoundFile>& files_;
  const project::Source& source_;
  engine::Session& session_;
  storage::FileSystem* storage_;
  const KnownTypes& known_;
  std::string name_;
  std::map<Layout, std::vector<FoundFile>> groups_;
  std::map<std::string, std::string> why_;
  std::string rejects_;
  uint64_t line_bytes_ = 0, object_bytes_ = 0;
};

}  // namespace

Records json_records(const std::vector<FoundFile>& files, const project::Source& source,
                     engine::Session& session, storage::FileSystem* storage,
                     const KnownTypes& known, bool hopeful) {
  return JsonRecords(files, source, session, storage, known).run(hopeful);
}

std::string text_lines(const std::vector<FoundFile>& files, const std::string& more) {
  return "(SELECT raw, filename FROM read_csv(" + path_list(files) +
         ", columns = {'raw': 'VARCHAR'}, delim = '\x1e\x1f\x1e', quote = '', escape = '', header "
         "= false, auto_detect = false, strict_mode = false, comment = '', nullstr = "
         "'\x1f\x1e\x1f', filename = true, hive_partitioning = false, ignore_errors = true" +
         more + "))";
}

}  // namespace windrow::sources
