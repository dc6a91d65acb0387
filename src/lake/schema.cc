#include "lake/schema.h"

#include <algorithm>

#include "base/text.h"
#include "lake/json_reader.h"
#include "lake/json_text.h"

// The schema as PROTOCOL.md writes it ("Schema Serialization Format"): a JSON tree in which a type
// is either a word or an object of kind struct, array or map.

namespace windrow::lake {
namespace {

using Kind = Type::Kind;

void write_type(JsonWriter& w, const Type& type);

void write_fields(JsonWriter& w, const std::vector<Field>& fields) {
  w.begin_object().field("type", "struct").key("fields").begin_array();
  for (const auto& field : fields) {
    w.begin_object().field("name", field.name).key("type");
    write_type(w, field.type);
    w.field("nullable", field.nullable).raw_field("metadata", field.metadata).end_object();
  }
  w.end_array().end_object();
}

void write_type(JsonWriter& w, const Type& type) {
  switch (type.kind) {
    case Kind::struct_: return write_fields(w, type.fields);
    case Kind::array:
      w.begin_object().field("type", "array").key("elementType");
      write_type(w, type.fields[0].type);
      w.field("containsNull", type.fields[0].nullable).end_object();
      return;
    case Kind::map:
      w.begin_object().field("type", "map").key("keyType");
      write_type(w, type.fields[0].type);
      w.key("valueType");
      write_type(w, type.fields[1].type);
      w.field("valueContainsNull", type.fields[1].nullable).end_object();
      return;
    default: w.value(type.text());
  }
}

Type type_from_word(std::string_view word) {
  if (const auto kind = columns::kind_named(word)) return {*kind, 0, 0, {}};
  if (word == "decimal") return {Kind::decimal, 10, 0, {}};
  int precision = 0, scale = 0, end = 0;
  if (std::sscanf(std::string(word).c_str(), "decimal(%d , %d )%n", &precision, &scale, &end) ==
          2 &&
      size_t(end) == word.size() && precision >= 1 && precision <= 38 && scale >= 0 &&
      scale <= precision) {
    return {Kind::decimal, precision, scale, {}};
  }
  throw Error(Code::unsupported,
              "the table has a column of type \"" + std::string(word) + "\", which is not known");
}

Type type_from(JsonElement element, ColumnMapping mapping);

std::vector<Field> fields_from(const JsonObject& object, ColumnMapping mapping) {
  std::vector<Field> fields;
  for (JsonElement item : object["fields"].get_array()) {
    const JsonObject field = item;
    fields.push_back({std::string(std::string_view(field["name"])),
                      type_from(field["type"], mapping), boolean_at(field, "nullable", true),
                      text_at(field, "metadata")});
    if (fields.back().metadata.empty()) fields.back().metadata = "{}";
    if (mapping == ColumnMapping::none) continue;
    const JsonObject metadata = field["metadata"];
    fields.back().physical = std::string_view(metadata["delta.columnMapping.physicalName"]);
    fields.back().id = integer_at(metadata, "delta.columnMapping.id");
  }
  return fields;
}

Type type_from(JsonElement element, ColumnMapping mapping) {
  if (element.is_string()) return type_from_word(element);
  const JsonObject object = element;
  const std::string_view kind = object["type"];
  if (kind == "struct") return {Kind::struct_, 0, 0, fields_from(object, mapping)};
  if (kind == "array") {
    return {Kind::array,
            0,
            0,
            {{"element", type_from(object["elementType"], mapping),
              boolean_at(object, "containsNull", true)}}};
  }
  if (kind == "map") {
    return {Kind::map,
            0,
            0,
            {{"key", type_from(object["keyType"], mapping), false},
             {"value", type_from(object["valueType"], mapping),
              boolean_at(object, "valueContainsNull", true)}}};
  }
  throw Error(Code::unsupported,
              "the table has a column of type \"" + std::string(kind) + "\", which is not known");
}

/// The value range of `narrow` lies inside that of `wide`.
bool fits(const Type& narrow, const Type& wide) {
  const auto rank = [](Kind kind) {
    switch (kind) {
      case Kind::byte: return 1;
      case Kind::short_: return 2;
      case Kind::integer: return 3;
      case Kind::long_: return 4;
      default: return 0;
    }
  };
  if (rank(narrow.kind) > 0 && rank(wide.kind) > 0) return rank(narrow.kind) <= rank(wide.kind);
  if (narrow.kind == Kind::float_ && wide.kind == Kind::double_) return true;
  if (narrow.kind == Kind::decimal && wide.kind == Kind::decimal) {
    return narrow.scale <= wide.scale &&
           narrow.precision - narrow.scale <= wide.precision - wide.scale;
  }
  return narrow == wide;
}

/// Walks two field lists side by side.
class Merger {
 public:
  Merger(const std::string& table_name, Evolution& out) : table_name_(table_name), out_(out) {}

  void merge(std::vector<Field>& current, const std::vector<Field>& incoming,
             const std::string& prefix) {
    for (size_t i = 0; i < incoming.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (same_letters(incoming[i].name, incoming[j].name)) {
          problem(prefix + incoming[j].name,
                  "and \"" + prefix + incoming[i].name + "\" differ only by case",
                  "rename one of them: Delta compares names without regard to case");
        }
      }
      const auto there = std::find_if(current.begin(), current.end(), [&](const Field& f) {
        return same_letters(f.name, incoming[i].name);
      });
      if (there == current.end()) {
        current.push_back(incoming[i]);
        out_.added.push_back(prefix + incoming[i].name);
      } else if (there->name != incoming[i].name) {
        problem(prefix + incoming[i].name,
                "is \"" + there->name + "\" in the table: they differ only by case",
                "write it as the table does");
      } else {
        merge(there->type, incoming[i].type, prefix + there->name);
      }
    }
  }

  const Problems& problems() const { return problems_; }

 private:
  void merge(Type& current, const Type& incoming, const std::string& path) {
    if (current.kind == incoming.kind && current.kind == Kind::struct_) {
      merge(current.fields, incoming.fields, path + ".");
    } else if (current.kind == incoming.kind &&
               (current.kind == Kind::array || current.kind == Kind::map)) {
      for (size_t i = 0; i < current.fields.size(); ++i) {
        merge(current.fields[i].type, incoming.fields[i].type, path + "." + current.fields[i].name);
      }
    } else if (!fits(incoming, current)) {
      problem(path, "is " + current.text() + " and would become " + incoming.text(),
              "cast it in the SELECT, or rebuild the table with --full-refresh");
    }
  }

  void problem(const std::string& path, const std::string& what, const std::string& hint) {
    problems_.add(Code::data, "table \"" + table_name_ + "\": column \"" + path + "\" " + what,
                  hint);
  }

  const std::string& table_name_;
  Evolution& out_;
  Problems problems_;
};

}  // namespace

std::string to_json(const Schema& schema) {
  JsonWriter w;
  write_fields(w, schema.fields);
  return w.take();
}

Schema schema_from_json(std::string_view schema_string, ColumnMapping mapping) {
  return reading_json("the table's schema", [&] {
    simdjson::dom::parser parser;
    const JsonObject object = parser.parse(schema_string.data(), schema_string.size());
    return Schema{fields_from(object, mapping)};
  });
}

Evolution evolve(const Schema& current, const Schema& incoming, const std::string& table_name) {
  Evolution out{current, {}};
  Merger merger(table_name, out);
  merger.merge(out.schema.fields, incoming.fields, "");
  merger.problems().raise();
  return out;
}

}  // namespace windrow::lake
