#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "lsp/target.h"

/// Another name for a model or for a column of one, in all files at once. What would be wrong after
/// it, or mean something else, is refused: the project is looked at as it would be before anybody
/// is told what to change.
namespace windrow::lsp {

struct TextEdit {
  Span span;  ///< of the text as it is
  std::string text;
};
struct Renaming {
  std::map<std::string, std::vector<TextEdit>> edits;  ///< by path, each in the text's order
  std::string old_path, new_path;                      ///< of the file; empty where it stays
};

/// What can be renamed there, as it is called now. Error(usage) with the reason where nothing can.
struct Renamable {
  Span span;
  std::string name;
};
Renamable renamable(const View& view, const Target& target);

/// Error(usage) with the reason where it is refused.
Renaming rename(const View& view, app::Desk& desk, const Target& target, const std::string& name,
                Cancel& cancel);

// Private to renaming.
Renaming rename_table(const View& view, const std::string& table, const std::string& name);
Renaming rename_column(const View& view, const std::string& table, const std::string& column,
                       const std::string& name);
[[noreturn]] void refuse(const std::string& reason, const std::string& hint = {});
/// Of all files of the project that are read, with their kinds.
struct ProjectText {
  std::string path, kind, text;
};
std::vector<ProjectText> project_texts(const View& view);
/// Every SELECT of a query, also those inside.
void each_select(const SqlQuery& query, const std::function<void(const SqlSelect&)>& visit);
/// Of a value the text without its quotes.
Span without_quotes(std::string_view text, Span span);

}  // namespace windrow::lsp
