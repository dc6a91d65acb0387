#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "storage/file_system.h"

namespace windrow::lake {

class Table;

/// A lake's identity file, `<lake>/_windrow/lake.json`: looked at on every start, so that a project
/// never writes into the lake of another one by mistake.
struct Identity {
  std::string id;
  int format = 1;
  std::string project;
  std::string environment;
  bool operator==(const Identity&) const = default;
};

/// A folder of tables at `<root>/<layer>/<table>`, of one project in one environment.
class Lake {
 public:
  /// Reads the identity, or makes it where `create` and the folder is empty or absent.
  /// Error(configuration) where the lake belongs to another project or environment,
  /// Error(unsupported) where its format is newer.
  static Lake open(storage::FileSystem& files, const std::string& root, const std::string& project,
                   const std::string& environment, bool create, Time now);

  const std::string& root() const { return root_; }
  const Identity& identity() const { return identity_; }
  /// `silver.movies` → the table at `<root>/silver/movies`.
  Table table(const std::string& asset) const;
  std::string table_path(const std::string& asset) const;
  /// Names of all tables that are there.
  std::vector<std::string> tables() const;

  /// True where `to` is to take over the table `from`: that is there, and `to` is not, or not
  /// whole.
  bool may_take_over(const std::string& from, const std::string& to) const;
  /// Gives a table another name. Its id, versions and history stay; so do the names of its files
  /// below its folder. Killed anywhere, it goes on when it is asked for again. Of two runs at once
  /// one does it, and the other finds it done. Nobody may write to the table meanwhile.
  void take_over(const std::string& from, const std::string& to);
  /// Removes a table with its log and all its files. Not an error where there is none.
  void drop(const std::string& asset);

  /// Keeps the text of a definition under its hash (content-addressed, immutable); reads it back.
  void keep_definition(const std::string& hash, const std::string& text);
  std::optional<std::string> definition(const std::string& hash) const;

 private:
  Lake(storage::FileSystem& files, std::string root, Identity identity);
  storage::FileSystem* files_;
  std::string root_;
  Identity identity_;
};

}  // namespace windrow::lake
