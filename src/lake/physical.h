#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "base/time.h"
#include "lake/actions.h"
#include "lake/row_work.h"
#include "lake/schema.h"

/// Private to lake/: between a table's columns and those of its files, which column mapping calls
/// otherwise (PROTOCOL.md, "Column Mapping").
namespace windrow::lake {

/// DuckDB's type with the names that files have.
std::string type_in_files(const Type& type);
/// `value`, which has the names of files, with the table's names and type.
std::string from_files(const std::string& value, const Type& type);
/// Gives names and ids in files to the columns that have none, nested ones too, and keeps the
/// greatest id in the table's properties. Does nothing where columns are not mapped.
void map_new_columns(Schema& schema, Metadata& metadata);

/// Streams rows with the table's names and types into new files of the table. `folder` lies in the
/// table; empty: the table's own.
std::vector<Add> write_rows(RowWork& engine, const Snapshot& table, const Relation& rows,
                            const Parameters& parameters, columns::WriteOptions options, Time now,
                            const ProgressSink& progress = {});
/// The same of rows that have kRowId and kRowCommitVersion where the table keeps ids
/// (row_tracking.h).
std::vector<Add> write_rows_with_ids(RowWork& engine, const Snapshot& table, const Relation& rows,
                                     columns::WriteOptions options, Time now,
                                     const ProgressSink& progress = {});

}  // namespace windrow::lake
