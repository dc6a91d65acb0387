#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "sensors/look.h"
#include "storage/homes.h"

namespace windrow::sensors {

namespace {

constexpr size_t kFilesMax = 100'000;
/// Of more folders changes are not told: they are found when it is looked at again.
constexpr size_t kWatchedMax = 1'000;
/// Of folders in folders: whoever has more has made them by mistake.
constexpr int kDepthMax = 64;
/// Clocks of other machines are ahead by no more, else the time says something else.
constexpr std::chrono::minutes kAhead(1);

bool is_pattern(const std::string& part) {
  return part.find_first_of("*?[\\") != std::string::npos;
}

bool fits_part(const std::string& name, const std::string& pattern) {
  return ::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
}

class FilesLook {
 public:
  FilesLook(const project::Sensor& sensor, const Outside& outside, Cancel& cancel)
      : sensor_(sensor), outside_(outside), cancel_(cancel), now_(outside.clock.now()) {
    std::string pattern = sensor.subject.value;
    const auto scheme = storage::scheme_of(pattern);
    local_ = scheme.empty();
    if (local_ && !pattern.starts_with('/')) pattern = outside.project.root + "/" + pattern;
    const size_t begin = local_ ? 0 : pattern.find('/', scheme.size() + 3);
    base_ = local_ ? "" : pattern.substr(0, begin);
    for (size_t at = begin; at < pattern.size();) {
      const size_t end = std::min(pattern.find('/', at + 1), pattern.size());
      const auto part = pattern.substr(at + 1, end - at - 1);
      if (!part.empty()) parts_.push_back(part);
      at = end;
    }
    // The last part is a name, or a pattern of names.
    while (fixed_ + 1 < parts_.size() && !is_pattern(parts_[fixed_]))
      base_ += "/" + parts_[fixed_++];
  }

  Sight look() {
    if (parts_.empty()) return {};
    find(base_.empty() ? "/" : base_, fixed_, 0);
    if (local_ && out_.folders.empty()) out_.folders.push_back(nearest(base_));
    std::sort(out_.things.begin(), out_.things.end(), [](const Thing& a, const Thing& b) {
      return std::tie(a.name, a.mark) < std::tie(b.name, b.mark);
    });
    out_.things.erase(std::unique(out_.things.begin(), out_.things.end()), out_.things.end());
    const auto counted = [](size_t n, const char* what) {
      return fmt::format("{} file{}{}", n, n == 1 ? "" : "s", what);
    };
    out_.text = counted(out_.things.size(), "");
    if (moving_ > 0) out_.text += ", " + counted(moving_, " not at rest yet");
    return std::move(out_);
  }

 private:
  std::string nearest(std::string folder) {
    while (!folder.empty()) {
      const auto there = outside_.files.stat(folder);
      if (there && there->folder) return folder;
      folder.resize(folder.rfind('/'));
    }
    return "/";
  }

  void find(const std::string& folder, size_t part, int depth) {
    cancel_.check();
    const bool last = part + 1 == parts_.size();
    const auto in = [&](const std::string& name) {
      return folder == "/" ? folder + name : folder + "/" + name;
    };
    if (last && !is_pattern(parts_[part])) {
      const auto file = outside_.files.stat(in(parts_[part]));
      if (file || (local_ && outside_.files.stat(folder))) note(folder);
      if (file) take(*file);
      return;
    }
    const auto entries = outside_.files.list(folder);
    if (!entries.empty() || part > fixed_ || (local_ && outside_.files.stat(folder))) note(folder);
    const bool any_depth = parts_[part] == "**";
    if (any_depth && !last) find(folder, part + 1, depth);
    for (const auto& entry : entries) {
      const auto name = entry.path.substr(entry.path.rfind('/') + 1);
      if (name.starts_with(".tmp-") || (any_depth && name.starts_with('.'))) continue;
      if (!any_depth && !fits_part(name, parts_[part])) continue;
      if (!entry.folder) {
        if (last) take(entry);
      } else if (any_depth) {
        if (depth < kDepthMax && !is_link(entry.path)) find(entry.path, part, depth + 1);
      } else if (!last) {
        find(entry.path, part + 1, depth + 1);
      }
    }
  }

  /// Links may go round, and to what is seen already.
  bool is_link(const std::string& folder) const {
    std::error_code unknown;
    return local_ && std::filesystem::is_symlink(folder, unknown);
  }

  void note(const std::string& folder) {
    if (local_ && out_.folders.size() < kWatchedMax &&
        std::find(out_.folders.begin(), out_.folders.end(), folder) == out_.folders.end())
      out_.folders.push_back(folder);
  }

  void take(const storage::FileInfo& file) {
    if (file.folder) return;
    const auto age = now_ - file.modified;
    if (sensor_.at_rest.count() > 0 && age < sensor_.at_rest && age > -kAhead) {
      ++moving_;
      const auto left = sensor_.at_rest - age;
      out_.again = out_.again ? std::min(*out_.again, left) : left;
      return;
    }
    if (out_.things.size() >= kFilesMax) {
      throw Error(Code::unsupported, fmt::format("more than {} files fit the pattern", kFilesMax),
                  "narrow it, or have files moved away once they are read", sensor_.subject.place);
    }
    const auto state = local_ || file.tag.empty()
                           ? fmt::format("{}|{}", file.size, micros(file.modified))
                           : file.tag;
    out_.things.push_back(
        thing(fmt::format("{}\n{}", file.path, state),
              shown(outside_.secrets, file.path.substr(file.path.rfind('/') + 1))));
  }

  const project::Sensor& sensor_;
  const Outside& outside_;
  Cancel& cancel_;
  const Time now_;
  bool local_ = true;
  std::string base_;
  std::vector<std::string> parts_;
  size_t fixed_ = 0;
  size_t moving_ = 0;
  Sight out_;
};

}  // namespace

Sight look_at_files(const project::Sensor& sensor, const Outside& outside, Cancel& cancel) {
  return FilesLook(sensor, outside, cancel).look();
}

}  // namespace windrow::sensors
