#include "sources/files/json_columns.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "duck/quoting.h"
#include "sources/files/json_fit.h"
#include "sources/files/places.h"

namespace windrow::sources {

namespace {

/// Levels of lists and structs in a column's type.
constexpr int kTypeDepthMax = 20;

using duck::quote_name;
using duck::quote_text;
using Json = nlohmann::ordered_json;

bool only_null(const Json& structure) {
  if (structure.is_string()) return structure == "NULL";
  if (structure.is_array()) return structure.empty() || only_null(structure[0]);
  return structure.empty() || std::all_of(structure.begin(), structure.end(),
                                          [](const Json& each) { return only_null(each); });
}

/// Whether a column type can hold it: field names differ by more than case, are not empty and hold
/// no NUL, and it is no deeper than `depth`.
bool fits(const Json& structure, int depth) {
  if (depth == 0) return structure.is_string();
  if (structure.is_array()) return structure.empty() || fits(structure[0], depth - 1);
  if (!structure.is_object()) return true;
  std::set<std::string> names;
  for (const auto& [name, type] : structure.items()) {
    if (name.empty() || name.find('\0') != std::string::npos || !names.insert(lower(name)).second ||
        !fits(type, depth - 1))
      return false;
  }
  return true;
}

/// DuckDB calls every integer that is not negative UBIGINT; tables have BIGINT.
std::string type_of(const Json& structure) {
  if (!fits_type(structure)) return "JSON";
  if (structure.is_string()) {
    const auto name = structure.get<std::string>();
    return name == "UBIGINT" ? "BIGINT" : name == "NULL" ? "VARCHAR" : name;
  }
  if (structure.is_array()) return structure.empty() ? "VARCHAR[]" : type_of(structure[0]) + "[]";
  if (structure.empty()) return "JSON";
  std::string fields;
  for (const auto& [name, type] : structure.items()) {
    fields += (fields.empty() ? "" : ", ") + quote_name(name) + " " + type_of(type);
  }
  return "STRUCT(" + fields + ")";
}

bool integer(const std::string& type) {
  static const char* const kNames[] = {"bigint", "integer", "int",  "smallint", "tinyint", "long",
                                       "short",  "hugeint", "int8", "int4",     "int2"};
  const auto name = lower(type);
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](const char* each) { return name == each; });
}

}  // namespace

std::string pointer(const std::string& field) {
  std::string out = "/";
  for (const char c : field) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

bool fits_type(const Json& structure) { return fits(structure, kTypeDepthMax); }

std::vector<FieldColumn> fields_of_structure(const std::string& structure,
                                             const std::vector<std::string>& told,
                                             bool with_nulls) {
  std::vector<FieldColumn> out;
  const Json parsed = Json::parse(structure, nullptr, false);
  if (!parsed.is_object()) return out;
  std::map<std::string, std::string> spelled;
  for (const auto& name : told) spelled.emplace(lower(name), name);
  Clash clash;
  for (const auto& [name, type] : parsed.items()) {
    const bool null = only_null(type);
    if (null && !with_nulls) continue;
    const auto [found, fresh] = spelled.emplace(lower(name), name);
    if (name.empty() || (!fresh && found->second != name)) clash.names.insert(lower(name));
    out.push_back({.name = name, .type = null ? "VARCHAR" : type_of(type)});
  }
  if (!clash.names.empty()) throw clash;
  return out;
}

FieldColumn declared_field(const project::ColumnDeclaration& column, lake::DuckRows& session) {
  FieldColumn out{.name = column.name, .type = column.type, .declared = true};
  if (column.type.empty()) out.type = "VARCHAR";
  if (is_nested(out.type))
    out.type = session.describe("SELECT CAST(NULL AS " + out.type + ") AS it").at(0).type;
  return out;
}

FieldColumn known_field(const std::string& name, const std::string& known, const std::string& found,
                        const project::Source& source) {
  const bool grows = source.on_new_column != "ignore";
  FieldColumn out{.name = name, .type = grows ? widened(known, found) : known, .whole = grows};
  out.fits = is_nested(found) && keeps_all(out.type, found);
  return out;
}

FieldSql field_sql(const std::vector<FieldColumn>& fields) {
  FieldSql out;
  std::string pointers;
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto& field = fields[i];
    pointers += (i ? ", " : "") + quote_text(pointer(field.name));
    // Lists count from 1. Texts for scalars: JSON's own cast would refuse "12" for a number.
    const std::string at = "[" + std::to_string(i + 1) + "]";
    const bool nested = is_nested(field.type), json = nested || lower(field.type) == "json";
    const std::string value =
        json ? "json_extract(raw, " + quote_text(pointer(field.name)) + ")" : "texts" + at;
    const std::string cast = "TRY_CAST(" + value + " AS " + field.type + ")";
    out.select += ", " + cast + " AS " + quote_name(field.name);
    if (lower(field.type) == "json" || lower(field.type) == "varchar" ||
        lower(field.type) == "text" || (nested && field.fits))
      continue;
    const std::string found =
        json ? "json_extract_string(raw, " + quote_text(pointer(field.name)) + ")" : value;
    std::string wrong = "(" + found + " IS NOT NULL AND " + cast + " IS NULL)";
    // DuckDB rounds a fraction to a whole number; that would be another value than came.
    if (integer(field.type)) wrong += " OR TRY_CAST(" + value + " AS DOUBLE) <> " + cast;
    if (nested) wrong += " OR " + loses_sql(value, field.name, field.type, field.whole);
    out.misfit += (out.misfit.empty() ? "" : " OR ") + wrong;
  }
  if (!fields.empty()) out.texts = "json_extract_string(raw, [" + pointers + "])";
  return out;
}

std::string table_columns(const project::Source& source, const std::vector<std::string>& fields) {
  std::string out;
  const auto add = [&](const std::string& sql, const std::string& name) {
    out += (out.empty() ? "" : ", ") + sql + " AS " + quote_name(name);
  };
  const auto declared = [&](const std::string& name) {
    return std::any_of(source.columns.begin(), source.columns.end(),
                       [&](const auto& column) { return lower(column.name) == lower(name); });
  };
  if (!source.raw.empty() && !declared(source.raw)) add(quote_name(source.raw), source.raw);
  for (const auto& column : source.columns) {
    if (column.value.empty()) {
      add(quote_name(column.name), column.name);
    } else {
      // On lines of its own: the text may end in a comment.
      const std::string value = "(\n" + over_record(column.value) + "\n)";
      add(column.type.empty() ? value : "CAST(" + value + " AS " + column.type + ")", column.name);
    }
  }
  for (const auto& field : fields) {
    if (!declared(field)) add(quote_name(field), field);
  }
  return out;
}

}  // namespace windrow::sources
