#include "sources/files/local_copies.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "storage/private_file.h"

namespace windrow::sources {

namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "copies-";

}  // namespace

LocalCopies::LocalCopies(const std::string& spill) {
  static std::atomic<uint64_t> count{0};
  storage::make_private_folder(spill);
  std::error_code error;
  for (fs::directory_iterator at(spill, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    int process = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), process);
    std::error_code ignored;
    if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH)
      fs::remove_all(at->path(), ignored);
  }
  folder_ = fmt::format("{}/{}{}-{}", spill, kPrefix, ::getpid(), ++count);
  storage::make_private_folder(folder_);
}

LocalCopies::~LocalCopies() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string LocalCopies::path(const std::string& name) const {
  // A name may be a whole path; the engine tells of `a//b` as `a/b`.
  std::string out = folder_ + "/" + name;
  for (size_t at; (at = out.find("//")) != std::string::npos;) out.erase(at, 1);
  fs::create_directories(fs::path(out).parent_path());
  return out;
}

}  // namespace windrow::sources
