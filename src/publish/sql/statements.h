#pragma once

#include <functional>

#include "base/rows.h"
#include "publish/sql/manifest_table.h"

/// What publications to SQL databases have in common beside the table of manifests.
namespace windrow::publish {

/// A column of an index as it is declared: `-name` is downwards.
struct IndexColumn {
  std::string name;
  bool down = false;
};
std::vector<IndexColumn> index_columns(const std::vector<std::string>& declared);
/// An index that a view declares. `purpose`: empty, `unique_` or `key_`.
struct DeclaredIndex {
  std::string name;  ///< `windrow_…`, of `most` bytes at most
  std::vector<IndexColumn> columns;
  bool unique = false;
};
/// Each once: `indexes`, `unique`, and of upsert the key's.
std::vector<DeclaredIndex> declared_indexes(const ViewBatch& view, size_t most);

/// A name that begins with what it is for, and has `most` bytes at most.
std::string short_name(std::string name, size_t most);
/// The table of a view's former batch.
std::string former_table(const std::string& view);

/// Error(configuration) where a table or column has a longer name than the database takes.
/// `length` counts as that does.
void refuse_long_names(const ViewBatch& view, const std::vector<Column>& columns, size_t most,
                       size_t (*length)(std::string_view), const char* unit, const char* database);

/// The condition of rows that lie in an interval.
std::string in_interval(const Interval& interval, const std::string& column,
                        const std::function<std::string(Time)>& literal);

/// Runs a statement, gives its rows.
using SqlQuery = std::function<std::vector<SqlRow>(const std::string&)>;
/// Error(configuration) where the view lacks a column of its key; Error(data) where a row of
/// `rows`, a table, has NULL in it, or several have the same.
void refuse_odd_keys(const ViewBatch& view, const std::vector<std::string>& columns,
                     const std::string& rows, const SqlWords& words, const SqlQuery& query);
/// Quoted names with commas.
std::string name_list(const std::vector<std::string>& names, const SqlWords& words);

/// What `erase` takes from the tables of each view that is published. It gives how many rows of a
/// table have the key; nothing where the table has not the key's columns, or is not there.
std::vector<ErasedRows> erased_rows(
    const std::vector<project::PublishedView>& views,
    const std::map<std::string, Manifest>& published,
    const std::function<std::vector<std::string>(const std::string& view)>& tables,
    const std::function<std::optional<int64_t>(const std::string& table)>& erase);
/// A view and its former batch.
std::vector<std::string> with_former_table(const std::string& view);

/// After the connection was lost at a commit: whether `look`, which connects anew, waits for the
/// lost session's end and gives the manifests, finds these. Error(unavailable) of `look` is waited
/// for, half a minute.
bool found_after_loss(const std::vector<Manifest>& written,
                      const std::function<std::map<std::string, Manifest>()>& look);

}  // namespace windrow::publish
