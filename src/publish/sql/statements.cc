#include "publish/sql/statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/hash.h"
#include "base/local_time.h"

namespace windrow::publish {

namespace {

constexpr int kLooksAfterLoss = 30;
constexpr size_t kReadable = 40;

}  // namespace

std::vector<IndexColumn> index_columns(const std::vector<std::string>& declared) {
  std::vector<IndexColumn> out;
  for (const auto& column : declared) {
    const bool down = column.starts_with('-');
    out.push_back({column.substr(down ? 1 : 0), down});
  }
  return out;
}

std::vector<DeclaredIndex> declared_indexes(const ViewBatch& view, size_t most) {
  std::vector<DeclaredIndex> out;
  std::set<std::string> names;
  const auto want = [&](const std::vector<std::string>& columns, const char* purpose, bool unique) {
    DeclaredIndex index{std::string("windrow_") + purpose + view.table, index_columns(columns),
                        unique};
    for (const auto& column : index.columns)
      index.name += "_" + column.name + (column.down ? "_desc" : "");
    index.name = short_name(index.name, most);
    if (names.insert(index.name).second) out.push_back(std::move(index));
  };
  for (const auto& columns : view.indexes) want(columns, "", false);
  for (const auto& columns : view.settings.unique) want(columns, "unique_", true);
  if (view.mode == "upsert") want(view.settings.key, "key_", true);
  return out;
}

std::string short_name(std::string name, size_t most) {
  if (name.size() <= most) return name;
  const std::string hash = sha256(name).substr(0, 10);
  name.resize(most - hash.size() - 1);
  while (!name.empty() && (static_cast<unsigned char>(name.back()) & 0xC0) == 0x80) name.pop_back();
  if (!name.empty() && static_cast<unsigned char>(name.back()) >= 0xC0) name.pop_back();
  return name + "_" + hash;
}

std::string former_table(const std::string& view) {
  return "windrow_former_" + (view.size() > kReadable ? sha256(view).substr(0, kReadable) : view);
}

void refuse_long_names(const ViewBatch& view, const std::vector<Column>& columns, size_t most,
                       size_t (*length)(std::string_view), const char* unit, const char* database) {
  const auto refuse = [&](const char* what, const std::string& name) {
    if (length(name) <= most) return;
    throw Error(Code::configuration,
                fmt::format("view \"{}\": the name of the {} \"{}\" has {} {}, and {} takes {}",
                            view.table, what, name, length(name), unit, database, most),
                "give it a shorter one", view.settings.place);
  };
  refuse("table", view.table);
  for (const auto& column : columns) refuse("column", column.name);
}

std::string in_interval(const Interval& interval, const std::string& column,
                        const std::function<std::string(Time)>& literal) {
  const auto bound = [&](const char* than, Time t, Time none) {
    return t == none ? std::string("TRUE") : column + than + literal(t);
  };
  return bound(" >= ", interval.start, kEver) + " AND " + bound(" < ", interval.end, kNever);
}

std::string name_list(const std::vector<std::string>& names, const SqlWords& words) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + words.name(name);
  return out;
}

void refuse_odd_keys(const ViewBatch& view, const std::vector<std::string>& columns,
                     const std::string& rows, const SqlWords& words, const SqlQuery& query) {
  const auto& key = view.settings.key;
  std::string nulls;
  for (const auto& name : key) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
      throw Error(Code::configuration,
                  fmt::format("view \"{}\" has no column \"{}\" for its key", view.table, name), "",
                  view.settings.place);
    }
    nulls += (nulls.empty() ? "" : " OR ") + words.name(name) + " IS NULL";
  }
  if (!query("SELECT 1 FROM " + rows + " WHERE " + nulls + " LIMIT 1").empty()) {
    throw Error(Code::data, fmt::format("view \"{}\": a row has NULL in its key", view.table),
                "filter such rows out, or choose another key", view.settings.place);
  }
  const auto twice = query(fmt::format(
      "SELECT {0} FROM {1} GROUP BY {0} HAVING count(*) > 1 LIMIT 1", name_list(key, words), rows));
  if (twice.empty()) return;
  std::string shown;
  for (const auto& value : twice[0]) shown += (shown.empty() ? "" : ", ") + value.value_or("NULL");
  throw Error(Code::data,
              fmt::format("view \"{}\": several rows have the key ({})", view.table, shown),
              "make the key unique in the table or SELECT that is published", view.settings.place);
}

std::vector<ErasedRows> erased_rows(
    const std::vector<project::PublishedView>& views,
    const std::map<std::string, Manifest>& published,
    const std::function<std::vector<std::string>(const std::string& view)>& tables,
    const std::function<std::optional<int64_t>(const std::string& table)>& erase) {
  std::vector<ErasedRows> out;
  for (const auto& view : views) {
    if (!published.contains(view.table)) continue;
    ErasedRows one{view.table, 0, false};
    for (const auto& table : tables(view.table)) {
      const auto rows = erase(table);
      if (!rows) continue;
      one.keyed = true;
      one.rows += *rows;
    }
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<std::string> with_former_table(const std::string& view) {
  return {view, former_table(view)};
}

bool found_after_loss(const std::vector<Manifest>& written,
                      const std::function<std::map<std::string, Manifest>()>& look) {
  for (int looks = 0; looks < kLooksAfterLoss; ++looks) {
    try {
      const auto present = look();
      return std::all_of(written.begin(), written.end(), [&](const Manifest& one) {
        const auto found = present.find(one.view);
        return found != present.end() && found->second.batch_id == one.batch_id &&
               found->second.published == one.published;
      });
    } catch (const Error& error) {
      if (error.code() != Code::unavailable) return false;
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }
  return false;
}

}  // namespace windrow::publish
