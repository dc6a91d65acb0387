#include "clients/cassandra/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "clients/cassandra/tls.h"
#include "clients/cassandra/wire.h"

namespace windrow::clients::cassandra {

namespace {

using Steady = std::chrono::steady_clock;

constexpr int32_t kProtocolError = 0x000A, kBadCredentials = 0x0100, kUnauthorized = 0x2100;
constexpr size_t kReadBytes = 1 << 16;

Code code_of(int32_t error) {
  switch (error) {
    case kBadCredentials:
    case kUnauthorized: return Code::permission;
    case kProtocolError: return Code::unsupported;
    case 0x2000:                              // syntax
    case 0x2200:                              // invalid
    case 0x2300:                              // configuration
    case 0x2400: return Code::configuration;  // exists already
    case 0x1100:
    case 0x1200: return Code::timeout;
    default: return Code::unavailable;
  }
}

}  // namespace

int32_t error_code(const Envelope& envelope) {
  return envelope.opcode == Opcode::error ? WireReader(envelope.body).number<int32_t>() : -1;
}

void raise_error(const Envelope& envelope, const std::string& about) {
  WireReader in(envelope.body);
  const auto code = in.number<int32_t>();
  const std::string message(in.string());
  throw Error(code_of(code), fmt::format("{}: {} (error 0x{:04x})", about, message, code),
              code == kUnauthorized ? "GRANT the rights to the user of the connection" : "");
}

Connection::Connection(const Address& address, const ConnectionOptions& options)
    : address_(address), options_(options), streams_(kStreams) {
  for (size_t i = kStreams; i-- > 0;) free_.push_back(int16_t(i));
  reader_.use(options.compression);
  try {
    connect();
    if (options.security.tls) shake_hands();
    log_in();
  } catch (...) {
    tls_.reset();
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
}

Connection::~Connection() {
  tls_.reset();
  ::close(descriptor_);
}

void Connection::lost(const std::string& why) const {
  throw Error(Code::unavailable,
              "the connection to cassandra at " + address_.text() + " is lost: " + why);
}

void Connection::wait(short events, Steady::time_point until, const char* doing) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()).count();
    if (left <= 0) {
      throw Error(Code::unavailable, fmt::format("cassandra at {} did not answer in time ({})",
                                                 address_.text(), doing));
    }
    pollfd one{descriptor_, events, 0};
    const int ready = ::poll(&one, 1, int(left));
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) lost(std::strerror(errno));
  }
}

void Connection::connect() {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int failed =
      getaddrinfo(address_.host.c_str(), std::to_string(address_.port).c_str(), &hints, &found);
  if (failed != 0) {
    throw Error(Code::unavailable,
                "cannot find the host \"" + address_.host + "\": " + gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  std::string why = "no address";
  for (const auto* at = found; at != nullptr; at = at->ai_next) {
    descriptor_ =
        ::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
    if (descriptor_ < 0) continue;
    int error = ::connect(descriptor_, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd one{descriptor_, POLLOUT, 0};
      const int ready = ::poll(&one, 1, int(options_.connect_timeout.count()));
      socklen_t size = sizeof error;
      getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
      if (ready <= 0) error = ETIMEDOUT;
    }
    if (error == 0) {
      const int on = 1;
      setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt(descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      return;
    }
    why = std::strerror(error);
    ::close(descriptor_);
    descriptor_ = -1;
  }
  throw Error(Code::unavailable, "cannot connect to cassandra at " + address_.text() + ": " + why);
}

void Connection::shake_hands() {
  tls_ = std::make_unique<Tls>(address_, options_.security, descriptor_);
  const auto until = Steady::now() + options_.connect_timeout;
  while (const short events = tls_->shake()) wait(events, until, "TLS");
}

Envelope Connection::ask(Opcode opcode, const std::string& body) {
  put_envelope(envelopes_, options_.version, 0, opcode, body, options_.compression);
  const auto until = Steady::now() + options_.connect_timeout;
  for (;;) {
    flush();
    std::string bytes(kReadBytes, '\0');
    reader_.add({bytes.data(), read_some(bytes.data(), bytes.size())});
    if (auto answer = reader_.next()) return std::move(*answer);
    wait(short(buffered() > 0 ? POLLIN | POLLOUT : POLLIN), until, "logging in");
  }
}

void Connection::log_in() {
  std::map<std::string, std::string> startup = {{"CQL_VERSION", "3.0.0"},
                                                {"DRIVER_NAME", "windrow"}};
  if (options_.compression == Compression::lz4) startup["COMPRESSION"] = "lz4";
  std::string body;
  put_string_map(body, startup);
  auto answer = ask(Opcode::startup, body);
  const std::string about = "cassandra at " + address_.text();
  if (answer.opcode == Opcode::error) raise_error(answer, about);
  if (options_.version >= 5) {
    segments_ = true;
    reader_.use_segments();
  }
  if (answer.opcode == Opcode::authenticate) {
    const auto& security = options_.security;
    if (security.user.empty()) {
      throw Error(Code::permission, about + " wants a user and a password",
                  "set user: and password: of the connection");
    }
    std::string token;
    put_bytes(token, '\0' + security.user + '\0' + security.password);
    answer = ask(Opcode::auth_response, token);
    if (answer.opcode == Opcode::error) raise_error(answer, about);
    if (answer.opcode != Opcode::auth_success) {
      throw Error(Code::unsupported, about + " asks for more than a user and a password",
                  "PasswordAuthenticator is what this version knows");
    }
  } else if (answer.opcode != Opcode::ready) {
    throw Error(Code::corrupt, about + " gave an answer that does not fit");
  }
}

size_t Connection::write_some(std::string_view bytes) {
  const long went =
      tls_ ? tls_->write(bytes) : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (went >= 0) return size_t(went);
  if (tls_) lost("TLS broke off");
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
  lost(std::strerror(errno));
}

size_t Connection::read_some(char* to, size_t size) {
  const long got = tls_ ? tls_->read(to, size) : ::recv(descriptor_, to, size, 0);
  if (got > 0) return size_t(got);
  if (tls_ ? got == 0 : got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return 0;
  lost(got == 0 || tls_ ? "the node closed it" : std::strerror(errno));
}

void Connection::flush() {
  if (!envelopes_.empty()) {
    if (sent_ == out_.size()) {
      out_.clear();
      sent_ = 0;
    }
    if (segments_) {
      put_segments(out_, envelopes_, options_.compression);
    } else {
      out_ += envelopes_;
    }
    envelopes_.clear();
  }
  while (sent_ < out_.size()) {
    const size_t went = write_some(std::string_view(out_).substr(sent_));
    if (went == 0) return;
    sent_ += went;
  }
}

short Connection::events() const {
  return short(sent_ < out_.size() || !envelopes_.empty() ? POLLIN | POLLOUT : POLLIN);
}

void Connection::send(std::unique_ptr<Request> request) {
  const int16_t stream = free_.back();
  free_.pop_back();
  ++in_flight_;
  ++request->attempts;
  request->deadline = Steady::now() + request->timeout;
  put_envelope(envelopes_, options_.version, stream, request->opcode, request->body,
               options_.compression);
  streams_[size_t(stream)] = std::move(request);
}

void Connection::work(const Answered& answer) {
  flush();
  static thread_local std::string bytes(kReadBytes, '\0');
  while (const size_t got = read_some(bytes.data(), bytes.size())) {
    reader_.add({bytes.data(), got});
    if (got < bytes.size() && !tls_) break;
  }
  while (auto envelope = reader_.next()) {
    if (envelope->stream < 0) continue;  // an event, which nobody asked for
    if (size_t(envelope->stream) >= streams_.size() || !streams_[size_t(envelope->stream)])
      throw Error(Code::corrupt,
                  "cassandra at " + address_.text() + " answered what was not asked");
    auto request = std::move(streams_[size_t(envelope->stream)]);
    free_.push_back(envelope->stream);
    --in_flight_;
    answer(std::move(request), *envelope);
  }
}

std::vector<std::unique_ptr<Request>> Connection::take_unanswered() {
  std::vector<std::unique_ptr<Request>> out;
  for (auto& request : streams_)
    if (request) out.push_back(std::move(request));
  in_flight_ = 0;
  return out;
}

std::optional<Steady::time_point> Connection::deadline() const {
  std::optional<Steady::time_point> out;
  if (in_flight_ == 0) return out;
  for (const auto& request : streams_)
    if (request && (!out || request->deadline < *out)) out = request->deadline;
  return out;
}

}  // namespace windrow::clients::cassandra
