#include <algorithm>
#include <charconv>

#include "duck/quoting.h"
#include "lake/schema.h"
#include "lake/stager.h"
#include "lake/table.h"

// The type contract between DuckDB and Delta (docs/sql.md). DuckDB names types in text, e.g.
// `STRUCT(a INTEGER, "b c" VARCHAR[])`; this file reads that text and writes it.

namespace windrow::lake {
namespace {

using Kind = Type::Kind;

struct Plain {
  std::string_view duck;
  Kind kind;
};
// The first line of a kind is the name that is written; the others are only read.
constexpr Plain kPlain[] = {
    {"VARCHAR", Kind::string},
    {"BIGINT", Kind::long_},
    {"INTEGER", Kind::integer},
    {"SMALLINT", Kind::short_},
    {"TINYINT", Kind::byte},
    {"FLOAT", Kind::float_},
    {"DOUBLE", Kind::double_},
    {"BOOLEAN", Kind::boolean},
    {"BLOB", Kind::binary},
    {"DATE", Kind::date},
    {"TIMESTAMP WITH TIME ZONE", Kind::timestamp},
    {"TIMESTAMP", Kind::timestamp_ntz},
    {"HUGEINT", Kind::long_},
    {"UBIGINT", Kind::long_},
    {"UHUGEINT", Kind::long_},
    {"UUID", Kind::string},
    {"ENUM", Kind::string},
    {"JSON", Kind::string},
    {"UTINYINT", Kind::short_},
    {"USMALLINT", Kind::integer},
    {"UINTEGER", Kind::long_},
    {"TIMESTAMPTZ", Kind::timestamp},
    {"TIMESTAMP_S", Kind::timestamp_ntz},
    {"TIMESTAMP_MS", Kind::timestamp_ntz},
};

std::string hint_for(std::string_view type) {
  if (type.starts_with("\"NULL\"") || type == "NULL")
    return "give it a type: CAST(NULL AS VARCHAR)";
  if (type == "BIGNUM") return "cast it to BIGINT or to DECIMAL(38,0)";
  if (type.starts_with("TIMESTAMP_NS")) return "cast it to TIMESTAMP: Delta keeps microseconds";
  if (type.starts_with("TIME")) return "cast it to VARCHAR, or add it to a date";
  if (type == "INTERVAL") return "write it as a number, for instance of seconds: epoch(x)";
  return "cast it to a type that Delta has, for instance VARCHAR";
}

class Reader {
 public:
  enum class Unknown { refused, as_text };
  Reader(std::string_view column, std::string_view text, Unknown unknown = Unknown::refused)
      : column_(column), text_(text), unknown_(unknown) {}

  Type whole() {
    Type type = read(0);
    if (at_ != text_.size()) refuse();
    return type;
  }

 private:
  Type read(int depth) {
    if (depth > 100) refuse();  // a bound for the recursion; nobody's column is so deep
    Type type = base(depth);
    while (at_ < text_.size() && text_[at_] == '[') {  // T[] and T[3]
      const size_t end = text_.find(']', at_);
      if (end == std::string_view::npos) refuse();
      at_ = end + 1;
      type = Type{Kind::array, 0, 0, {{"element", std::move(type), true}}};
    }
    return type;
  }

  Type base(int depth) {
    const std::string_view word = next_word();
    if (word == "STRUCT") return structure(depth);
    if (word == "MAP") return map(depth);
    if (word == "DECIMAL") return decimal();
    if (word == "ENUM" && at_ < text_.size() && text_[at_] == '(') skip_parentheses();
    for (const auto& plain : kPlain) {
      if (plain.duck == word) return {plain.kind, 0, 0, {}};
    }
    if (unknown_ == Unknown::refused) refuse();
    if (take('(')) skip_parentheses();
    return {};
  }

  /// Up to a bracket, comma or the end: type names may hold blanks.
  std::string_view next_word() {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view("()[],").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Type structure(int depth) {
    Type type{Kind::struct_, 0, 0, {}};
    expect('(');
    do {
      skip_blanks();
      std::string name = field_name();
      skip_blanks();
      type.fields.push_back({std::move(name), read(depth + 1), true});
      skip_blanks();
    } while (take(','));
    expect(')');
    return type;
  }

  Type map(int depth) {
    expect('(');
    Type key = read(depth + 1);
    expect(',');
    skip_blanks();
    Type value = read(depth + 1);
    expect(')');
    return {Kind::map, 0, 0, {{"key", std::move(key), false}, {"value", std::move(value), true}}};
  }

  Type decimal() {
    Type type{Kind::decimal, 18, 3, {}};
    if (!take('(')) return type;
    type.precision = number();
    expect(',');
    skip_blanks();
    type.scale = number();
    expect(')');
    return type;
  }

  std::string field_name() {
    if (!take('"')) {
      const size_t begin = at_;
      while (at_ < text_.size() &&
             std::string_view(" ,()[").find(text_[at_]) == std::string_view::npos)
        ++at_;
      // `row(1, 'x')` is a STRUCT(INTEGER, VARCHAR): what begins like a name is a type.
      if (at_ == text_.size() || text_[at_] != ' ') no_names();
      return std::string(text_.substr(begin, at_ - begin));
    }
    std::string name;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != '"') {
        name += c;
      } else if (!take('"')) {
        return name;
      } else {
        name += '"';
      }
    }
    refuse();
  }

  /// The labels of an ENUM, in quotes that may hold brackets.
  void skip_parentheses() {
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\'') quoted = !quoted;
      if (text_[at_] == ')' && !quoted) {
        ++at_;
        return;
      }
    }
    refuse();
  }

  int number() {
    int value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) refuse();
    at_ = size_t(end - text_.data());
    return value;
  }

  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse();
  }
  [[noreturn]] void no_names() const {
    throw Error(
        Code::unsupported,
        "column \"" + std::string(column_) + "\" has type " + std::string(text_) +
            ", and fields of a structure need names in a table",
        "write {'a': 1, 'b': 'x'} or struct_pack(a := 1, b := 'x') in place of row(1, 'x')");
  }
  [[noreturn]] void refuse() const {
    throw Error(Code::unsupported,
                "column \"" + std::string(column_) + "\" has type " + std::string(text_) +
                    ", which a Delta table cannot hold",
                hint_for(text_));
  }

  std::string_view column_, text_;
  Unknown unknown_;
  size_t at_ = 0;
};

bool lacks_fields(const Type& from, const Type& to) {
  if (from.kind != to.kind) return false;
  if (from.kind != Kind::struct_) return false;
  return std::any_of(to.fields.begin(), to.fields.end(), [&](const Field& wanted) {
    const auto there = std::find_if(from.fields.begin(), from.fields.end(),
                                    [&](const Field& f) { return f.name == wanted.name; });
    return there == from.fields.end() || lacks_fields(there->type, wanted.type);
  });
}

/// `value`, an Error where it has more than the 38 digits that the type may have: DuckDB counts a
/// sum of such numbers in 128 bits, which hold some more, and neither it nor Parquet would say so.
std::string of_38_digits(const std::string& value, const Type& type, const std::string& column) {
  std::string most(38, '9');
  if (type.scale > 0) most.insert(size_t(38 - type.scale), ".");
  const std::string text = duck_type(type), bound = "CAST('" + most + "' AS " + text + ")";
  return "CASE WHEN " + value + " > " + bound + " OR " + value + " < -" + bound + " THEN error(" +
         duck::quote_text("column \"" + column + "\": a value has more digits than " + text +
                          " holds") +
         ") ELSE " + value + " END";
}

/// CAST of `expression`, which has DuckDB's type `from`, to a stored type. Structures are taken
/// apart where fields are missing, because DuckDB's own cast of a structure does not fill them.
std::string converted(const std::string& expression, const Type& from, const Type& to) {
  const std::string cast = "CAST(" + expression + " AS " + duck_type(to) + ")";
  if (!lacks_fields(from, to)) return cast;
  std::string fields;
  for (const auto& field : to.fields) {
    const auto there = std::find_if(from.fields.begin(), from.fields.end(),
                                    [&](const Field& f) { return f.name == field.name; });
    const bool missing = there == from.fields.end();
    const std::string inner =
        missing
            ? "CAST(NULL AS " + duck_type(field.type) + ")"
            : converted("struct_extract(" + expression + ", " + duck::quote_text(field.name) + ")",
                        there->type, field.type);
    fields += (fields.empty() ? "" : ", ") + duck::quote_name(field.name) + " := " + inner;
  }
  return "CASE WHEN " + expression + " IS NOT NULL THEN struct_pack(" + fields + ") END";
}

}  // namespace

Type type_from_duck(std::string_view column, std::string_view duck_type) {
  return Reader(column, duck_type).whole();
}

std::vector<std::string> struct_field_names(std::string_view duck_type) {
  std::vector<std::string> names;
  for (auto& field : Reader("", duck_type, Reader::Unknown::as_text).whole().fields)
    names.push_back(field.name);
  return names;
}

std::string duck_type(const Type& type) {
  for (const auto& plain : kPlain) {
    if (plain.kind == type.kind) return std::string(plain.duck);
  }
  if (type.kind == Kind::decimal) {
    return "DECIMAL(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  }
  if (type.kind == Kind::array) return duck_type(type.fields[0].type) + "[]";
  if (type.kind == Kind::map) {
    return "MAP(" + duck_type(type.fields[0].type) + ", " + duck_type(type.fields[1].type) + ")";
  }
  std::string out;
  for (const auto& field : type.fields) {
    out += (out.empty() ? "" : ", ") + duck::quote_name(field.name) + " " + duck_type(field.type);
  }
  return "STRUCT(" + out + ")";
}

Schema schema_from_duck(const std::vector<Column>& columns) {
  Schema schema;
  Problems problems;
  for (const auto& column : columns) {
    try {
      if (const Field* other = schema.find_any_case(column.name)) {
        throw Error(Code::data,
                    "columns \"" + other->name + "\" and \"" + column.name + "\" " +
                        (other->name == column.name ? "have the same name" : "differ only by case"),
                    "rename one of them: Delta compares names without regard to case");
      }
      schema.fields.push_back({column.name, type_from_duck(column.name, column.type), true});
    } catch (const Error& error) {
      problems.add(error);
    }
  }
  problems.raise();
  return schema;
}

Relation conforming_select(const Relation& select, const std::vector<Column>& columns,
                           const Schema& schema) {
  for (const auto& column : columns) {
    if (schema.find(column.name) == nullptr) {
      throw Error(Code::data, "column \"" + column.name + "\" is not in the table",
                  "add it, or leave it out");
    }
  }
  std::string list;
  for (const auto& field : schema.fields) {
    const auto there = std::find_if(columns.begin(), columns.end(),
                                    [&](const Column& c) { return c.name == field.name; });
    const std::string name = duck::quote_name(field.name);
    if (there == columns.end()) {
      list +=
          (list.empty() ? "" : ", ") + ("CAST(NULL AS " + duck_type(field.type) + ") AS ") + name;
      continue;
    }
    const Type from = type_from_duck(there->name, there->type);
    std::string value = converted(name, from, field.type);
    if (field.type.kind == Kind::decimal && field.type.precision == 38)
      value = of_38_digits(value, field.type, field.name);
    list += (list.empty() ? "" : ", ") + value + " AS " + name;
  }
  return "SELECT " + list + " FROM (" + select + ")";
}

}  // namespace windrow::lake
