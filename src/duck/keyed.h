#pragma once

// Private to duck/: table functions over things of this program, which SQL names by a number.
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/schema_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/parser/parsed_data/create_table_function_info.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "duck/impl.h"

namespace windrow::duck {

/// What is there by its number. One for each table function of a database.
template <typename T>
class Keyed {
 public:
  uint64_t add(T& thing) {
    std::lock_guard lock(mutex_);
    things_[next_] = &thing;
    return next_++;
  }
  void remove(uint64_t key) {
    std::lock_guard lock(mutex_);
    things_.erase(key);
  }
  /// What the function's argument names, while it is bound.
  static T& named(const duckdb::TableFunctionBindInput& input) {
    auto& keyed = *input.info->Cast<Info>().keyed;
    std::lock_guard lock(keyed.mutex_);
    const auto found = keyed.things_.find(uint64_t(input.inputs[0].GetValue<int64_t>()));
    if (found == keyed.things_.end()) throw duckdb::BinderException("there is nothing of that key");
    return *found->second;
  }
  /// Those of the connection's database; the first time `function`, which takes the number, is made
  /// known to it.
  static std::shared_ptr<Keyed> of(Connection& connection, duckdb::TableFunction function) {
    auto& system = duckdb::Catalog::GetSystemCatalog(*connection.impl().connection.context->db);
    const auto transaction =
        duckdb::CatalogTransaction::GetSystemTransaction(*connection.impl().connection.context->db);
    auto& schema = system.GetSchema(transaction, DEFAULT_SCHEMA);
    static std::mutex making;  // two connections may come at once
    std::lock_guard lock(making);
    if (auto found = schema.GetEntry(transaction, duckdb::CatalogType::TABLE_FUNCTION_ENTRY,
                                     function.name)) {
      auto& entry = found->Cast<duckdb::TableFunctionCatalogEntry>();
      return entry.functions.functions[0].function_info->Cast<Info>().keyed;
    }
    auto info = duckdb::make_shared_ptr<Info>();
    auto keyed = info->keyed;
    function.function_info = std::move(info);
    duckdb::CreateTableFunctionInfo create(std::move(function));
    create.on_conflict = duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
    system.CreateTableFunction(transaction, create);
    return keyed;
  }

 private:
  struct Info final : duckdb::TableFunctionInfo {
    std::shared_ptr<Keyed> keyed = std::make_shared<Keyed>();
  };

  std::mutex mutex_;
  std::map<uint64_t, T*> things_;
  uint64_t next_ = 1;
};

/// `name(7)`
inline std::string call_of(const char* name, uint64_t key) {
  return std::string(name) + "(" + std::to_string(key) + ")";
}

}  // namespace windrow::duck
