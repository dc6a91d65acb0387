#include "lake/predicate_scope.h"

#include <nlohmann/json.hpp>

#include "base/local_time.h"
#include "duck/quoting.h"

// DuckDB parses the condition and, for constants, computes them: `DATE '2025-01-01'` and `1 + 2`
// are trees too. Whatever is not understood narrows nothing, which is always right for an AND.

namespace windrow::lake {
namespace {

using nlohmann::json;

std::string text_at(const json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A constant, or a cast of one.
bool is_constant(const json& node) {
  const std::string kind = text_at(node, "class");
  if (kind == "CONSTANT") return true;
  return kind == "CAST" && node.contains("child") && is_constant(node["child"]);
}

class Boxer {
 public:
  Boxer(RowWork& engine, const Schema& schema) : engine_(engine), schema_(schema) {}

  ReadScope::Box box(const std::string& condition) {
    tree_ = json::parse(cell_text(engine_.value(
        "SELECT json_serialize_sql(" + duck::quote_text("SELECT 1 WHERE " + condition) + ")")));
    if (tree_.value("error", true)) return {};
    auto& select = tree_["statements"][0]["node"];
    const json where = select["where_clause"];
    select["where_clause"] = nullptr;
    part(where);
    return std::move(box_);
  }

 private:
  void part(const json& node) {
    const std::string kind = text_at(node, "class"), type = text_at(node, "type");
    if (kind == "CONJUNCTION" && type == "CONJUNCTION_AND") {
      for (const auto& child : node["children"]) part(child);
    } else if (kind == "COMPARISON") {
      compare(node, type);
    } else if (kind == "BETWEEN") {
      narrow(node["input"], value_of(node["input"], node["lower"]),
             value_of(node["input"], node["upper"]));
    }
  }

  void compare(const json& node, std::string type) {
    const json *left = &node["left"], *right = &node["right"];
    if (!column_of(*left)) {
      std::swap(left, right);
      if (type.find("GREATER") != std::string::npos) {
        type.replace(type.find("GREATER"), 7, "LESS");
      } else if (type.find("LESS") != std::string::npos) {
        type.replace(type.find("LESS"), 4, "GREATER");
      }
    }
    const auto value = value_of(*left, *right);
    // Ends are closed: a constant that the cast has rounded still lies inside.
    if (type == "COMPARE_EQUAL") narrow(*left, value, value);
    if (type.starts_with("COMPARE_LESS")) narrow(*left, {}, value);
    if (type.starts_with("COMPARE_GREATER")) narrow(*left, value, {});
  }

  const Field* column_of(const json& node) const {
    if (text_at(node, "class") != "COLUMN_REF" || node["column_names"].size() != 1) return nullptr;
    const Field* found = schema_.find_any_case(node["column_names"][0].get<std::string>());
    using Kind = Type::Kind;
    if (found == nullptr) return nullptr;
    switch (found->type.kind) {
      case Kind::long_:
      case Kind::integer:
      case Kind::short_:
      case Kind::byte:
      case Kind::date:
      case Kind::timestamp:
      case Kind::timestamp_ntz:
      case Kind::string: return found;
      default: return nullptr;  // fractions may be rounded past their neighbours
    }
  }

  /// The constant as text of the column's type; nothing where that is not certain.
  std::optional<std::string> value_of(const json& column, const json& constant) {
    const Field* field = column_of(column);
    if (field == nullptr || !is_constant(constant)) return {};
    json query = tree_;
    query["statements"][0]["node"]["select_list"] = json::array({constant});
    try {
      const std::string value = "(SELECT * FROM json_execute_serialized_sql(" +
                                duck::quote_text(query.dump()) + ")) v(x)";
      const bool text = field->type.kind == Type::Kind::string;
      if (text && cell_text(engine_.value("SELECT typeof(x) FROM " + value)) != "VARCHAR")
        return {};  // the column would be cast, not the constant
      std::string cast = "CAST(x AS " + duck_type(field->type) + ")";
      if (field->type.kind == Type::Kind::timestamp) cast = "epoch_us(" + cast + ")";
      const auto cell = engine_.value("SELECT " + cast + " FROM " + value);
      if (std::holds_alternative<std::monostate>(cell)) return {};
      if (field->type.kind == Type::Kind::timestamp) {
        const Time t = time_from_micros(std::get<int64_t>(cell));
        if (t < kCalendarBegin || t >= kCalendarEnd) return {};  // no text that statistics have
        return iso(t);
      }
      return cell_text(cell);
    } catch (const SqlError&) {
      return {};  // it does not cast: whoever runs the condition is told
    }
  }

  void narrow(const json& column, std::optional<std::string> from, std::optional<std::string> to) {
    if (from || to) box_.push_back({*column_of(column), std::move(from), std::move(to)});
  }

  RowWork& engine_;
  const Schema& schema_;
  json tree_;
  ReadScope::Box box_;
};

}  // namespace

ReadScope::Box box_of(RowWork& engine, const Schema& schema, const std::string& condition) {
  if (condition.empty()) return {};
  return Boxer(engine, schema).box(condition);
}

}  // namespace windrow::lake
