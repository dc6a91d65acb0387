#include "server/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace windrow::server {

namespace {

constexpr const char* kSocketName = "serve.sock";
constexpr size_t kClientsMax = 256;
constexpr size_t kAnswerBytesMax = 64 << 20;

/// An address of a socket in a folder, however long the folder's path is: a socket's may have 107
/// bytes, so it goes by the folder's descriptor.
class Address {
 public:
  explicit Address(const std::string& folder)
      : folder_(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address_.sun_family = AF_UNIX;
    const auto path = "/proc/self/fd/" + std::to_string(folder_) + "/" + kSocketName;
    std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
  }
  ~Address() { ::close(folder_); }
  Address(const Address&) = delete;
  Address& operator=(const Address&) = delete;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  static socklen_t size() { return sizeof(sockaddr_un); }

 private:
  const int folder_;
  sockaddr_un address_{};
};

}  // namespace

Control::Control(Handler handler)
    : handler_(std::move(handler)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ < 0) throw system_error(errno, "make", "an event");
  thread_ = std::thread([this] { serve(); });
}

Control::~Control() {
  stopping_ = true;
  wake();
  thread_.join();
  for (const auto& each : listening_) {
    ::unlink(each.path.c_str());
    ::close(each.socket);
  }
  for (const auto& [id, client] : clients_) ::close(client.socket);
  ::close(wake_);
}

void Control::wake() const {
  const uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) < 0) {
    // It is awake already.
  }
}

void Control::listen(const std::string& project, const std::string& state_folder) {
  const auto path = state_folder + "/" + kSocketName;
  ::unlink(path.c_str());
  const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) throw system_error(errno, "make", path);
  const Address address(state_folder);
  // Nobody may connect before the rights are right: the folder is for the user alone, too.
  if (::fchmod(made, 0600) != 0 || ::bind(made, address.get(), Address::size()) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(made, 64) != 0) {
    const int why = errno;
    ::close(made);
    throw system_error(why, "listen at", path);
  }
  {
    std::lock_guard lock(mutex_);
    listening_.push_back({project, path, made});
  }
  wake();
}

void Control::close(const std::string& project) {
  std::lock_guard lock(mutex_);
  std::erase_if(listening_, [&](const Listening& each) {
    if (each.project != project) return false;
    ::unlink(each.path.c_str());
    ::close(each.socket);
    return true;
  });
  wake();
}

void Control::serve() {
  while (!stopping_) {
    std::vector<pollfd> waiting{{wake_, POLLIN, 0}};
    std::vector<Listening> listening;
    std::vector<uint64_t> ids;
    {
      std::lock_guard lock(mutex_);
      listening = listening_;
      for (const auto& each : listening) waiting.push_back({each.socket, POLLIN, 0});
      for (const auto& [id, client] : clients_) {
        ids.push_back(id);
        waiting.push_back(
            {client.socket, short(client.out.empty() ? POLLIN : POLLIN | POLLOUT), 0});
      }
    }
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    uint64_t count = 0;
    if (::read(wake_, &count, sizeof count) < 0) {
      // Nobody had woken it.
    }
    for (size_t i = 0; i < listening.size(); ++i)
      if (waiting[1 + i].revents != 0) accept_from(listening[i]);
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto happened = waiting[1 + listening.size() + i].revents;
      if (happened == 0) continue;
      std::unique_lock lock(mutex_);
      auto& client = clients_.at(ids[i]);  // only this thread takes them away
      bool stays = (happened & POLLOUT) == 0 || write_to(client);
      if (stays && (happened & (POLLIN | POLLHUP | POLLERR)) != 0) {
        lock.unlock();  // a handler may answer at once
        stays = read_from(ids[i], client);
        lock.lock();
      }
      if (stays) continue;
      ::close(client.socket);
      clients_.erase(ids[i]);
    }
  }
}

void Control::accept_from(const Listening& listening) {
  const int socket = ::accept4(listening.socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) return;
  std::lock_guard lock(mutex_);
  if (clients_.size() >= kClientsMax) {
    ::close(socket);
    return;
  }
  clients_[next_++] = {listening.project, socket, {}, {}};
}

bool Control::read_from(uint64_t id, Client& client) {
  char buffer[4096];
  const auto got = ::recv(client.socket, buffer, sizeof buffer, 0);
  if (got == 0) return false;
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  client.in.append(buffer, size_t(got));
  for (size_t end; (end = client.in.find('\n')) != std::string::npos;) {
    const auto line = client.in.substr(0, end);
    client.in.erase(0, end + 1);
    handler_(client.project, line, [this, id](std::string text) { answer(id, std::move(text)); });
  }
  return client.in.size() <= kRequestBytesMax;
}

bool Control::write_to(Client& client) {
  const auto put = ::send(client.socket, client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (put < 0) return errno == EAGAIN || errno == EINTR;
  client.out.erase(0, size_t(put));
  return true;
}

void Control::answer(uint64_t id, std::string text) {
  {
    std::lock_guard lock(mutex_);
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    found->second.out += text + "\n";
    // Most answers go out at once; what does not fit the thread sends.
    write_to(found->second);
    if (found->second.out.empty()) return;
  }
  wake();
}

std::unique_ptr<Channel> Channel::open(const std::string& state_folder) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw system_error(errno, "make", "a socket");
  const Address address(state_folder);
  if (::connect(socket, address.get(), Address::size()) == 0)
    return std::unique_ptr<Channel>(new Channel(socket));
  const int why = errno;
  ::close(socket);
  if (why == ENOENT || why == ECONNREFUSED || why == ENOTDIR) return nullptr;
  throw system_error(why, "connect to", state_folder + "/" + kSocketName);
}

Channel::~Channel() { ::close(socket_); }

std::string Channel::ask(const std::string& request,
                         std::optional<std::chrono::milliseconds> patience, Cancel& stop) {
  const auto follow = stop.on_request([this] { ::shutdown(socket_, SHUT_RDWR); });
  const auto line = request + "\n";
  for (size_t at = 0; at < line.size();) {
    const auto put = ::send(socket_, line.data() + at, line.size() - at, MSG_NOSIGNAL);
    if (put <= 0) stop.check();
    if (put <= 0) throw Error(Code::unavailable, "the server of this project has just ended");
    at += size_t(put);
  }
  const auto begun = std::chrono::steady_clock::now();
  std::string out;
  while (out.size() < kAnswerBytesMax) {
    int wait = -1;
    if (patience) {
      const auto left = *patience - std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::steady_clock::now() - begun);
      wait = int(std::max<int64_t>(0, left.count()));
    }
    pollfd waiting{socket_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      throw Error(Code::timeout, "the server of this project does not answer",
                  "look whether it is stopped (SIGSTOP) or the machine is busy, and try again");
    }
    char buffer[4096];
    const auto got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) {
      stop.check();
      throw Error(Code::unavailable, "the server of this project has just ended");
    }
    out.append(buffer, size_t(got));
    if (out.back() == '\n') {
      out.pop_back();
      return out;
    }
  }
  throw Error(Code::internal, "the server's answer is too long");
}

}  // namespace windrow::server
