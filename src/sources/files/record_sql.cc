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

namespace {

/// By which rule a reader's path becomes the listed one: what it begins with becomes `prefix`.
struct Rule {
  std::string folder, prefix;
};

/// The longest end that both have, from a `/` on or whole.
Rule rule_of(const std::string& path, const std::string& listed) {
  size_t same = 0, whole = 0;
  while (same < std::min(path.size(), listed.size()) &&
         path[path.size() - same - 1] == listed[listed.size() - same - 1]) {
    if (path[path.size() - ++same] == '/') whole = same - 1;
  }
  if (same == listed.size() || same == path.size()) whole = same;
  return {path.substr(0, path.size() - whole), listed.substr(0, listed.size() - whole)};
}

}  // namespace

std::string listed_sql(const std::vector<FoundFile>& files, const std::string& path) {
  const auto listed = [](const FoundFile& file) {
    return file.listed.empty() ? file.name : file.listed;
  };
  std::vector<Rule> rules;
  for (const auto& file : files) {
    auto rule = rule_of(file.path, listed(file));
    if (std::none_of(rules.begin(), rules.end(),
                     [&](const auto& each) { return each.folder == rule.folder; }))
      rules.push_back(std::move(rule));
  }
  std::stable_sort(rules.begin(), rules.end(),
                   [](const auto& a, const auto& b) { return a.folder.size() > b.folder.size(); });
  std::string out;
  // Files of which the rules say something else, each by its path.
  for (const auto& file : files) {
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& each) {
      return file.path.starts_with(each.folder);
    });
    if (rule->prefix + file.path.substr(rule->folder.size()) != listed(file))
      out += " WHEN " + path + " = " + quote_text(file.path) + " THEN " + quote_text(listed(file));
  }
  for (const auto& rule : rules) {
    out += " WHEN starts_with(" + path + ", " + quote_text(rule.folder) + ") THEN " +
           quote_text(rule.prefix) + " || substr(" + path + ", length(" + quote_text(rule.folder) +
           ") + 1)";
  }
  return out.empty() ? path : "CASE" + out + " END";
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
