#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

/// Places of rows in one file, as they are gathered for its vector.
class DeletedRows {
 public:
  DeletedRows();
  ~DeletedRows();
  DeletedRows(DeletedRows&&) noexcept;
  DeletedRows& operator=(DeletedRows&&) noexcept;

  void add(uint64_t row);
  /// Those of a vector that is there already. Errors as of read_vector.
  void add(storage::FileSystem& files, const std::string& table_path, const DeletionVector& vector);
  uint64_t count() const;
  /// A RoaringBitmapArray in portable format, the least that it takes.
  std::string bytes() const;

 private:
  struct Bitmaps;
  std::unique_ptr<Bitmaps> bitmaps_;
};

/// Vectors of these rows, in order: all in one new file of the table's folder, which is durable
/// when this returns, or, where they are small together, in the log. `written` gets the file's
/// absolute path.
std::vector<DeletionVector> write_vectors(storage::FileSystem& files, const std::string& table_path,
                                          const std::vector<DeletedRows>& rows,
                                          std::vector<std::string>& written);

/// What scans call: whether the vector of a key holds a row. Known to a database after `attach`.
inline constexpr const char* kDeletedFunction = "windrow_deleted";

}  // namespace windrow::lake
