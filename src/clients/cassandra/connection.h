#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clients/cassandra/frame.h"

namespace windrow::clients::cassandra {

struct Address {
  std::string host;
  int port = 9042;
  bool operator==(const Address&) const = default;
  std::string text() const { return host + ":" + std::to_string(port); }
};

struct Security {
  std::string user, password;  ///< SASL PLAIN, where the node asks for it
  bool tls = false;
  bool verify = true;            ///< the node's certificate, and that it is for this host
  std::string ca;                ///< PEM file; empty: the system's authorities
  std::string certificate, key;  ///< PEM files, where the node wants to know who we are
};

struct ConnectionOptions {
  Security security;
  int version = 5;  ///< of the protocol: 4 or 5
  Compression compression = Compression::none;
  std::chrono::milliseconds connect_timeout{5000};
};

struct Request {
  Opcode opcode = Opcode::query;
  std::string body;
  std::optional<int64_t> token;  ///< of the partition that it is about
  bool idempotent = false;
  int attempts = 0;  ///< how often it was sent
  std::chrono::milliseconds timeout{12000};
  std::chrono::steady_clock::time_point deadline, begun, not_before;
  /// Takes the answer; of a plain write empty, then only failures are looked at.
  std::function<void(const Envelope&)> answered;
};

/// One connection to one node that has logged in. Nothing blocks after it is open; who owns it
/// polls `descriptor` for `events` and calls `work`. One thread at a time.
class Connection {
 public:
  /// Error(unavailable) where nobody answers, Error(permission) where the node refuses who we are,
  /// Error(unsupported) where it does not know this version of the protocol.
  Connection(const Address& address, const ConnectionOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Puts it into the buffer. There must be a free stream: `in_flight` below `kStreams`.
  void send(std::unique_ptr<Request> request);
  /// Writes and reads what goes without waiting; answers come by `answer` with their requests.
  /// Throws where the connection is lost.
  using Answered = std::function<void(std::unique_ptr<Request>, const Envelope&)>;
  void work(const Answered& answer);
  void flush();
  /// What was sent and not answered; the connection is of no use afterwards.
  std::vector<std::unique_ptr<Request>> take_unanswered();
  /// The earliest deadline of what is not answered.
  std::optional<std::chrono::steady_clock::time_point> deadline() const;

  int descriptor() const { return descriptor_; }
  short events() const;
  size_t in_flight() const { return in_flight_; }
  size_t buffered() const { return envelopes_.size() + out_.size() - sent_; }
  const Address& address() const { return address_; }

  static constexpr size_t kStreams = 4096;

 private:
  struct Tls;
  void connect();
  void shake_hands();
  void log_in();
  Envelope ask(Opcode opcode, const std::string& body);
  void wait(short events, std::chrono::steady_clock::time_point until, const char* doing);
  /// Bytes that went; 0 where it would wait.
  size_t write_some(std::string_view bytes);
  size_t read_some(char* to, size_t size);
  [[noreturn]] void lost(const std::string& why) const;

  Address address_;
  ConnectionOptions options_;
  int descriptor_ = -1;
  std::unique_ptr<Tls> tls_;
  bool segments_ = false;
  FrameReader reader_;
  std::string envelopes_, out_;  ///< to be packed; to be sent
  size_t sent_ = 0;              ///< of `out_`
  std::vector<std::unique_ptr<Request>> streams_;
  std::vector<int16_t> free_;
  size_t in_flight_ = 0;
};

/// The Error that an ERROR envelope stands for. `about` begins the message.
[[noreturn]] void raise_error(const Envelope& envelope, const std::string& about);
/// Its code; -1 where it is no error.
int32_t error_code(const Envelope& envelope);

}  // namespace windrow::clients::cassandra
