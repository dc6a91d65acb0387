#include "lake/guided_scan.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <unordered_map>

#include "duck/duck.h"
#include "lake/statistics.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

class StatisticsGuide : public duck::FileGuide {
 public:
  explicit StatisticsGuide(Snapshot snapshot) : snapshot_(std::move(snapshot)) {
    for (const auto& add : snapshot_.files) by_path_.emplace(snapshot_.file_path(add), &add);
    for (const auto& field : snapshot_.schema.fields) fields_.emplace(field.in_files(), &field);
  }

  std::vector<bool> may_hold(const std::vector<std::string>& paths,
                             const std::vector<duck::ScanCondition>& asked) const override {
    std::vector<ReadScope::Condition> conditions;
    for (const auto& c : asked) {
      if (const auto field = fields_.find(c.column); field != fields_.end())
        conditions.push_back({*field->second, c.from, c.to, c.open_end, c.is_null});
    }
    std::vector<bool> out;
    out.reserve(paths.size());
    for (const auto& path : paths) {
      const auto add = by_path_.find(path);
      out.push_back(add == by_path_.end() ||
                    std::all_of(conditions.begin(), conditions.end(), [&](const auto& condition) {
                      return lake::may_hold(*add->second, condition);
                    }));
    }
    return out;
  }

 private:
  Snapshot snapshot_;
  std::unordered_map<std::string, const Add*> by_path_;
  std::unordered_map<std::string, const Field*> fields_;  ///< by their names in files
};

/// `{table path, version}`
std::pair<std::string, int64_t> guided_table(std::string_view key) {
  const size_t at = key.rfind('@');
  int64_t version = -1;
  if (at != key.npos) std::from_chars(key.data() + at + 1, key.data() + key.size(), version);
  if (version < 0) throw Error(Code::internal, "no guide is called \"" + std::string(key) + "\"");
  return {std::string(key.substr(0, at)), version};
}

}  // namespace

std::string guide_key(const Snapshot& snapshot) {
  return snapshot.table_path + "@" + std::to_string(snapshot.version);
}

std::shared_ptr<const duck::FileGuide> load_guide(storage::FileSystem& files,
                                                  std::string_view key) {
  const auto [path, version] = guided_table(key);
  return std::make_shared<StatisticsGuide>(Table(files, path).snapshot(version));
}

std::vector<TableFiles> files_read(storage::FileSystem& files, duck::Connection& connection,
                                   std::string_view select, const Parameters& parameters) {
  struct Paths {
    std::set<std::string> there, read;
  };
  std::map<std::string, Paths> by_key;
  for (auto& scan : duck::files_read(connection, select, parameters)) {
    auto& paths = by_key[scan.key];
    paths.there.insert(scan.there.begin(), scan.there.end());
    paths.read.insert(scan.read.begin(), scan.read.end());
  }
  std::vector<TableFiles> out;
  for (const auto& [key, paths] : by_key) {
    const auto [path, version] = guided_table(key);
    const size_t there = Table(files, path).snapshot(version).files.size();
    out.push_back({path, version, there - (paths.there.size() - paths.read.size()), there});
  }
  return out;
}

}  // namespace windrow::lake
