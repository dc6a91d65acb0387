#include "clients/http_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace windrow::clients {

std::string_view TestHttpServer::Request::header(std::string_view name) const {
  HttpResponse lookup;
  for (const auto& entry : headers) {
    lookup.headers = {entry};
    if (!lookup.header(name).empty()) return entry.second;
  }
  return {};
}

TestHttpServer::TestHttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw system_error(errno, "listen on", "127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

TestHttpServer::~TestHttpServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    const std::scoped_lock lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
}

std::string TestHttpServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<TestHttpServer::Request> TestHttpServer::seen() const {
  const std::scoped_lock lock(mutex_);
  return seen_;
}

void TestHttpServer::accept_all() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    const std::scoped_lock lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

namespace {

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(size_t(n));
  }
  return true;
}

/// False where the connection ends before there is a whole request.
bool receive(int fd, std::string& buffer, TestHttpServer::Request& out) {
  const auto more = [&] {
    char piece[65536];
    const ssize_t n = ::recv(fd, piece, sizeof piece, 0);
    if (n > 0) buffer.append(piece, size_t(n));
    return n > 0;
  };
  size_t end;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return false;
  }
  const std::string head = buffer.substr(0, end + 2);
  buffer.erase(0, end + 4);
  size_t line_end = head.find("\r\n");
  const std::string first = head.substr(0, line_end);
  out.method = first.substr(0, first.find(' '));
  out.target = first.substr(out.method.size() + 1, first.rfind(' ') - out.method.size() - 1);
  for (size_t at = line_end + 2; at < head.size(); at = line_end + 2) {
    line_end = head.find("\r\n", at);
    const std::string line = head.substr(at, line_end - at);
    const size_t colon = line.find(':');
    const size_t value = line.find_first_not_of(' ', colon + 1);
    out.headers.emplace_back(line.substr(0, colon),
                             value == std::string::npos ? "" : line.substr(value));
  }
  const size_t length = size_t(std::atoll(std::string(out.header("content-length")).c_str()));
  while (buffer.size() < length) {
    if (!more()) return false;
  }
  out.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return true;
}

}  // namespace

void TestHttpServer::serve(int fd) {
  std::string buffer;
  while (true) {
    Request request;
    if (!receive(fd, buffer, request)) break;
    {
      const std::scoped_lock lock(mutex_);
      seen_.push_back(request);
    }
    const Answer answer = handler_(request);
    if (answer.delay.count() > 0) std::this_thread::sleep_for(answer.delay);
    if (answer.hang_up) break;
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " Whatever\r\n";
    bool length = false;
    for (const auto& [name, value] : answer.headers) {
      text += name + ": " + value + "\r\n";
      length = length || name == "Content-Length";
    }
    if (!length) text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    text += "\r\n";
    if (request.method != "HEAD") text += answer.body.substr(0, answer.cut_after);
    if (!send_all(fd, text) || answer.close || answer.cut_after < answer.body.size()) break;
  }
  const std::scoped_lock lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  ::close(fd);
}

}  // namespace windrow::clients
