#include "lake/log.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "base/error.h"
#include "lake/action_json.h"

namespace windrow::lake {
namespace {

constexpr size_t kVersionDigits = 20, kPartDigits = 10, kUuidLength = 36;

std::optional<int64_t> digits(std::string_view text, size_t count) {
  int64_t value = 0;
  if (text.size() != count) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc() || end != text.data() + count || value < 0) return {};
  return value;
}

struct Parts {
  size_t expected = 0;
  std::map<int64_t, std::string> paths;
};

/// What is between `.checkpoint.` and `.parquet`: `part.parts`.
struct PartName {
  int64_t part, parts;
};
std::optional<PartName> part_name(std::string_view text) {
  if (text.size() != 2 * kPartDigits + 1 || text[kPartDigits] != '.') return {};
  const auto part = digits(text.substr(0, kPartDigits), kPartDigits);
  const auto parts = digits(text.substr(kPartDigits + 1), kPartDigits);
  if (!part || !parts || *part < 1 || *part > *parts) return {};
  return PartName{*part, *parts};
}

class Lister {
 public:
  void take(const std::string& path) {
    std::string_view name = std::string_view(path).substr(path.find_last_of('/') + 1);
    if (name.size() <= kVersionDigits) return;
    const auto version = digits(name.substr(0, kVersionDigits), kVersionDigits);
    if (!version) return;
    name.remove_prefix(kVersionDigits);
    if (name == ".json") {
      out_.commits.push_back(*version);
    } else if (name == ".checkpoint.parquet") {
      out_.checkpoints.push_back({*version, {path}});
    } else if (name.starts_with(".checkpoint.")) {
      take_checkpoint(*version, name.substr(std::string_view(".checkpoint.").size()), path);
    } else if (name.ends_with(".compacted.json") && name.size() == kVersionDigits + 16) {
      const auto last = digits(name.substr(1, kVersionDigits), kVersionDigits);
      if (last && *last > *version) out_.compacted.push_back({*version, *last, path});
    }
  }

  LogListing done() {
    for (auto& [key, parts] : parts_) {
      if (parts.paths.size() != parts.expected)
        continue;  // its writer has not finished, or never will
      CheckpointFiles files{key.first, {}};
      for (auto& [number, path] : parts.paths) files.paths.push_back(std::move(path));
      out_.checkpoints.push_back(std::move(files));
    }
    std::stable_sort(out_.checkpoints.begin(), out_.checkpoints.end(),
                     [](const auto& a, const auto& b) { return a.version < b.version; });
    std::sort(out_.commits.begin(), out_.commits.end());
    return std::move(out_);
  }

 private:
  /// `middle` is what stands behind `.checkpoint.`: part and parts, or a UUID.
  void take_checkpoint(int64_t version, std::string_view middle, const std::string& path) {
    const size_t dot = middle.rfind('.');
    if (dot == std::string_view::npos) return;
    const std::string_view format = middle.substr(dot);
    middle = middle.substr(0, dot);
    if (const auto part = part_name(middle); part && format == ".parquet") {
      auto& parts = parts_[{version, part->parts}];
      parts.expected = size_t(part->parts);
      parts.paths[part->part] = path;
    } else if (middle.size() == kUuidLength && (format == ".parquet" || format == ".json")) {
      out_.checkpoints.push_back({version, {path}});
    }
  }

  LogListing out_;
  std::map<std::pair<int64_t, int64_t>, Parts> parts_;
};

}  // namespace

std::string log_folder(const std::string& table_path) { return table_path + "/_delta_log"; }

std::string version_text(int64_t version) {
  char text[32];
  std::snprintf(text, sizeof text, "%020lld", static_cast<long long>(version));
  return text;
}

std::string commit_file(const std::string& table_path, int64_t version) {
  return log_folder(table_path) + "/" + version_text(version) + ".json";
}

int64_t LogListing::latest() const {
  int64_t out = -1;
  if (!commits.empty()) out = commits.back();
  if (!checkpoints.empty()) out = std::max(out, checkpoints.back().version);
  return out;
}

bool LogListing::has_commit(int64_t version) const {
  return std::binary_search(commits.begin(), commits.end(), version);
}

int64_t LogListing::first_of_tail() const {
  size_t i = commits.size();
  while (i > 1 && commits[i - 2] == commits[i - 1] - 1) --i;
  return i == 0 ? -1 : commits[i - 1];
}

const CompactedCommits* LogListing::compacted_from(int64_t first, int64_t last) const {
  const CompactedCommits* best = nullptr;
  for (const auto& file : compacted) {
    if (file.first == first && file.last <= last && (best == nullptr || file.last > best->last))
      best = &file;
  }
  return best;
}

namespace {

/// A folder that is written while it is listed may show a version and not the one before it, for
/// listings are no snapshots: what seems to be missing is asked for by its name.
void add_overlooked(storage::FileSystem& files, const std::string& table_path,
                    LogListing& listing) {
  const int64_t base = listing.checkpoints.empty() ? -1 : listing.checkpoints.back().version;
  for (int64_t version = listing.latest(); version > base; --version) {
    if (listing.has_commit(version)) continue;
    if (!files.stat(commit_file(table_path, version))) return;  // a gap indeed
    auto& commits = listing.commits;
    commits.insert(std::lower_bound(commits.begin(), commits.end(), version), version);
  }
}

}  // namespace

LogListing list_log(storage::FileSystem& files, const std::string& table_path) {
  Lister lister;
  for (const auto& entry : files.list(log_folder(table_path), {}, false)) {
    if (!entry.folder) lister.take(entry.path);
  }
  LogListing listing = lister.done();
  add_overlooked(files, table_path, listing);
  return listing;
}

LogListing list_table(storage::FileSystem& files, const std::string& table_path) {
  LogListing listing = list_log(files, table_path);
  check_whole(listing, table_path);
  return listing;
}

void check_whole(const LogListing& listing, const std::string& table_path) {
  if (listing.empty()) {
    throw Error(Code::not_found, "there is no Delta table at \"" + table_path + "\"");
  }
  const int64_t base = listing.checkpoints.empty() ? -1 : listing.checkpoints.back().version;
  for (int64_t version = listing.latest(); version > base; --version) {
    if (listing.has_commit(version)) continue;
    throw Error(Code::corrupt,
                "the log of \"" + table_path + "\" has a gap: version " + std::to_string(version) +
                    " is missing",
                "restore \"" + commit_file(table_path, version) + "\" from a copy");
  }
}

Commit read_commit(storage::FileSystem& files, const std::string& table_path, int64_t version) {
  const std::string path = commit_file(table_path, version);
  return commit_from_json(files.read(path), version, "\"" + path + "\"");
}

Time commit_time(storage::FileSystem& files, const std::string& table_path, const Commit& commit) {
  if (commit.info && commit.info->in_commit_timestamp > 0)
    return time_from_micros(commit.info->in_commit_timestamp * 1000);
  if (commit.info && commit.info->timestamp > 0)
    return time_from_micros(commit.info->timestamp * 1000);
  const auto info = files.stat(commit_file(table_path, commit.version));
  return info ? info->modified : Time{};
}

}  // namespace windrow::lake
