#include <algorithm>
#include <atomic>

#include "duck/quoting.h"
#include "sources/files/json_columns.h"
#include "sources/files/records.h"

// Pieces of SQL that the readers of several formats share.
namespace windrow::sources {

using duck::quote_name;
using duck::quote_text;

std::string path_list(const std::vector<FoundFile>& files) {
  std::vector<std::string> paths;
  for (const auto& file : files) paths.push_back(escape_glob(file.path));
  return duck::quote_list(paths);
}

std::string name_sql(const std::vector<FoundFile>& files, const std::string& path) {
  // The files of a source lie below one folder, the fixed part of its glob; copies below another.
  std::vector<std::string> folders;
  std::string out;
  for (const auto& file : files) {
    if (!file.path.ends_with(file.name)) {
      out += (out.empty() ? "CASE" : "") + (" WHEN " + path + " = " + quote_text(file.path)) +
             " THEN " + quote_text(file.name);
      continue;
    }
    auto folder = file.path.substr(0, file.path.size() - file.name.size());
    if (std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(std::move(folder));
  }
  std::sort(folders.begin(), folders.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const auto& folder : folders) {
    const std::string name = "substr(" + path + ", length(" + quote_text(folder) + ") + 1)";
    if (folder == folders.back()) return out.empty() ? name : out + " ELSE " + name + " END";
    out += (out.empty() ? "CASE" : "") +
           (" WHEN starts_with(" + path + ", " + quote_text(folder) + ") THEN " + name);
  }
  return out.empty() ? path : out + " END";
}

std::string rows_by_file(const std::vector<FoundFile>& files, const std::string& relation,
                         const std::string& path) {
  return "SELECT " + name_sql(files, path) + " AS origin, count(*) AS rows FROM " + relation +
         " GROUP BY ALL";
}

std::string typed_columns(const project::Source& source, const std::vector<Column>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  project::Source typed = source;
  for (auto& declared : typed.columns) {
    if (declared.value.empty() && !declared.type.empty())
      declared.value = quote_name(declared.name);
  }
  return table_columns(typed, names);
}

std::string fresh_name(const std::string& what) {
  static std::atomic<uint64_t> count{0};
  return "windrow_rejected_" + what + "_" + std::to_string(++count);
}

}  // namespace windrow::sources
