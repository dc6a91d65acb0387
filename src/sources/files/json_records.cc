#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "duck/quoting.h"
#include "sources/files/census.h"
#include "sources/files/json_columns.h"
#include "sources/files/places.h"
#include "sources/files/records.h"
#include "sources/rest/json_slices.h"

/// How a JSON file becomes records.
///
/// A file that begins with `[` is an array, any other one has a record a line (or, where no line is
/// one, objects one after the other over several lines). An array that is broken somewhere is read
/// line by line, which saves the good records of a file with a record a line; where no line is a
/// record, the whole file is set aside as one. All of that is found by a scan of the bytes
/// (census.h), so that what is read here are good records alone. Lines come through DuckDB's CSV
/// reader with a delimiter that no text has, which keeps the bytes of each line.
namespace windrow::sources {

namespace {

using duck::quote_name;
using duck::quote_text;

class JsonRecords {
 public:
  JsonRecords(const std::vector<FoundFile>& files, const project::Source& source,
              lake::DuckRows& session, const Outside& outside, const KnownTypes& known)
      : files_(files),
        source_(source),
        session_(session),
        outside_(outside),
        known_(known),
        numbered_(places_asked(source).line) {
    for (const auto& column : source.columns) {
      if (column.value.empty() && column.name != source.raw) told_.push_back(column.name);
    }
    for (const auto& [column, type] : known) told_.push_back(column);
    for (const auto& name : told_) spellings_.tell(name);
  }

  Records run(bool hopeful) {
    count();
    try {
      return records(hopeful);
    } catch (const Clash& clash) {
      spellings_.add(clash.names);
    }
    count();
    try {
      return records(hopeful);
    } catch (const Clash& clash) {
      throw Error(Code::data,
                  fmt::format("records of \"{}\" have fields \"{}\" that differ only by case",
                              source_.name, *clash.names.begin()),
                  "keep the record whole with `raw:` and take the fields in a model",
                  source_.place);
    }
  }

 private:
  void count() {
    census_ = std::make_shared<Census>(outside_, session_, numbered_);
    groups_.clear();
    whole_.clear();
    held_.clear();
    longest_ = 0;
    folded_ = false;
    for (const auto& file : files_) {
      if (file.size == 0) continue;
      auto counted = census_->json(file, spellings_.empty() ? nullptr : &spellings_);
      if (!counted.why.empty()) {
        whole_.push_back(std::move(counted));
        continue;
      }
      held_[file.name] = {counted.records, 0};
      longest_ = std::max(longest_, counted.longest);
      folded_ = folded_ || counted.folded;
      if (counted.records > counted.bad)
        groups_[counted.layout].push_back(std::move(counted.readable));
    }
  }

  Records records(bool hopeful) {
    Records out;
    if (hopeful && !folded_ && groups_.size() == 1 && groups_.begin()->first == JsonLayout::lines) {
      if (auto fast = fast_json_records(groups_[JsonLayout::lines], longest_, source_, session_,
                                        known_, census_->shapes()))
        out = *fast;
    }
    if (out.sql.empty()) out = careful();
    if (!out.misfits.empty()) out.misfits = census_->with_all_positions(out.misfits);
    out.rejected = rejected();
    out.held = held_;
    out.kept = census_;
    return out;
  }

  Records careful() {
    Records out;
    const auto fields = decide_fields();
    const FieldSql sql = field_sql(fields);
    std::vector<std::string> names;
    for (const auto& field : fields) names.push_back(field.name);
    const std::string columns = table_columns(source_, names);
    if (columns.empty()) return out;
    out.sql = "SELECT " + columns + " FROM (" + good(sql, names) + ") AS record";
    out.misfits = misfits(sql);
    std::string rows = all();
    if (!sql.misfit.empty())
      rows = "(SELECT * FROM " + with_texts(sql, rows) + " WHERE NOT coalesce(" + sql.misfit +
             ", false))";
    out.rows_by_origin = rows_by_file(all_files(), rows);
    return out;
  }

  // --- relations (raw, filename, and the line where it is asked for)

  std::string objects(const std::vector<FoundFile>& files, const char* format) const {
    return "(SELECT CAST(json AS VARCHAR) AS raw, filename FROM read_json_objects(" +
           path_list(files) + ", format = '" + format +
           "', filename = true, hive_partitioning = false" +
           (longest_ > kUsualObject
                ? ", maximum_object_size = " + std::to_string(longest_ + (1 << 20))
                : "") +
           "))";
  }
  std::string relation(JsonLayout layout, const std::vector<FoundFile>& files) const {
    if (layout == JsonLayout::lines) return text_lines(files, longest_, numbered_, folded_);
    return objects(files, layout == JsonLayout::array ? "array" : "unstructured");
  }
  std::string all() const {
    std::string out;
    for (const auto& [layout, files] : groups_) {
      out += (out.empty() ? "" : " UNION ALL ") +
             ("SELECT raw, filename" + line_column(source_) + " FROM " + relation(layout, files));
    }
    return "(" +
           (out.empty() ? "SELECT NULL::VARCHAR AS raw, NULL::VARCHAR AS filename, NULL::BIGINT "
                          "AS \"windrow line\" WHERE false"
                        : out) +
           ")";
  }
  std::vector<FoundFile> all_files() const {
    std::vector<FoundFile> out;
    for (const auto& [layout, files] : groups_) out.insert(out.end(), files.begin(), files.end());
    return out;
  }

  // --- columns

  /// Declared fields have their declared type. Without a raw column all other fields become columns
  /// too.
  std::vector<FieldColumn> decide_fields() {
    std::vector<FieldColumn> fields;
    if (source_.raw.empty() ||
        std::any_of(source_.columns.begin(), source_.columns.end(), [&](const auto& column) {
          return column.value.empty() && column.type.empty() && column.name != source_.raw;
        })) {
      const auto& shapes = census_->shapes();
      const std::string structure =
          shapes.complete() && groups_.size() == 1
              ? structure_of_all(shapes.texts(), session_)
              : cell_text(
                    session_.query("SELECT json_group_structure(CAST(raw AS JSON)) FROM " + all())
                        .rows.at(0)[0]);
      fields = fields_of_structure(structure, told_);
      // Rows of NULLs are rows; they need a column to stand in.
      if (fields.empty() && source_.columns.empty()) {
        const auto there = std::find_if(known_.begin(), known_.end(), [&](const auto& each) {
          return std::none_of(source_.partition_by.begin(), source_.partition_by.end(),
                              [&](const auto& part) { return part.first == each.first; });
        });
        if (there == known_.end())
          fields = fields_of_structure(structure, told_, true);
        else
          fields.push_back({.name = there->first, .type = there->second});
      }
    }
    for (auto& field : fields) {
      const auto type = known_.find(field.name);
      if (type != known_.end())
        field = known_field(field.name, type->second, field.type, source_);
      else
        field.fits = true;
      field.fits &= census_->shapes().exact();
    }
    for (const auto& column : source_.columns) {
      if (!column.value.empty() || column.name == source_.raw) continue;
      const auto found = std::find_if(fields.begin(), fields.end(),
                                      [&](const auto& field) { return field.name == column.name; });
      if (found == fields.end())
        fields.push_back(declared_field(column, session_));
      else if (!column.type.empty())
        *found = declared_field(column, session_);
      else
        found->declared = true;
    }
    if (!source_.raw.empty())
      std::erase_if(fields, [](const auto& field) { return !field.declared; });
    return fields;
  }

  static std::string with_texts(const FieldSql& sql, const std::string& from) {
    return sql.texts.empty() ? from : "(SELECT *, " + sql.texts + " AS texts FROM " + from + ")";
  }
  /// Good records with their fields, under the names that `value:` expressions use.
  std::string good(const FieldSql& sql, const std::vector<std::string>& names) const {
    const bool clash = std::find(names.begin(), names.end(), "filename") != names.end();
    std::string out =
        "SELECT raw AS " + quote_name(source_.raw.empty() ? "windrow raw" : source_.raw);
    if (!clash) out += ", " + name_sql(all_files()) + " AS filename";
    out += file_column(source_, all_files()) + line_column(source_);
    out += sql.select + " FROM " + with_texts(sql, all());
    if (!sql.misfit.empty()) out += " WHERE NOT coalesce(" + sql.misfit + ", false)";
    return out;
  }

  // --- what cannot be read

  std::string misfits(const FieldSql& sql) const {
    std::string out;
    for (const auto& [layout, files] : groups_) {
      for (const auto& file : files) {
        if (sql.misfit.empty()) return {};
        out += (out.empty() ? "" : "\nUNION ALL\n") +
               ("SELECT " + quote_text(file.name) + " AS origin, position, " +
                quote_text(misfit_words(source_)) +
                " AS error, raw AS content FROM (SELECT *, row_number() OVER () AS position FROM " +
                with_texts(sql, relation(layout, {file})) + ") WHERE coalesce(" + sql.misfit +
                ", false)");
      }
    }
    return out;
  }

  std::string rejected() const {
    std::string out = census_->rejected();
    for (const auto& file : whole_) {
      out += (out.empty() ? "" : "\nUNION ALL\n") +
             ("SELECT " + quote_text(file.readable.name) + " AS origin, 0::BIGINT AS position, " +
              quote_text(file.why) + " AS error, " + text_of_head(file.head) + " AS content");
    }
    return out;
  }
  /// Bytes that may be no text.
  static std::string text_of_head(const std::string& head) {
    return "json_extract_string(" + quote_text("[" + json_quoted(head) + "]") + ", '$[0]')";
  }

  const std::vector<FoundFile>& files_;
  const project::Source& source_;
  lake::DuckRows& session_;
  const Outside& outside_;
  const KnownTypes& known_;
  const bool numbered_;  ///< rows tell their lines
  std::vector<std::string> told_;
  Spellings spellings_;
  std::shared_ptr<Census> census_;
  std::map<JsonLayout, std::vector<FoundFile>> groups_;
  std::vector<Counted> whole_;
  std::map<std::string, Held> held_;
  uint64_t longest_ = 0;
  bool folded_ = false;
};

}  // namespace

Records json_records(const std::vector<FoundFile>& files, const project::Source& source,
                     lake::DuckRows& session, const Outside& outside, const KnownTypes& known,
                     bool hopeful) {
  return JsonRecords(files, source, session, outside, known).run(hopeful);
}

std::string misfit_words(const project::Source& source) {
  std::string types;
  for (const auto& column : source.columns) {
    if (!column.type.empty() && column.value.empty() && column.name != source.raw)
      types += (types.empty() ? "" : ", ") + column.name + " " + column.type;
  }
  return "a value does not fit the type of its column" +
         (types.empty() ? "" : " (declared: " + types + ")");
}

std::string text_lines(const std::vector<FoundFile>& files, uint64_t longest, bool numbered,
                       bool folded) {
  std::string columns = numbered ? quote_name(kLineColumn) + ", " : "";
  columns += folded ? "translate(raw, '" + std::string(kFolded) + "', chr(10) || chr(13)) AS raw"
                    : std::string("raw");
  // A copy is not packed, whatever the file is called.
  std::string more = numbered ? ", compression = 'none'" : "";
  if (longest > kUsualLine)
    more +=
        fmt::format(", max_line_size = {}, buffer_size = {}", longest + 1000, 2 * longest + 2000);
  return "(SELECT " + columns + ", filename FROM read_csv(" + path_list(files) + ", columns = {" +
         (numbered ? quote_text(kLineColumn) + ": 'BIGINT', " : "") +
         "'raw': 'VARCHAR'}, delim = '\x1e\x1f\x1e', quote = '', escape = '', header "
         "= false, auto_detect = false, strict_mode = false, comment = '', nullstr = "
         "'\x1f\x1e\x1f', filename = true, hive_partitioning = false" +
         more + "))";
}

}  // namespace windrow::sources
