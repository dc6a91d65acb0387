#include "storage/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/id.h"
#include "storage/file_system.h"

namespace windrow::storage {
namespace {

/// A file under a name that nobody reads, gone with this object where it was not given its own.
class Beside {
 public:
  Beside(const std::string& path, const struct stat& like)
      : path_(std::filesystem::path(path).parent_path().string() + "/.tmp-" + new_uuid()),
        fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw system_error(errno, "write", path);
    if (::fchown(fd_, like.st_uid, like.st_gid) != 0) {
      // Only root may give files away: it stays the user's, who may write there.
    }
    if (::fchmod(fd_, like.st_mode & 07777) != 0) throw system_error(errno, "write", path);
  }
  ~Beside() {
    if (fd_ >= 0) ::close(fd_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  void write(std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw system_error(errno, "write", path);
      bytes.remove_prefix(size_t(n));
    }
    if (::fsync(fd_) != 0 || ::close(std::exchange(fd_, -1)) != 0)
      throw system_error(errno, "write", path);
  }
  void take_name(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) throw system_error(errno, "write", path);
    path_.clear();
  }

 private:
  std::string path_;
  int fd_;
};

}  // namespace

void replace_file(const std::string& path, std::string_view before, std::string_view after) {
  std::error_code failed;
  const std::string real = std::filesystem::canonical(path, failed).string();
  if (failed) throw system_error(failed.value(), "write", path);
  struct stat found {};
  if (::stat(real.c_str(), &found) != 0) throw system_error(errno, "write", path);
  // A rename would pass over the rights of the file itself.
  if (::access(real.c_str(), W_OK) != 0) throw system_error(errno, "write", path);
  Beside beside(real, found);
  beside.write(after, path);
  if (local_file_system()->read(real) != before) {
    throw Error(Code::conflict, "\"" + path + "\" was changed meanwhile",
                "it was left as it is: try again");
  }
  beside.take_name(real);
}

}  // namespace windrow::storage
