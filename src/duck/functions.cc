#include "duck/functions.h"

#include <cmath>
#include <duckdb/common/types/hugeint.hpp>
#include <duckdb/common/vector_operations/ternary_executor.hpp>
#include <duckdb/common/vector_operations/vector_operations.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>

#include "duck/impl.h"

namespace windrow::duck {
namespace {

void add_function(Database& database, duckdb::ScalarFunction function) {
  guarded([&] {
    duckdb::CreateScalarFunctionInfo info(std::move(function));
    info.on_conflict = duckdb::OnCreateConflict::ALTER_ON_CONFLICT;
    auto& instance = *database.impl().database.instance;
    auto& catalog = duckdb::Catalog::GetSystemCatalog(instance);
    catalog.CreateFunction(duckdb::CatalogTransaction::GetSystemTransaction(instance), info);
  });
}

std::string_view view(const duckdb::string_t& text) { return {text.GetData(), text.GetSize()}; }

duckdb::ScalarFunction function_of(const std::string& name, double (*of)(std::string_view)) {
  return {name,
          {duckdb::LogicalType::VARCHAR},
          duckdb::LogicalType::DOUBLE,
          [of](duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
            duckdb::UnaryExecutor::Execute<duckdb::string_t, double>(
                arguments.data[0], result, arguments.size(),
                [of](const duckdb::string_t& text) { return of(view(text)); });
          }};
}

duckdb::ScalarFunction function_of(const std::string& name,
                                   std::string_view (*of)(std::string_view)) {
  return {name,
          {duckdb::LogicalType::VARCHAR},
          duckdb::LogicalType::VARCHAR,
          [of](duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
            duckdb::UnaryExecutor::Execute<duckdb::string_t, duckdb::string_t>(
                arguments.data[0], result, arguments.size(), [&](const duckdb::string_t& text) {
                  const auto value = of(view(text));
                  return duckdb::StringVector::AddString(result, value.data(), value.size());
                });
          }};
}

/// As DuckDB's avg() divides: in the widest type that the machine has, but for 16 bits.
double mean_of(duckdb::hugeint_t sum, int64_t count, double scale, bool narrow) {
  if (narrow) return duckdb::Hugeint::Cast<double>(sum) / (double(count) * scale);
  return double(duckdb::Hugeint::Cast<long double>(sum) / ((long double)(count)*scale));
}

void means(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  const auto& type = arguments.data[0].GetType();
  if (type.InternalType() != duckdb::PhysicalType::INT128)
    throw duckdb::InvalidInputException("the mean of a sum of type %s", type.ToString());
  const auto digits =
      type.id() == duckdb::LogicalTypeId::DECIMAL ? duckdb::DecimalType::GetScale(type) : 0;
  const double scale = std::pow(10.0, digits);
  duckdb::TernaryExecutor::Execute<duckdb::hugeint_t, int64_t, bool, double>(
      arguments.data[0], arguments.data[1], arguments.data[2], result, arguments.size(),
      [&](duckdb::hugeint_t sum, int64_t count, bool narrow) {
        return mean_of(sum, count, scale, narrow);
      });
}

}  // namespace

void add_mean_function(Database& database) {
  add_function(database,
               duckdb::ScalarFunction(kMean,
                                      {duckdb::LogicalType::ANY, duckdb::LogicalType::BIGINT,
                                       duckdb::LogicalType::BOOLEAN},
                                      duckdb::LogicalType::DOUBLE, means));
}

void add_row_set_function(Database& database, const std::string& name,
                          std::function<std::shared_ptr<const RowSet>(std::string_view key)> load) {
  const auto look_up = [load = std::move(load)](duckdb::DataChunk& arguments,
                                                duckdb::ExpressionState&, duckdb::Vector& result) {
    duckdb::UnifiedVectorFormat keys, rows;
    const auto count = arguments.size();
    arguments.data[0].ToUnifiedFormat(count, keys);
    arguments.data[1].ToUnifiedFormat(count, rows);
    result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
    auto* out = duckdb::FlatVector::GetData<bool>(result);
    const auto* key_data = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(keys);
    const auto* row_data = duckdb::UnifiedVectorFormat::GetData<int64_t>(rows);
    std::shared_ptr<const RowSet> set;
    duckdb::string_t last;
    for (duckdb::idx_t i = 0; i < count; ++i) {
      const auto key = keys.sel->get_index(i), row = rows.sel->get_index(i);
      if (!keys.validity.RowIsValid(key) || !rows.validity.RowIsValid(row)) {
        out[i] = false;
        continue;
      }
      // Rows come file by file: the key is mostly that of the row before.
      if (!set || !(last == key_data[key])) {
        last = key_data[key];
        try {
          set = load({last.GetData(), last.GetSize()});
        } catch (const Error& error) {
          throw duckdb::IOException("%s", error.problem().message);
        }
      }
      out[i] = set->contains(uint64_t(row_data[row]));
    }
  };
  duckdb::ScalarFunction function(name, {duckdb::LogicalType::VARCHAR, duckdb::LogicalType::BIGINT},
                                  duckdb::LogicalType::BOOLEAN, look_up);
  function.SetNullHandling(duckdb::FunctionNullHandling::SPECIAL_HANDLING);
  function.SetErrorMode(duckdb::FunctionErrors::CAN_THROW_RUNTIME_ERROR);
  add_function(database, std::move(function));
}

void add_text_functions(Database& database, const columns::TextFunctions& functions) {
  for (const auto& function : functions)
    std::visit([&](auto of) { add_function(database, function_of(function.name, of)); },
               function.of);
}

}  // namespace windrow::duck
