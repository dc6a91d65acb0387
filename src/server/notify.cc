#include "server/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstring>

namespace windrow::server {

ServiceManager::ServiceManager(std::string socket, const std::string& watchdog_usec)
    : socket_(std::move(socket)) {
  int64_t usec = 0;
  const auto* end = watchdog_usec.data() + watchdog_usec.size();
  const auto read = std::from_chars(watchdog_usec.data(), end, usec);
  if (read.ec == std::errc() && read.ptr == end && usec > 0 && !socket_.empty())
    watchdog_ = std::chrono::microseconds(usec / 2);
}

void ServiceManager::tell(const std::string& state) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const auto length = socklen_t(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int channel = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (channel < 0) return;
  ::sendto(channel, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address), length);
  ::close(channel);
}

}  // namespace windrow::server
