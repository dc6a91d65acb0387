#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "duck/quoting.h"
#include "duck/row_buffer.h"
#include "sources/files/json_columns.h"
#include "sources/files/places.h"
#include "sources/files/records.h"
#include "sources/files/shapes.h"

/// JSON lines that are what they should be, which is nearly always. Every shape that a record has
/// was seen when they were counted, so one look is left, the one that writes. Where there were too
/// many shapes to keep, another look finds every structure: records are grouped by the types of
/// their values and the names of their fields, and one of each group is looked at in full. Where
/// fewer rows come out than there are records, those that do not fit are looked for, by the fields
/// alone that have a type to fit.
namespace windrow::sources {

namespace {

using duck::quote_name;
using duck::quote_text;
using Json = nlohmann::ordered_json;

constexpr int kSample = 20'480;
constexpr int kLooks = 3;

/// Paths below a structure, as JSON pointers.
struct Paths {
  std::vector<std::string> values, objects, arrays;
};

void collect(const Json& structure, const std::string& path, Paths& out) {
  if (structure.is_object() && !structure.empty() && (path.empty() || fits_type(structure))) {
    out.objects.push_back(path);
    for (const auto& [name, type] : structure.items()) collect(type, path + pointer(name), out);
    return;
  }
  out.values.push_back(path);
  if (structure.is_array()) out.arrays.push_back(path);
}

/// What `json_transform` takes: unsigned integers as signed ones, what was always NULL as text.
Json spec_of(const Json& structure) {
  if (!fits_type(structure)) return "JSON";
  if (structure.is_string())
    return structure == "UBIGINT" ? Json("BIGINT")
           : structure == "NULL"  ? Json("VARCHAR")
                                  : structure;
  if (structure.is_array())
    return Json::array({structure.empty() ? Json("VARCHAR") : spec_of(structure[0])});
  if (structure.empty()) return "JSON";
  Json out = Json::object();
  for (const auto& [name, type] : structure.items()) out[name] = spec_of(type);
  return out;
}

std::string list_of(const std::vector<std::string>& paths) { return duck::quote_list(paths); }

class FastJson {
 public:
  FastJson(const std::vector<FoundFile>& files, uint64_t longest, const project::Source& source,
           lake::DuckRows& session, const KnownTypes& known, const Shapes& shapes)
      : files_(files),
        longest_(longest),
        source_(source),
        session_(session),
        known_(known),
        shapes_(shapes),
        numbered_(places_asked(source).line),
        objects_(objects_of(files)) {}

  std::optional<Records> run() {
    if (!shapes_.exact()) return {};  // told record by record
    if (shapes_.complete()) {
      const Json structure =
          Json::parse(structure_of_all(shapes_.texts(), session_), nullptr, false);
      if (!structure.is_object() || structure.empty()) return {};
      return records(structure);
    }
    Json structure =
        structure_of("SELECT json FROM " + objects_ + " LIMIT " + std::to_string(kSample));
    for (int look = 0; look < kLooks; ++look) {
      if (!structure.is_object() || structure.empty()) return {};
      Paths paths;
      collect(structure, "", paths);
      const Json whole = structure_of(representatives(paths));
      Paths now;
      if (whole.is_object()) collect(whole, "", now);
      const bool same = now.values == paths.values && now.objects == paths.objects;
      structure = whole;
      if (same) return records(structure);
    }
    return {};
  }

 private:
  std::string objects_of(const std::vector<FoundFile>& files) const {
    if (numbered_)
      return "(SELECT CAST(raw AS JSON) AS json, filename" + line_column(source_) + " FROM " +
             text_lines(files, longest_, true) + ")";
    return "read_json_objects(" + path_list(files) +
           ", format = 'newline_delimited', filename = true, hive_partitioning = false" + larger() +
           ")";
  }
  std::string larger() const {
    return longest_ > kUsualObject
               ? ", maximum_object_size = " + std::to_string(longest_ + (1 << 20))
               : "";
  }

  Json structure_of(const std::string& select) {
    const auto text = session_
                          .query(
                              "SELECT json_group_structure(json), bool_and(json_type(json) = "
                              "'OBJECT') FROM (" +
                              select + ")")
                          .rows.at(0);
    const bool* objects = std::get_if<bool>(&text[1]);
    if (objects == nullptr || !*objects) return nullptr;
    return Json::parse(cell_text(text[0]), nullptr, false);
  }

  std::string representatives(const Paths& paths) const {
    // Each function reads the record's text anew: the record itself is one more path of both.
    auto values = paths.values;
    values.emplace_back();
    std::string groups = "hash(json_type(json, " + list_of(values) + ")), hash(json_keys(json, " +
                         list_of(paths.objects) + "))";
    for (const auto& path : paths.arrays)
      groups += ", hash(json_structure(json_extract(json, " + quote_text(path) + ")))";
    return "SELECT any_value(json) AS json FROM " + objects_ + " GROUP BY " + groups;
  }

  /// Every type is as it was found, so every value fits: the reader of files makes columns of them
  /// itself, without a text of each record between.
  Records as_found(const std::string& typed, const std::vector<std::string>& names) const {
    const std::string from = "read_json(" + path_list(files_) +
                             ", format = 'newline_delimited', records = 'true', columns = {" +
                             typed + "}, filename = true, hive_partitioning = false" + larger() +
                             ")";
    std::string columns;
    for (const auto& name : names) columns += ", " + quote_name(name);
    Records out;
    out.sql = "SELECT " + table_columns(source_, names) + " FROM (SELECT " + name_sql(files_) +
              " AS filename" + file_column(source_, files_) + columns + " FROM " + from +
              ") AS record";
    out.rows_by_origin = rows_by_file(files_, objects_);
    return out;
  }

  std::optional<Records> records(const Json& structure) const {
    std::vector<std::string> all_told;
    for (const auto& column : source_.columns) {
      if (column.value.empty()) all_told.push_back(column.name);
    }
    for (const auto& [column, type] : known_) all_told.push_back(column);
    auto fields = fields_of_structure(structure.dump(), all_told);
    std::vector<FieldColumn> cast;  // those whose type is told, not found
    Json spec = Json::object();
    std::string plain;
    std::vector<std::string> names;
    bool clash = false;
    const auto told = [&](const FieldColumn& field) -> std::optional<FieldColumn> {
      for (const auto& column : source_.columns) {
        if (column.name == field.name && column.value.empty() && !column.type.empty())
          return declared_field(column, session_);
      }
      const auto type = known_.find(field.name);
      if (type == known_.end()) return {};
      return known_field(field.name, type->second, field.type, source_);
    };
    std::string typed;  // of all that is found, as the reader of files takes it
    for (const auto& field : fields) {
      const auto as_told = told(field);
      names.push_back(field.name);
      clash = clash || field.name == "filename";
      typed += (typed.empty() ? "" : ", ") + quote_text(field.name) + ": " + quote_text(field.type);
      if (as_told && as_told->type != field.type) {
        cast.push_back(*as_told);
      } else {
        spec[field.name] = spec_of(structure.at(field.name));
        plain += ", found." + quote_name(field.name) + " AS " + quote_name(field.name);
      }
    }
    for (const auto& column : source_.columns) {
      if (!column.value.empty() ||
          std::find(names.begin(), names.end(), column.name) != names.end())
        continue;
      cast.push_back(declared_field(column, session_));
      names.push_back(column.name);
    }
    if (table_columns(source_, names).empty()) return {};
    if (cast.empty() && !typed.empty() && !numbered_ && shapes_.complete() && shapes_.strict() &&
        std::none_of(names.begin(), names.end(),
                     [](const auto& name) { return lower(name) == "filename"; }))
      return as_found(typed, names);
    const FieldSql sql = field_sql(cast);
    std::string texts = sql.texts;
    if (!texts.empty()) texts.replace(texts.find("raw"), 3, "json");
    std::string from = "SELECT filename, json AS raw" + line_column(source_);
    if (!spec.empty()) from += ", json_transform(json, " + quote_text(spec.dump()) + ") AS found";
    if (!texts.empty()) from += ", " + texts + " AS texts";
    std::string select = "SELECT raw AS \"windrow raw\"";
    if (!clash) select += ", " + name_sql(files_) + " AS filename";
    select += file_column(source_, files_) + line_column(source_) + plain + sql.select + " FROM (" +
              from + " FROM " + objects_ + ")";
    const std::string misfit = "coalesce(" + sql.misfit + ", false)";
    if (!sql.misfit.empty()) select += " WHERE NOT " + misfit;
    Records out;
    out.sql = "SELECT " + table_columns(source_, names) + " FROM (" + select + ") AS record";
    out.rows_by_origin = rows_by_file(files_, objects_);
    if (sql.misfit.empty()) return out;
    const auto looked = [&](const std::string& objects) {
      return "(SELECT filename, json AS raw" + (texts.empty() ? "" : ", " + texts + " AS texts") +
             " FROM " + objects + ")";
    };
    out.rows_by_origin = rows_by_file(
        files_, "(SELECT filename FROM " + looked(objects_) + " WHERE NOT " + misfit + ")");
    for (const auto& file : files_) {
      out.misfits +=
          (out.misfits.empty() ? "" : "\nUNION ALL\n") +
          ("SELECT " + quote_text(file.name) + " AS origin, position, " +
           quote_text(misfit_words(source_)) +
           " AS error, CAST(raw AS VARCHAR) AS content FROM (SELECT *, row_number() OVER () AS "
           "position FROM " +
           looked(objects_of({file})) + ") WHERE " + misfit);
    }
    return out;
  }

  const std::vector<FoundFile>& files_;
  const uint64_t longest_;
  const project::Source& source_;
  lake::DuckRows& session_;
  const KnownTypes& known_;
  const Shapes& shapes_;
  const bool numbered_;  ///< rows tell their lines
  const std::string objects_;
};

}  // namespace

std::optional<Records> fast_json_records(const std::vector<FoundFile>& files, uint64_t longest,
                                         const project::Source& source, lake::DuckRows& session,
                                         const KnownTypes& known, const Shapes& shapes) {
  if (files.empty() || !source.raw.empty()) return {};
  try {
    return FastJson(files, longest, source, session, known, shapes).run();
  } catch (const SqlError& error) {
    if (retryable(error.code()) || error.code() == Code::canceled) throw;
    return {};  // the careful way tells what is wrong
  }
}

std::string structure_of_all(const std::vector<std::string>& texts, lake::DuckRows& session) {
  duck::RowBuffer rows;
  rows.add_column("raw", duck::BufferKind::text);
  for (const auto& text : texts) rows.column(0).set_text(rows.add_row(), text);
  const duck::BufferTable table(session.connection(), rows);
  return cell_text(
      session.query("SELECT json_group_structure(CAST(raw AS JSON)) FROM " + table.sql())
          .rows.at(0)[0]);
}

}  // namespace windrow::sources
