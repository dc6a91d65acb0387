#pragma once

#include <string>

#include "cli/session.h"
#include "lake/dml.h"
#include "storage/file_system.h"

namespace windrow::cli {

/// Private to cli/: the verbs of `table` that change rows and columns by hand (docs/cli.md). `path`
/// is the table's folder; only `write` makes a table where there is none.
bool is_writing(const std::string& verb);
int write_table(Session& session, storage::FileSystem& files, const std::string& path);

/// `matched if s.op = 'D': delete`, `not-matched: insert`, `matched: update a = s.a, b = t.b + 1`.
/// Error(usage) where it is not that.
lake::MergeClause merge_clause(const std::string& text);

}  // namespace windrow::cli
