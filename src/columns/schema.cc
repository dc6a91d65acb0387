#include "columns/schema.h"

#include "base/text.h"

namespace windrow::columns {
namespace {

using Kind = Type::Kind;

struct Word {
  Kind kind;
  std::string_view text;
};
constexpr Word kWords[] = {
    {Kind::string, "string"},       {Kind::long_, "long"},
    {Kind::integer, "integer"},     {Kind::short_, "short"},
    {Kind::byte, "byte"},           {Kind::float_, "float"},
    {Kind::double_, "double"},      {Kind::boolean, "boolean"},
    {Kind::binary, "binary"},       {Kind::date, "date"},
    {Kind::timestamp, "timestamp"}, {Kind::timestamp_ntz, "timestamp_ntz"},
};

}  // namespace

std::optional<Type::Kind> kind_named(std::string_view word) {
  for (const auto& [kind, text] : kWords) {
    if (text == word) return kind;
  }
  return {};
}

bool Type::operator==(const Type& o) const {
  return kind == o.kind && precision == o.precision && scale == o.scale && fields == o.fields;
}

bool Field::operator==(const Field& o) const {
  return name == o.name && type == o.type && nullable == o.nullable && metadata == o.metadata;
}

std::string Type::text() const {
  for (const auto& word : kWords) {
    if (word.kind == kind) return std::string(word.text);
  }
  if (kind == Kind::decimal)
    return "decimal(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
  if (kind == Kind::array) return "array<" + fields[0].type.text() + ">";
  if (kind == Kind::map) return "map<" + fields[0].type.text() + "," + fields[1].type.text() + ">";
  std::string out;
  for (const auto& field : fields)
    out += (out.empty() ? "" : ",") + field.name + ":" + field.type.text();
  return "struct<" + out + ">";
}

const Field* Schema::find(std::string_view name) const {
  for (const auto& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const Field* Schema::find_any_case(std::string_view name) const {
  for (const auto& field : fields) {
    if (same_letters(field.name, name)) return &field;
  }
  return nullptr;
}

}  // namespace windrow::columns
