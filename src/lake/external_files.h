#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lake/actions.h"
#include "storage/file_system.h"

/// Files outside of a table's folder that its log names by an absolute path or a URI, as shallow
/// clones do. A log is written by whoever may write into the table's folder, and is read with the
/// rights of whoever asks: so it cannot itself say what else is to be read. Allowed is what lies in
/// the same lake, and what a file `_windrow/external_files` names in a folder above the table's:
/// one folder or file a line, absolute or a URI; `#` begins a comment. Who may write there owns
/// more than the table.
namespace windrow::lake {

class ExternalFiles {
 public:
  ExternalFiles(storage::FileSystem& files, std::string table_path);

  /// The allowed folder that a path lies in; nothing where there is none.
  std::optional<std::string> allowed_by(const std::string& path);
  /// Error(permission) where an entry names a file that is not allowed. Asks the storage only where
  /// one names a file outside of the table's folder.
  void check(const std::vector<Add>& adds);
  void check(const Commit& commit);

 private:
  void check(const std::string& log_path, const std::optional<DeletionVector>& vector);
  void check_path(const std::string& path);
  const std::vector<std::string>& allowed();

  storage::FileSystem& files_;
  const std::string table_path_;
  std::optional<std::vector<std::string>> allowed_;  ///< looked up once it is needed
};

/// Adds lines to the file in the folder above the table's, for those that nothing allows yet.
void allow_external(storage::FileSystem& files, const std::string& table_path,
                    const std::vector<std::string>& folders);

}  // namespace windrow::lake
