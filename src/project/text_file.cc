#include "project/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace windrow::project {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::string read_text_file(const std::string& path) {
  OpenFile file(path);
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) throw system_error(errno, "read", path);
  if (S_ISDIR(status.st_mode)) throw system_error(EISDIR, "read", path);
  if (!S_ISREG(status.st_mode)) {
    throw Error(Code::configuration, "\"" + path + "\" is not a regular file");
  }
  if (static_cast<size_t>(status.st_size) > kTextFileBytesMax) {
    throw Error(Code::configuration, "\"" + path + "\" is larger than 32 MiB",
                "is it data? then it belongs elsewhere");
  }
  std::string out(static_cast<size_t>(status.st_size), '\0');
  size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = ::read(file.fd(), out.data() + have, out.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(errno, "read", path);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  out.resize(have);
  return out;
}

bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace windrow::project
