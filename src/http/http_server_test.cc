#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <thread>

#include "base/error.h"
#include "http/rates.h"
#include "http/server.h"

namespace windrow::http {
namespace {

using std::chrono::milliseconds;

/// Numbers, one an event, of which the last hundred are kept.
class Numbers final : public EventSource {
 public:
  void add(const std::string& text) {
    std::lock_guard lock(mutex_);
    kept_.push_back("id: " + std::to_string(++last_) + "\ndata: " + text + "\n\n");
    if (kept_.size() > 100) kept_.pop_front();
  }
  More after(uint64_t& position) override {
    std::lock_guard lock(mutex_);
    if (position + kept_.size() < last_) return {nullptr, true};
    std::string out;
    for (; position < last_; ++position) out += kept_[kept_.size() - size_t(last_ - position)];
    return {std::make_shared<const std::string>(out), false};
  }

 private:
  std::mutex mutex_;
  std::deque<std::string> kept_;
  uint64_t last_ = 0;
};

/// A client that sends bytes as they are.
class Raw {
 public:
  explicit Raw(uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    timeval patience{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&place), sizeof place), 0);
  }
  ~Raw() { ::close(socket_); }
  void send(const std::string& text) const {
    ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Up to a text, or the end of the connection.
  std::string until(const std::string& text) const {
    std::string out;
    char buffer[4096];
    while (out.find(text) == std::string::npos) {
      const auto got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      out.append(buffer, size_t(got));
    }
    return out;
  }
  std::string all() const { return until("no answer has this text"); }
  std::string ask(const std::string& text) const {
    send(text);
    return all();
  }

 private:
  int socket_;
};

class HttpServer : public testing::Test {
 protected:
  explicit HttpServer() {
    options_.address = "127.0.0.1:0";
    options_.limits.header_time = milliseconds(700);
    options_.limits.body_time = milliseconds(700);
    options_.limits.body_bytes = 10'000;
  }
  void begin() {
    Server::Ways ways;
    ways.handle = [this](const Request& request) { return handle(request); };
    ways.slow = [](const Request& request) { return request.path == "/slow"; };
    ways.refuse = [](int status) {
      Response out;
      out.status = status;
      out.body = "refused " + std::to_string(status);
      return out;
    };
    ways.trouble = [](const std::string&) {};
    server_ = std::make_unique<Server>(options_, ways);
    server_->start();
  }
  Response handle(const Request& request) {
    Response out;
    if (request.path == "/events") {
      out.events = {numbers_, 0, ": hello\n\n"};
      return out;
    }
    if (request.path == "/slow") {
      ++slow_;
      gone_ = request.gone->wait_for(std::chrono::seconds(20));
      return out;
    }
    if (request.path == "/throws") throw std::runtime_error("a secret");
    if (request.path == "/large") out.body = std::string(1'000'000, 'x');
    if (out.body.empty())
      out.body = request.method + " " + request.path + "?" + request.query + " " + request.body;
    out.headers = {{"X-Echo", std::string(request.header("x-text")) + "\r\nInjected: 1"}};
    return out;
  }

  Options options_;
  std::shared_ptr<Numbers> numbers_ = std::make_shared<Numbers>();
  std::atomic<int> slow_{0};
  std::atomic<bool> gone_{false};
  std::unique_ptr<Server> server_;
};

TEST_F(HttpServer, AnswersOneAfterTheOtherOnAConnectionThatIsKept) {
  begin();
  const Raw client(server_->port());
  const auto got = client.ask(
      "GET /a?x=1 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      "HEAD /c HTTP/1.1\r\nHost: h\r\nX-Text: t\r\nConnection: close\r\n\r\n");
  EXPECT_NE(got.find("\r\n\r\nGET /a?x=1 HTTP/1.1 200 OK"), std::string::npos) << got;
  EXPECT_NE(got.find("\r\n\r\nPOST /b? abc"), std::string::npos) << got;
  EXPECT_NE(got.find("Content-Length: 9\r\nConnection: close\r\n\r\n"), std::string::npos) << got;
  EXPECT_EQ(got.find("\r\nInjected"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
}

TEST_F(HttpServer, LargeAnswersComeWhole) {
  begin();
  const auto got =
      Raw(server_->port()).ask("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(got.size() - got.find("\r\n\r\n") - 4, 1'000'000u);
}

TEST_F(HttpServer, WhatIsTooMuchOrNoHttpIsRefused) {
  begin();
  const auto status = [&](const std::string& text) {
    const auto got = Raw(server_->port()).ask(text);
    return got.substr(0, std::min(got.find('\r'), got.size()));
  };
  EXPECT_EQ(status("GET / HTTP/1.1\r\nX: " + std::string(60'000, 'x') + "\r\n\r\n").substr(9, 3),
            "431");
  const std::string many = [] {
    std::string out = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 5000; ++i) out += "X-" + std::to_string(i) + ": 1\r\n";
    return out + "\r\n";
  }();
  EXPECT_EQ(status(many).substr(9, 3), "431");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nContent-Length: 10001\r\n\r\n").substr(9, 3), "413");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" +
                   std::string(65535, 'x') + "\r\n0\r\n\r\n")
                .substr(9, 3),
            "413");
  for (const char* bad :
       {"nonsense\r\n\r\n", "GET / HTTP/3.1\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET http://other/ HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\nA b: c\r\n\r\n"})
    EXPECT_EQ(status(bad), "HTTP/1.1 400 Bad Request") << bad;
  EXPECT_EQ(status("GET /throws HTTP/1.1\r\nConnection: close\r\n\r\n").substr(9, 3), "500");
}

TEST_F(HttpServer, SlowClientsAreCutOff) {
  begin();
  const auto begun = std::chrono::steady_clock::now();
  const Raw header(server_->port()), body(server_->port()), silent(server_->port());
  header.send("GET / HT");
  body.send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(header.all(), "");
  EXPECT_EQ(body.all(), "");
  EXPECT_EQ(silent.all(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(6000));
}

TEST_F(HttpServer, WhoWaitsToBeToldToGoOnIsTold) {
  begin();
  const Raw client(server_->port());
  client.send(
      "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_NE(client.ask("ab").find("POST /? ab"), std::string::npos);
}

TEST_F(HttpServer, TellsStreamsAndDropsThoseThatDoNotRead) {
  begin();
  const Raw client(server_->port()), lazy(server_->port(), 4096);
  client.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
  lazy.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(client.until("hello").find("200 OK"), std::string::npos);
  numbers_->add("one");
  numbers_->add("two");
  server_->wake();
  EXPECT_NE(client.until("two\n\n").find("id: 1\ndata: one\n\n"), std::string::npos);
  for (int i = 0; i < 300 && server_->counts().dropped_streams == 0; ++i) {
    numbers_->add(std::string(100'000, 'x'));
    server_->wake();
    client.until("\n\n");
  }
  EXPECT_EQ(server_->counts().dropped_streams, 1u);
  EXPECT_EQ(server_->counts().streams, 1u);
}

TEST_F(HttpServer, AClientThatGoesEndsItsWork) {
  begin();
  {
    const Raw client(server_->port());
    client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    while (slow_ == 0) std::this_thread::sleep_for(milliseconds(5));
  }
  for (int i = 0; i < 1000 && !gone_; ++i) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_TRUE(gone_);
}

TEST_F(HttpServer, ManySlowOnesDoNotHoldUpQuickOnesAndTooManyAreRefused) {
  options_.limits.slow_threads = 1;
  options_.limits.waiting = 1;
  begin();
  const Raw first(server_->port()), second(server_->port()), third(server_->port());
  const std::string slow = "GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n";
  first.send(slow);
  while (slow_ == 0) std::this_thread::sleep_for(milliseconds(5));
  second.send(slow);
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_NE(third.ask(slow).find("503"), std::string::npos);
  const auto quick =
      Raw(server_->port()).ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_NE(quick.find("200 OK"), std::string::npos);
}

TEST_F(HttpServer, StopsWithClientsConnected) {
  begin();
  const Raw idle(server_->port()), events(server_->port()), slow(server_->port());
  events.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
  events.until("hello");
  slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  while (slow_ == 0) std::this_thread::sleep_for(milliseconds(5));
  const auto begun = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(2500));
  EXPECT_TRUE(gone_);
  EXPECT_EQ(idle.all(), "");
  EXPECT_EQ(events.all(), "");
}

TEST_F(HttpServer, AnAddressThatCannotBeHadIsSaid) {
  begin();
  const auto taken = "127.0.0.1:" + std::to_string(server_->port());
  options_.address = taken;
  try {
    Server second(options_, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(taken), std::string::npos) << error.what();
  }
  for (const char* wrong : {"8080", "host:http", "127.0.0.1:70000", ":80", "::1:80", "1.2.3.4:"})
    EXPECT_THROW(listen_address(wrong), Error) << wrong;
  EXPECT_TRUE(listen_address("[::1]:80").loopback);
  EXPECT_TRUE(listen_address("localhost:80").loopback);
  EXPECT_FALSE(listen_address("0.0.0.0:80").loopback);
}

TEST(Rates, FillsAgain) {
  Rates rates(2, 3);
  const Rates::Moment begin{};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(rates.take("a", begin));
  EXPECT_FALSE(rates.take("a", begin));
  EXPECT_TRUE(rates.take("b", begin));
  EXPECT_TRUE(rates.take("a", begin + milliseconds(500)));
  EXPECT_FALSE(rates.take("a", begin + milliseconds(501)));
}

}  // namespace
}  // namespace windrow::http
