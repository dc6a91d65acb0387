#include "server/claim.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "storage/private_file.h"

namespace windrow::server {

std::unique_ptr<Claim> Claim::take(const std::string& state_folder, const std::string& name) {
  const auto path = state_folder + "/" + name;
  storage::make_private_folder(state_folder);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) throw system_error(errno, "open", path);
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::close(file);
    if (why == EWOULDBLOCK) return nullptr;
    throw system_error(why, "lock", path);
  }
  // For people and for messages; the lock is what counts, so a disk without room is no obstacle.
  const auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file, 0) == 0 && ::pwrite(file, pid.data(), pid.size(), 0) < 0) {
    // Then nobody knows whose it is.
  }
  return std::unique_ptr<Claim>(new Claim(file));
}

pid_t Claim::holder(const std::string& state_folder, const std::string& name) {
  const int file = ::open((state_folder + "/" + name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return 0;
  pid_t out = 0;
  if (::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    char text[32] = {};
    const auto size = ::pread(file, text, sizeof text, 0);
    if (size > 0) std::from_chars(text, text + size, out);
  }
  ::close(file);
  return out;
}

Claim::~Claim() { ::close(file_); }

}  // namespace windrow::server
