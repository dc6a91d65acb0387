#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publish/store.h"

namespace windrow::publish {

/// A value as a database gives it as text; nothing is NULL.
using SqlValue = std::optional<std::string>;
using SqlRow = std::vector<SqlValue>;

/// How one database writes what the shared statements are made of.
struct SqlWords {
  std::string (*name)(std::string_view);     ///< quoted
  std::string (*literal)(std::string_view);  ///< of a text
  std::string (*time)(Time);                 ///< a literal that a column of times takes
  // Types of columns.
  const char* key;   ///< a text that a table may be keyed by
  const char* text;  ///< of any length
  const char* whole = "BIGINT";
  const char* moment;  ///< read as text, it is a time in UTC
  // Columns whose names were chosen before.
  const char* started = "started";
  const char* published = "published";
  const char* after_columns = "";  ///< CREATE TABLE (…) after_columns
};

/// Statements over a table of manifests (`windrow_publications`), the same in every SQL database.
class ManifestTable {
 public:
  /// `table`: as statements name it, quoted.
  ManifestTable(const SqlWords& words, std::string table)
      : words_(words), table_(std::move(table)) {}

  std::string create() const;  ///< where it is not there
  /// Yields what `read` takes.
  std::string select() const;
  std::map<std::string, Manifest> read(const std::vector<SqlRow>& rows) const;
  /// In a transaction, or where nobody looks: a row is taken out and put in.
  std::vector<std::string> record(const Manifest& manifest) const;
  std::string forget(const std::string& view) const;
  std::string move_boundary(const std::string& view, Time boundary) const;
  /// A view's row goes into another such table, which has none of it.
  std::string copy_to(const ManifestTable& other, const std::string& view) const;
  std::string is_view(const std::string& view) const;  ///< the condition
  const std::string& table() const { return table_; }

 private:
  std::string columns() const;

  const SqlWords& words_;
  std::string table_;
};

}  // namespace windrow::publish
