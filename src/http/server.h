#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"

/// The one wrapper of Boost.Beast: a server for HTTP/1.1 that owns sockets, TLS, limits,
/// connections that are kept, and streams of events. What is asked it hands to plain functions on
/// threads of its own.
namespace windrow::http {

struct Limits {
  uint32_t header_bytes = 16 << 10;
  uint64_t body_bytes = 1 << 20;
  std::chrono::milliseconds header_time{15'000};  ///< from the connection to a whole header
  std::chrono::milliseconds body_time{30'000};    ///< for a whole body; for each part of an answer
  std::chrono::milliseconds idle_time{75'000};    ///< between two requests
  size_t connections = 4096;
  /// Of one address that is not this machine's.
  size_t connections_each = 256;
  double requests_a_second = 100, requests_at_once = 400;
  /// Requests that may wait for a thread, of each kind.
  size_t waiting = 256;
  int quick_threads = 4, slow_threads = 6;
};

struct Options {
  std::string address;           ///< `127.0.0.1:8080`, `[::]:443`; port 0: a free one
  std::string certificate, key;  ///< files, PEM; empty: no TLS. Read again when they change
  Limits limits;
};

/// What goes on, for metrics.
struct Counts {
  uint64_t connections = 0, streams = 0, accepted = 0, refused = 0, dropped_streams = 0;
};

class Server {
 public:
  /// Called on a thread of the server's; may take its time where `slow` says so. What it throws is
  /// answered by 500 without a word of it.
  using Handler = std::function<Response(const Request&)>;
  /// Asked before, on a thread that everybody shares: it has to be short.
  using IsSlow = std::function<bool(const Request&)>;
  /// Why there is no answer from the handler: 400, 408, 413, 429, 431, 503.
  using Refusal = std::function<Response(int status)>;
  struct Ways {
    Handler handle;
    IsSlow slow;
    Refusal refuse;
    std::function<void(const std::string&)> trouble;  ///< certificates that cannot be read again
  };

  /// Has its address from now on, and answers from `start` on. Error where the address cannot be
  /// had, or a certificate not be read.
  Server(Options options, Ways ways);
  /// Stops.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  uint16_t port() const;
  /// There is something new for streams. Cheap, from any thread; several calls within a few
  /// milliseconds are one.
  void wake();
  Counts counts() const;
  /// Takes nothing new, ends streams and connections that wait, lets answers that are being made go
  /// out for a moment, and ends the rest. Once.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// An address to listen at, taken apart; Error(usage) where it is none.
struct ListenAddress {
  std::string host;
  uint16_t port = 0;
  bool loopback = false;
};
ListenAddress listen_address(const std::string& text);

}  // namespace windrow::http
