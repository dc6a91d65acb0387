#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "clients/http.h"

namespace windrow::clients {

/// For tests: a small real HTTP/1.1 server on a free port of loopback. One thread a connection.
class TestHttpServer {
 public:
  struct Request {
    std::string method, target;  ///< target: path and query as sent
    HttpHeaders headers;
    std::string body;
    std::string_view header(std::string_view name) const;
  };
  struct Answer {
    int status = 200;
    std::string body;
    HttpHeaders headers;
    bool hang_up = false;                  ///< close the connection instead of answering
    size_t cut_after = std::string::npos;  ///< bytes of the body after which the connection closes
    std::chrono::milliseconds delay{0};
    bool close = false;  ///< close the connection after the answer, without saying so
  };
  using Handler = std::function<Answer(const Request&)>;

  explicit TestHttpServer(Handler handler);
  ~TestHttpServer();
  std::string url() const;
  std::vector<Request> seen() const;
  size_t connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int fd);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> connections_{0};
  mutable std::mutex mutex_;
  std::vector<Request> seen_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace windrow::clients
