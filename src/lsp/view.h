#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/study.h"
#include "lsp/sql_scope.h"
#include "lsp/text.h"
#include "lsp/yaml_words.h"
#include "project/shape.h"

/// A project as it is seen from an editor: the last look at it, and the texts as they are now.
namespace windrow::lsp {

/// A function that a model may call.
struct Function {
  std::string name, signature, description;
};

struct TableInfo {
  std::string name, kind, description, file;
};

/// What `check` knew when it looked last. Immutable.
struct Known {
  std::shared_ptr<const app::Study> study;
  /// Of tables that do not bind any more: as they were when they did.
  sql::Catalog columns;
  std::shared_ptr<const std::vector<Function>> functions;
};

/// The parts of a text.
struct Parts {
  std::optional<Span> yaml;  ///< all of it, or the header of a model
  std::optional<Span> sql;   ///< behind the header
};
Parts parts_of(std::string_view text, std::string_view kind);

class View {
 public:
  /// `texts`: those that are open, by their paths in the project.
  View(const Known& known, std::map<std::string, std::string> texts);

  const app::Study& study() const { return *known_.study; }
  const project::Project& project() const { return study().workspace->project; }
  const std::vector<Function>& functions() const { return *known_.functions; }
  const std::map<std::string, std::string>& texts() const { return texts_; }
  /// As it is in the editor, else on disk; nothing where it cannot be read.
  std::optional<std::string> text_of(const std::string& path) const;

  std::vector<TableInfo> tables() const;
  std::optional<TableInfo> table(std::string_view name) const;
  /// The table that a name in SQL means: itself, or the one of that name where no layer is given.
  std::optional<std::string> resolve(std::string_view written) const;
  const std::vector<Column>* columns(const std::string& table) const;
  /// Of the column's declaration; nothing where it has none.
  const project::ColumnDeclaration* declaration(const std::string& table,
                                                const std::string& column) const;
  ColumnsOf columns_of() const;
  std::vector<std::string> tags() const;

 private:
  Known known_;
  std::map<std::string, std::string> texts_;
};

/// A place in a file of the project.
struct Spot {
  std::string path, kind;  ///< in the project; as project::kind_of_path says
  std::string text;
  size_t at = 0;
  Parts parts;

  bool in_yaml() const { return parts.yaml && parts.yaml->holds(at); }
  bool in_sql() const { return !in_yaml() && parts.sql && parts.sql->holds(at); }
  std::string_view yaml() const;
  std::string_view sql() const;
};

/// Shapes of what stands at `path` in a file of a kind; more than one where it may be either.
std::vector<project::Shape> shapes_at(std::string_view kind, const YamlPath& path,
                                      const YamlWords& words);
/// Of a model's file its name, else nothing.
std::string model_of(const View& view, const Spot& spot);
/// The table that column names at a place of YAML are of; empty where it is not clear.
std::string table_around(const View& view, const Spot& spot, const YamlPath& path,
                         const YamlWords& words);
/// Of the mapping at `path`, the text of a key's value.
std::string value_of(const YamlWords& words, YamlPath path, const std::string& key);

}  // namespace windrow::lsp
