#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "duck/functions.h"
#include "lake/actions.h"
#include "storage/file_system.h"

/// Deletion vectors (PROTOCOL.md, "Deletion Vectors"): sets of rows of a data file that are
/// deleted.
namespace windrow::lake {

/// The absolute path of the vector's file; empty for an inline one. Throws Error(corrupt).
std::string vector_path(const std::string& table_path, const DeletionVector& vector);

/// Everything that is needed to find a vector, as one text; and back.
std::string vector_key(const std::string& table_path, const DeletionVector& vector);

/// Reads and verifies size, checksum and cardinality. Error(corrupt) where they do not hold.
std::shared_ptr<const duck::RowSet> read_vector(storage::FileSystem& files, std::string_view key);

/// Of the bitmap's own bytes. Error(corrupt). Public for fuzzing.
std::shared_ptr<const duck::RowSet> parse_row_set(std::string_view bytes, uint64_t cardinality);

/// What scans call: whether the vector of a key holds a row. Known to a database after `attach`.
inline constexpr const char* kDeletedFunction = "windrow_deleted";

}  // namespace windrow::lake
