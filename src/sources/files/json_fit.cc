#include "sources/files/json_fit.h"

#include <algorithm>

#include "base/text.h"
#include "duck/quoting.h"
#include "lake/schema.h"
#include "sources/files/json_columns.h"

namespace windrow::sources {

namespace {

using columns::Field;
using columns::Type;
using duck::quote_text;
using Kind = Type::Kind;

const Field* field_of(const Type& type, const std::string& name) {
  const auto found = std::find_if(type.fields.begin(), type.fields.end(),
                                  [&](const Field& each) { return each.name == name; });
  return found == type.fields.end() ? nullptr : &*found;
}

void widen(Type& type, const Type& found) {
  if (type.kind != found.kind) return;
  if (type.kind == Kind::array) return widen(type.fields[0].type, found.fields[0].type);
  if (type.kind != Kind::struct_) return;
  for (const auto& field : found.fields) {
    const auto there = std::find_if(type.fields.begin(), type.fields.end(),
                                    [&](const Field& each) { return each.name == field.name; });
    if (there == type.fields.end())
      type.fields.push_back(field);
    else
      widen(there->type, field.type);
  }
}

bool keeps(const Type& type, const Type& found) {
  if (type.kind == Kind::string) return true;
  if (type.kind != found.kind) return false;
  if (type.kind == Kind::array) return keeps(type.fields[0].type, found.fields[0].type);
  if (type.kind != Kind::struct_) return type == found;
  return std::all_of(found.fields.begin(), found.fields.end(), [&](const Field& each) {
    const auto* there = field_of(type, each.name);
    return there != nullptr && keeps(there->type, each.type);
  });
}

bool is_whole(Kind kind) {
  return kind == Kind::long_ || kind == Kind::integer || kind == Kind::short_ || kind == Kind::byte;
}

/// Writes the conditions; elements of lists have names of their own, by depth.
class Loses {
 public:
  explicit Loses(bool all_fields) : all_fields_(all_fields) {}

  std::string sql(const std::string& value, const Type& type) {
    if (type.kind == Kind::string) return {};
    if (type.kind == Kind::struct_) return of_object(value, type);
    if (type.kind == Kind::array)
      return other_than("ARRAY", value) + any("TRY_CAST(" + value + " AS JSON[])", type.fields[0]);
    if (type.kind == Kind::map)
      return other_than("OBJECT", value) +
             any("map_values(TRY_CAST(" + value + " AS MAP(VARCHAR, JSON)))", type.fields[1]);
    const std::string text = "json_extract_string(" + value + ", '$')";
    const std::string cast = "TRY_CAST(" + text + " AS " + lake::duck_type(type) + ")";
    std::string out = text + " IS NOT NULL AND " + cast + " IS NULL";
    // DuckDB rounds a fraction to a whole number; that would be another value than came.
    if (is_whole(type.kind)) out += " OR TRY_CAST(" + text + " AS DOUBLE) <> " + cast;
    return out;
  }

 private:
  std::string of_object(const std::string& value, const Type& type) {
    std::string out = other_than("OBJECT", value), names;
    for (const auto& field : type.fields) {
      names += (names.empty() ? "" : ", ") + quote_text(field.name);
      const auto inner =
          sql("json_extract(" + value + ", " + quote_text(pointer(field.name)) + ")", field.type);
      if (!inner.empty()) out += " OR (" + inner + ")";
    }
    if (all_fields_) {
      const std::string key = next_name();
      out += " OR len(list_filter(json_keys(" + value + "), lambda " + key + ": " + key +
             " NOT IN (" + names + "))) > 0";
    }
    return out;
  }
  static std::string other_than(const char* kind, const std::string& value) {
    return "json_type(" + value + ") NOT IN ('" + kind + "', 'NULL')";
  }
  std::string any(const std::string& list, const Field& element) {
    const std::string each = next_name(), inner = sql(each, element.type);
    if (inner.empty()) return {};
    return " OR len(list_filter(" + list + ", lambda " + each + ": coalesce(" + inner +
           ", false))) > 0";
  }
  std::string next_name() { return "w" + std::to_string(++names_) + "_"; }

  const bool all_fields_;
  int names_ = 0;
};

}  // namespace

bool is_nested(const std::string& type) {
  return type.find_first_of("[(") != std::string::npos && !lower(type).starts_with("decimal") &&
         !lower(type).starts_with("numeric");
}

std::string widened(const std::string& known, const std::string& found) {
  if (!is_nested(known) || !is_nested(found)) return known;
  Type out = lake::type_from_duck("", known);
  widen(out, lake::type_from_duck("", found));
  return lake::duck_type(out);
}

bool keeps_all(const std::string& type, const std::string& found) {
  return keeps(lake::type_from_duck("", type), lake::type_from_duck("", found));
}

std::string loses_sql(const std::string& value, const std::string& column, const std::string& type,
                      bool all_fields) {
  return Loses(all_fields).sql(value, lake::type_from_duck(column, type));
}

}  // namespace windrow::sources
