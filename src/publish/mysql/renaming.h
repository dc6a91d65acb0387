#pragma once

#include <string>
#include <vector>

#include "clients/mysql.h"
#include "publish/store.h"

/// Private to publish/mysql: tables that take each other's places.
namespace windrow::publish {

/// What stands for a table until it is renamed, and after it was.
std::string new_table(const std::string& name);
std::string old_table(const std::string& name);

/// Tables that change their names together.
class MysqlRenaming {
 public:
  void add(const std::string& from, const std::string& to);
  /// `from` is in the way of another.
  void away(const std::string& from, const std::string& to) {
    add(from, to);
    old_.push_back(to);
  }
  /// The view's new table in the place of the one there is, which becomes the former batch or goes.
  void exchange(clients::Mysql& database, const ViewBatch& view);
  const std::string& sql() const { return sql_; }
  const std::vector<std::string>& old() const { return old_; }

 private:
  std::string sql_;
  std::vector<std::string> old_;
};

}  // namespace windrow::publish
