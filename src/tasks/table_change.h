#pragma once

#include <string>
#include <vector>

#include "lake/rewrite.h"
#include "tasks/increment.h"

namespace windrow::tasks {

/// Private to tasks/: changes of one table, worked out in one session.
class TableChange {
 public:
  /// `at` has a table, and both outlive this.
  TableChange(const lake::StageContext& at, const Parameters& parameters);

  /// What is there under a name of the session's. `asked`: the SELECT has the user's parameters.
  std::string keep(const std::string& name, const lake::Relation& select, bool asked = false);
  int64_t count(const std::string& from);
  const std::vector<std::string>& columns() const { return columns_; }
  static std::string list_of(const std::vector<std::string>& names);

  /// The SELECT's rows with the table's columns, in its order. Error(data) where it has others.
  lake::Relation typed(const lake::Relation& select);
  /// `a.k = b.k AND …`; where `keys` have a NULL, NULL equals NULL.
  std::string same(const std::vector<std::string>& key, const char* a, const char* b,
                   const std::string& keys);
  /// The table's rows of these keys; `kept` holds them.
  lake::Relation held_of(const std::string& keys, const std::string& kept,
                         const std::vector<std::string>& key);
  /// Rows of the table with these keys go, and all of `fresh` come.
  lake::Staged replaced(const std::string& keys, const std::string& fresh,
                        const std::vector<std::string>& key);
  /// The same where `fresh` are all rows of the keys in `gone`: what is as it was is not written.
  /// `held`: the table's rows of these keys, where they have been read.
  lake::Staged exchanged(const std::string& gone, const std::string& fresh,
                         const std::vector<std::string>& key, std::string held = {});

 private:
  const lake::StageContext& at_;
  lake::RowWork& rows_;
  const Parameters& parameters_;
  std::vector<std::string> columns_;
};

/// Binds the rows that came and went to the names by which SELECTs of incremental/ read them.
void bind_changes(TableChange& change, const Increment::Input& input);

}  // namespace windrow::tasks
