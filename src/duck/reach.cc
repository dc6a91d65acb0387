#include "duck/reach.h"

#include <algorithm>
#include <duckdb/common/extra_type_info.hpp>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/statement/explain_statement.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref/list.hpp>
#include <mutex>
#include <set>

#include "duck/impl.h"

namespace windrow::duck {
namespace {

using duckdb::ParsedExpression;
using duckdb::QueryNode;
using duckdb::TableRef;
/// Names of WITH that a part sees, in lower case.
using Scope = std::set<std::string>;

std::string lowered(const std::string& text) { return duckdb::StringUtil::Lower(text); }

std::string dotted(std::initializer_list<std::string> parts) {
  std::string out;
  for (const auto& part : parts) {
    if (!part.empty()) out += (out.empty() ? "" : ".") + part;
  }
  return out;
}

/// The constant texts of an argument: `'a'`, `['a', 'b']`.
std::optional<std::vector<std::string>> constant_texts(const ParsedExpression& argument) {
  if (argument.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT) {
    const auto& value = argument.Cast<duckdb::ConstantExpression>().value;
    if (value.IsNull() || value.type().id() != duckdb::LogicalTypeId::VARCHAR) return {};
    return std::vector<std::string>{duckdb::StringValue::Get(value)};
  }
  if (argument.GetExpressionClass() != duckdb::ExpressionClass::FUNCTION) return {};
  const auto& list = argument.Cast<duckdb::FunctionExpression>();
  if (list.function_name != "list_value") return {};
  std::vector<std::string> out;
  for (const auto& child : list.children) {
    const auto text = constant_texts(*child);
    if (!text || text->size() != 1) return {};
    out.push_back(text->front());
  }
  return out;
}

/// Walks one statement. `before` is how many bytes stand before the text that is spoken of.
class Walk {
 public:
  Walk(Reach& reach, size_t before) : reach_(reach), before_(before) {}

  // Every kind of node is named here: one that a later DuckDB adds is found as not known.
  void query(QueryNode& node, Scope scope) {
    for (auto& [name, cte] : node.cte_map.map) {
      if (!cte->query || !cte->query->node) continue;
      auto inner = scope;
      if (cte->query->node->type == duckdb::QueryNodeType::RECURSIVE_CTE_NODE)
        inner.insert(lowered(name));
      query(*cte->query->node, inner);
      for (auto& target : cte->key_targets) expression(target.get(), scope);
      scope.insert(lowered(name));
    }
    duckdb::ParsedExpressionIterator::EnumerateQueryNodeModifiers(
        node, [&](auto& child) { expression(child.get(), scope); });
    switch (node.type) {
      case duckdb::QueryNodeType::SELECT_NODE:
        return select(node.Cast<duckdb::SelectNode>(), scope);
      case duckdb::QueryNodeType::SET_OPERATION_NODE:
        for (auto& child : node.Cast<duckdb::SetOperationNode>().children) query(*child, scope);
        return;
      case duckdb::QueryNodeType::RECURSIVE_CTE_NODE: {
        auto& recursive = node.Cast<duckdb::RecursiveCTENode>();
        scope.insert(lowered(recursive.ctename));
        query(*recursive.left, scope);
        query(*recursive.right, scope);
        for (auto& target : recursive.key_targets) expression(target.get(), scope);
        return;
      }
      default: reach_.parts.push_back({"a query of another kind", {}, false, {}});
    }
  }

  void expression(ParsedExpression* node, const Scope& scope) {
    if (!node) return;
    const auto at = node->GetQueryLocation();
    switch (node->GetExpressionClass()) {
      case duckdb::ExpressionClass::FUNCTION:
        reach_.functions.push_back(
            {node->Cast<duckdb::FunctionExpression>().function_name, place(at), false, {}});
        break;
      case duckdb::ExpressionClass::WINDOW:
        reach_.functions.push_back(
            {node->Cast<duckdb::WindowExpression>().function_name, place(at), false, {}});
        break;
      case duckdb::ExpressionClass::SUBQUERY:
        query(*node->Cast<duckdb::SubqueryExpression>().subquery->node, scope);
        break;
      case duckdb::ExpressionClass::CAST:
        type(node->Cast<duckdb::CastExpression>().cast_type, scope);
        break;
      case duckdb::ExpressionClass::CASE:
      case duckdb::ExpressionClass::COLUMN_REF:
      case duckdb::ExpressionClass::COMPARISON:
      case duckdb::ExpressionClass::CONJUNCTION:
      case duckdb::ExpressionClass::CONSTANT:
      case duckdb::ExpressionClass::DEFAULT:
      case duckdb::ExpressionClass::OPERATOR:
      case duckdb::ExpressionClass::STAR:
      case duckdb::ExpressionClass::PARAMETER:
      case duckdb::ExpressionClass::COLLATE:
      case duckdb::ExpressionClass::LAMBDA:
      case duckdb::ExpressionClass::POSITIONAL_REFERENCE:
      case duckdb::ExpressionClass::BETWEEN:
      case duckdb::ExpressionClass::LAMBDA_REF:
      case duckdb::ExpressionClass::TYPE: break;
      default: reach_.parts.push_back({"an expression of another kind", place(at), false, {}});
    }
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        *node, [&](ParsedExpression& child) { expression(&child, scope); });
  }

 private:
  std::optional<size_t> place(const duckdb::optional_idx& at) const {
    if (!at.IsValid() || at.GetIndex() < before_) return {};
    return size_t(at.GetIndex()) - before_;
  }

  void select(duckdb::SelectNode& node, const Scope& scope) {
    for (auto& item : node.select_list) expression(item.get(), scope);
    if (node.from_table) table(*node.from_table, scope);
    expression(node.where_clause.get(), scope);
    for (auto& group : node.groups.group_expressions) expression(group.get(), scope);
    expression(node.having.get(), scope);
    expression(node.qualify.get(), scope);
  }

  void table(TableRef& ref, const Scope& scope) {
    switch (ref.type) {
      case duckdb::TableReferenceType::BASE_TABLE:
        return base_table(ref.Cast<duckdb::BaseTableRef>(), scope);
      case duckdb::TableReferenceType::SUBQUERY:
        return query(*ref.Cast<duckdb::SubqueryRef>().subquery->node, scope);
      case duckdb::TableReferenceType::JOIN: {
        auto& join = ref.Cast<duckdb::JoinRef>();
        table(*join.left, scope);
        table(*join.right, scope);
        return expression(join.condition.get(), scope);
      }
      case duckdb::TableReferenceType::TABLE_FUNCTION:
        return table_function(ref.Cast<duckdb::TableFunctionRef>(), scope);
      case duckdb::TableReferenceType::EXPRESSION_LIST:
        for (auto& row : ref.Cast<duckdb::ExpressionListRef>().values) {
          for (auto& value : row) expression(value.get(), scope);
        }
        return;
      case duckdb::TableReferenceType::EMPTY_FROM: return;
      case duckdb::TableReferenceType::PIVOT: return pivot(ref.Cast<duckdb::PivotRef>(), scope);
      case duckdb::TableReferenceType::SHOW_REF: {
        auto& show = ref.Cast<duckdb::ShowRef>();
        reach_.listings.push_back({dotted({show.catalog_name, show.schema_name, show.table_name}),
                                   {},
                                   show.query != nullptr,
                                   {}});
        if (show.query) query(*show.query, scope);
        return;
      }
      default:
        reach_.parts.push_back({"a table of another kind", place(ref.query_location), false, {}});
    }
  }

  void base_table(duckdb::BaseTableRef& ref, const Scope& scope) {
    const auto at = place(ref.query_location);
    const std::string name = dotted({ref.catalog_name, ref.schema_name, ref.table_name});
    const bool bare = ref.catalog_name.empty() && ref.schema_name.empty();
    if (ref.at_clause) {
      reach_.versions.push_back({name, at, !bare, {}});
      expression(ref.at_clause->ExpressionMutable().get(), scope);
    }
    if (!bare || !scope.count(lowered(ref.table_name)))
      reach_.tables.push_back({name, at, !bare, {}});
  }

  void table_function(duckdb::TableFunctionRef& ref, const Scope& scope) {
    auto at = ref.query_location;
    Reached found;
    if (ref.function->GetExpressionClass() == duckdb::ExpressionClass::FUNCTION) {
      auto& function = ref.function->Cast<duckdb::FunctionExpression>();
      if (!at.IsValid()) at = function.GetQueryLocation();
      found.name = function.function_name;
      if (!function.children.empty()) found.paths = constant_texts(*function.children.front());
      for (auto& child : function.children) expression(child.get(), scope);
    } else {
      reach_.parts.push_back({"a function in FROM of another kind", place(at), false, {}});
    }
    found.position = place(at);
    reach_.table_functions.push_back(std::move(found));
    if (ref.subquery) query(*ref.subquery->node, scope);
  }

  void pivot(duckdb::PivotRef& ref, const Scope& scope) {
    if (ref.source) table(*ref.source, scope);
    for (auto& aggregate : ref.aggregates) expression(aggregate.get(), scope);
    for (auto& column : ref.pivots) {
      for (auto& each : column.pivot_expressions) expression(each.get(), scope);
      for (auto& entry : column.entries) expression(entry.expr.get(), scope);
      if (column.subquery) query(*column.subquery, scope);
    }
  }

  /// A type may hold expressions until it is bound: `DECIMAL(p, s)`, types of extensions.
  void type(const duckdb::LogicalType& of, const Scope& scope) {
    using duckdb::LogicalTypeId;
    switch (of.id()) {
      case LogicalTypeId::UNBOUND:
        return expression(duckdb::UnboundType::GetTypeExpression(of).get(), scope);
      case LogicalTypeId::LIST: return type(duckdb::ListType::GetChildType(of), scope);
      case LogicalTypeId::ARRAY: return type(duckdb::ArrayType::GetChildType(of), scope);
      case LogicalTypeId::MAP:
        type(duckdb::MapType::KeyType(of), scope);
        return type(duckdb::MapType::ValueType(of), scope);
      case LogicalTypeId::STRUCT:
        for (const auto& [name, child] : duckdb::StructType::GetChildTypes(of)) type(child, scope);
        return;
      default: return;
    }
  }

  Reach& reach_;
  const size_t before_;
};

/// Throws what DuckDB's parser says, with its place in `shown`.
template <typename F>
auto parsed(const std::string& text, F&& work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    duckdb::ErrorData data(error);
    data.AddErrorLocation(text);
    raise(std::move(data), text);
  }
}

std::vector<duckdb::unique_ptr<duckdb::SQLStatement>> statements_of(const std::string& text) {
  duckdb::Parser parser;
  parser.ParseQuery(text);
  return std::move(parser.statements);
}

[[noreturn]] void not_one_expression(const std::string& why) {
  throw SqlError(Problem{Code::configuration, why, "", {}}, {}, "Parser");
}

/// The one expression of `SELECT …`; throws where there is anything beside it.
ParsedExpression& only_expression(std::vector<duckdb::unique_ptr<duckdb::SQLStatement>>& found) {
  if (found.size() != 1 || found[0]->type != duckdb::StatementType::SELECT_STATEMENT)
    not_one_expression("one SQL expression belongs here, not a statement");
  auto& node = *found[0]->Cast<duckdb::SelectStatement>().node;
  if (node.type != duckdb::QueryNodeType::SELECT_NODE)
    not_one_expression("one SQL expression belongs here, not a query");
  auto& select = node.Cast<duckdb::SelectNode>();
  const bool plain = node.modifiers.empty() && node.cte_map.map.empty() && !select.where_clause &&
                     select.groups.group_expressions.empty() &&
                     select.groups.grouping_sets.empty() && !select.having && !select.qualify &&
                     !select.sample && select.from_table &&
                     select.from_table->type == duckdb::TableReferenceType::EMPTY_FROM;
  if (!plain)
    not_one_expression("one SQL expression belongs here, without FROM, WHERE or ORDER BY");
  if (select.select_list.size() != 1)
    not_one_expression("one SQL expression belongs here, not " +
                       std::to_string(select.select_list.size()));
  auto& only = *select.select_list.front();
  if (!only.GetAlias().empty()) not_one_expression("an expression has no name here: leave AS out");
  return only;
}

}  // namespace

std::vector<Reach> reach_of(std::string_view sql) {
  const std::string text(sql);
  return parsed(text, [&] {
    std::vector<Reach> out;
    for (auto& found : statements_of(text)) {
      auto* statement = found.get();
      if (statement->type == duckdb::StatementType::EXPLAIN_STATEMENT)
        statement = statement->Cast<duckdb::ExplainStatement>().stmt.get();
      Reach& reach = out.emplace_back();
      reach.statement = duckdb::StatementTypeToString(statement->type);
      if (statement->type == duckdb::StatementType::SELECT_STATEMENT)
        Walk(reach, 0).query(*statement->Cast<duckdb::SelectStatement>().node, {});
    }
    return out;
  });
}

bool names_type(std::string_view text) {
  const std::string whole = "SELECT CAST(NULL AS " + std::string(text) + ")";
  return parsed(whole, [&] {
    auto found = statements_of(whole);
    const auto& only = only_expression(found);
    if (only.GetExpressionClass() != duckdb::ExpressionClass::CAST) return false;
    const auto& child = *only.Cast<duckdb::CastExpression>().child;
    return child.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT;
  });
}

bool type_is_there(std::string_view text) {
  const std::string name(text);
  try {
    const auto type = duckdb::UnboundType::TryParseAndDefaultBind(name);
    const auto id = type.id();
    if (!type.IsNested() && id != duckdb::LogicalTypeId::INVALID &&
        id != duckdb::LogicalTypeId::UNBOUND)
      return true;
  } catch (const std::exception&) {
    // Not one of those that DuckDB knows without a catalog. JSON is none; nor does it look into
    // nested types.
  }
  static std::mutex mutex;
  // Never closed: when the process ends, what DuckDB needs to free it may be gone before.
  static Database& database = *new Database([] {
    Options options;
    options.threads = 1;
    return options;
  }());
  std::lock_guard lock(mutex);
  try {
    Connection(database).describe("SELECT CAST(NULL AS " + name + ")");
    return true;
  } catch (const Error&) {
    return false;
  }
}

Reach reach_of_expression(std::string_view text) {
  static const std::string kBefore = "SELECT ";
  const std::string whole = kBefore + std::string(text);
  Reach out;
  try {
    parsed(whole, [&] {
      auto found = statements_of(whole);
      Walk(out, kBefore.size()).expression(&only_expression(found), {});
    });
  } catch (const SqlError& error) {
    auto at = error.position();
    if (at) at = *at < kBefore.size() ? 0 : *at - kBefore.size();
    throw SqlError(error.problem(), at, error.kind());
  }
  out.statement = "SELECT";
  return out;
}

}  // namespace windrow::duck
