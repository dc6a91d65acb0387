#include "publish/mysql/renaming.h"

#include "base/hash.h"
#include "publish/mysql/schema.h"
#include "publish/sql/statements.h"

namespace windrow::publish {

namespace {

constexpr size_t kNameMax = 40;  // longer ones are told by their hash

std::string beside(const char* what, const std::string& name) {
  return what + (name.size() > kNameMax ? sha256(name).substr(0, kNameMax) : name);
}

}  // namespace

std::string new_table(const std::string& name) { return beside("windrow_new_", name); }
std::string old_table(const std::string& name) { return beside("windrow_old_", name); }

void MysqlRenaming::add(const std::string& from, const std::string& to) {
  sql_ += (sql_.empty() ? "RENAME TABLE " : ", ") + clients::mysql_name(from) + " TO " +
          clients::mysql_name(to);
}

void MysqlRenaming::exchange(clients::Mysql& database, const ViewBatch& view) {
  const std::string former = former_table(view.table);
  if (mysql_there(database, view.table)) {
    const bool keep = view.settings.keep.value_or(0) > 0 && !view.change.erased;
    if ((keep || view.change.erased) && mysql_there(database, former))
      away(former, old_table(former));
    if (keep) {
      add(view.table, former);
    } else {
      away(view.table, old_table(view.table));
    }
  }
  add(new_table(view.table), view.table);
}

}  // namespace windrow::publish
