#include "storage/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace windrow::storage {

void narrow(const std::string& path) {
  // The descriptor is of the thing itself: nobody can put another one in its place between the look
  // and the change. And it is of the path alone: to close one that could read or write would take
  // away all locks that this process has on the file, SQLite's among them.
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  struct stat found {};
  if (::fstat(fd, &found) == 0 && !S_ISLNK(found.st_mode) && found.st_uid == ::geteuid() &&
      (found.st_mode & 077) != 0) {
    if (::chmod(("/proc/self/fd/" + std::to_string(fd)).c_str(), found.st_mode & 0700) != 0) {
      // A file system without rights: there is nothing to narrow.
    }
  }
  ::close(fd);
}

void make_private_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) return;
  if (errno != ENOENT) return;
  const std::string above = std::filesystem::path(folder).parent_path().string();
  std::error_code ignored;
  if (above.empty() || above == folder || std::filesystem::exists(above, ignored)) return;
  make_private_folder(above);
  ::mkdir(folder.c_str(), 0700);
}

void make_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0)
    ::close(fd);
  else
    narrow(path);
}

}  // namespace windrow::storage
