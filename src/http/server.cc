#include "http/server.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>  // before asio, whose awaitable.hpp forgets it
#include <vector>
//
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "http/hub.h"

namespace windrow::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr int kIoThreads = 2;
/// What happens within it goes to streams together.
constexpr milliseconds kGather{20};
constexpr milliseconds kHousekeeping{1000};
constexpr int kBeatEvery = 15, kCertificatesEvery = 5;  // times of these
constexpr size_t kTogether = 64 << 10;  ///< a body up to here is written with its header
constexpr size_t kPart = 128 << 10;     ///< of a longer one, for which there is a time each
constexpr size_t kLingerBytes = 4 << 20;
constexpr milliseconds kLinger{2000};
constexpr int kStreamBuffer = 128 << 10;  ///< of the kernel, for each stream
constexpr milliseconds kStopPatience{3000};

/// When a file was last written; 0 where it is not there.
int64_t written(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return 0;
  return int64_t(about.st_mtim.tv_sec) * 1'000'000'000 + about.st_mtim.tv_nsec;
}

using Tls = asio::ssl::context;

std::shared_ptr<Tls> tls_of(const Options& options) {
  auto out = std::make_shared<Tls>(Tls::tls_server);
  const auto read = [](const char* what, const std::string& path, auto&& use) {
    error_code failure;
    use(failure);
    if (!failure) return;
    throw Error(
        Code::configuration,
        std::string("the ") + what + " in \"" + path + "\" cannot be read: " + failure.message(),
        "it is PEM: the certificate with those between it and its root, and its key");
  };
  ::SSL_CTX_set_min_proto_version(out->native_handle(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(out->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  read("certificate", options.certificate,
       [&](error_code& e) { out->use_certificate_chain_file(options.certificate, e); });
  read("key", options.key,
       [&](error_code& e) { out->use_private_key_file(options.key, Tls::pem, e); });
  if (::SSL_CTX_check_private_key(out->native_handle()) != 1) {
    throw Error(Code::configuration, "the key in \"" + options.key + "\" is not that of \"" +
                                         options.certificate + "\"");
  }
  return out;
}

Request request_of(const beast::http::request<beast::http::string_body>& in) {
  Request out;
  out.method = std::string(in.method_string());
  const std::string target(in.target());
  const auto mark = target.find('?');
  out.path = target.substr(0, mark);
  if (mark != std::string::npos) out.query = target.substr(mark + 1);
  for (const auto& field : in)
    out.headers.emplace_back(lower(std::string(field.name_string())), std::string(field.value()));
  out.body = in.body();
  return out;
}

/// One connection; all that it does is done in its strand, one thing at a time.
template <class Stream>
class Session final : public Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Hub& hub, Stream stream, std::string peer, std::shared_ptr<Tls> tls)
      : hub_(hub),
        tls_(std::move(tls)),
        stream_(std::move(stream)),
        peer_(std::move(peer)),
        buffer_(hub.options.limits.header_bytes + kTogether) {}
  ~Session() override {
    if (gone_) gone_->request();
    hub_.remove(this, peer_);
  }

  void start() {
    post([](auto& self) {
      if constexpr (kSecure) {
        self.lowest().expires_after(self.hub_.options.limits.header_time);
        self.stream_.async_handshake(asio::ssl::stream_base::server,
                                     [held = self.shared_from_this()](error_code failed) {
                                       if (!failed)
                                         held->read_header(held->hub_.options.limits.header_time);
                                     });
      } else {
        self.read_header(self.hub_.options.limits.header_time);
      }
    });
  }
  void wake() override {
    post([](auto& self) { self.pump(); });
  }
  void beat() override {
    post([](auto& self) {
      if (self.state_ == State::streaming && !self.writing_) self.put_events(kBeat());
    });
  }
  void end() override {
    post([](auto& self) {
      if (self.gone_) self.gone_->request();
      if (self.state_ == State::reading || self.state_ == State::streaming) self.close();
    });
  }

 private:
  static constexpr bool kSecure = !std::is_same_v<Stream, beast::tcp_stream>;
  enum class State { reading, handling, writing, streaming, closed };

  static std::shared_ptr<const std::string> kBeat() {
    static const auto beat = std::make_shared<const std::string>(": \n\n");
    return beat;
  }
  template <class F>
  void post(F&& what) {
    asio::post(stream_.get_executor(), [held = this->shared_from_this(),
                                        what = std::forward<F>(what)]() mutable { what(*held); });
  }
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }
  void close() {
    state_ = State::closed;
    lowest().close();
  }

  // --- reading ----------------------------------------------------------------------------------

  void read_header(milliseconds patience) {
    if (hub_.stopping) return close();
    state_ = State::reading;
    parser_.emplace();
    parser_->header_limit(hub_.options.limits.header_bytes);
    parser_->body_limit(hub_.options.limits.body_bytes);
    lowest().expires_after(patience);
    beast::http::async_read_header(
        stream_, buffer_, *parser_,
        [held = this->shared_from_this()](error_code failed, size_t) { held->on_header(failed); });
  }
  void on_header(error_code failed) {
    if (failed) return on_unreadable(failed);
    const auto target = parser_->get().target();
    if (target.empty() || target.front() != '/') return refuse(400);
    if (parser_->is_done()) return dispatch();
    if (!beast::iequals(parser_->get()[beast::http::field::expect], "100-continue"))
      return read_body();
    lowest().expires_after(hub_.options.limits.body_time);
    static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kGoOn),
                      [held = this->shared_from_this()](error_code e, size_t) {
                        if (!e) held->read_body();
                      });
  }
  void read_body() {
    lowest().expires_after(hub_.options.limits.body_time);
    beast::http::async_read(stream_, buffer_, *parser_,
                            [held = this->shared_from_this()](error_code e, size_t) {
                              if (e) return held->on_unreadable(e);
                              held->dispatch();
                            });
  }
  void on_unreadable(error_code failed) {
    using beast::http::error;
    if (failed == error::end_of_stream || failed == error::partial_message) return close();
    if (failed == error::header_limit || failed == error::buffer_overflow) return refuse(431);
    if (failed == error::body_limit) return refuse(413);
    if (failed.category() == make_error_code(error::bad_method).category()) return refuse(400);
    close();
  }
  /// The connection is of no more use afterwards: where the request ends nobody knows.
  void refuse(int status) {
    ++hub_.refused;
    unread_ = true;
    state_ = State::handling;
    answer(hub_.ways.refuse(status));
  }

  // --- handling ---------------------------------------------------------------------------------

  void dispatch() {
    state_ = State::handling;
    auto request = std::make_shared<Request>(request_of(parser_->get()));
    request->peer = peer_;
    request->secure = kSecure;
    request->gone = gone_ = std::make_shared<Cancel>();
    head_only_ = request->method == "HEAD";
    if (!is_loopback(peer_) && !hub_.rates.take(peer_, std::chrono::steady_clock::now())) {
      ++hub_.refused;
      return answer(hub_.ways.refuse(429));
    }
    const bool slow = hub_.ways.slow(*request);
    if (slow) watch();
    const bool taken =
        (slow ? hub_.slow : hub_.quick).push([held = this->shared_from_this(), request] {
          Response made;
          try {
            made = held->hub_.ways.handle(*request);
          } catch (...) {
            made = held->hub_.ways.refuse(500);
          }
          held->post(
              [made = std::move(made)](auto& self) mutable { self.answer(std::move(made)); });
        });
    if (taken) return;
    ++hub_.refused;
    answer(hub_.ways.refuse(503));
  }
  /// Whether the client goes while its answer is being made.
  void watch() {
    watching_ = true;
    lowest().socket().async_wait(
        tcp::socket::wait_read, [held = this->shared_from_this()](error_code failed) {
          if (failed || !held->watching_) return;
          char one = 0;
          const auto got =
              ::recv(held->lowest().socket().native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT);
          if (got <= 0) held->gone_->request();
        });
  }

  // --- answering --------------------------------------------------------------------------------

  void answer(Response response) {
    if (state_ != State::handling) return;
    if (std::exchange(watching_, false)) {
      error_code ignored;
      lowest().socket().cancel(ignored);
    }
    state_ = State::writing;
    response_ = std::move(response);
    const bool streams = response_.events.source != nullptr && !head_only_;
    keep_ = !streams && !unread_ && !hub_.stopping && parser_->keep_alive();
    const bool has_body = response_.status != 204 && response_.status != 304;
    head_ = head_of(response_, keep_ || streams, has_body);
    rest_ = head_only_ || !has_body || streams ? std::string_view() : response_.bytes();
    if (rest_.size() <= kTogether) {
      head_ += rest_;
      rest_ = {};
    }
    put(head_);
  }
  void put(std::string_view part) {
    lowest().expires_after(hub_.options.limits.body_time);
    asio::async_write(stream_, asio::buffer(part.data(), part.size()),
                      [held = this->shared_from_this()](error_code failed, size_t) {
                        if (!failed) held->on_put();
                      });
  }
  void on_put() {
    if (state_ == State::closed) return;
    if (!rest_.empty()) {
      const auto part = rest_.substr(0, kPart);
      rest_.remove_prefix(part.size());
      return put(part);
    }
    if (response_.events.source && !head_only_) return begin_stream();
    response_ = {};
    head_.clear();
    gone_.reset();
    if (keep_) return read_header(hub_.options.limits.idle_time);
    finish();
  }
  /// Says that nothing follows, and waits for the client to say so too: who closes at once may take
  /// back what was on its way.
  void finish() {
    if constexpr (kSecure) {
      lowest().expires_after(kLinger);
      stream_.async_shutdown([held = this->shared_from_this()](error_code) { held->close(); });
    } else {
      error_code ignored;
      lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
      lowest().expires_after(kLinger);
      swallow();
    }
  }
  void swallow() {
    scratch_.resize(4096);
    lowest().async_read_some(asio::buffer(scratch_),
                             [held = this->shared_from_this()](error_code failed, size_t got) {
                               held->swallowed_ += got;
                               if (failed || held->swallowed_ > kLingerBytes) return held->close();
                               held->swallow();
                             });
  }

  // --- streams ----------------------------------------------------------------------------------

  void begin_stream() {
    state_ = State::streaming;
    if (hub_.stopping) return close();
    error_code ignored;
    lowest().socket().set_option(asio::socket_base::send_buffer_size(kStreamBuffer), ignored);
    lowest().expires_never();
    hub_.add(this->shared_from_this(), &Hub::streams);
    listen_for_end();
    auto first = std::make_shared<const std::string>(std::move(response_.events.first));
    if (first->empty()) return pump();
    put_events(std::move(first));
  }
  /// Clients of streams send nothing more; they only go.
  void listen_for_end() {
    scratch_.resize(256);
    stream_.async_read_some(asio::buffer(scratch_),
                            [held = this->shared_from_this()](error_code failed, size_t) {
                              if (held->state_ != State::streaming) return;
                              if (failed) return held->close();
                              held->listen_for_end();
                            });
  }
  void pump() {
    if (state_ != State::streaming || writing_) return;
    auto& events = response_.events;
    auto more = events.source->after(events.position);
    if (more.text && !more.text->empty()) return put_events(std::move(more.text));
    if (more.over) {
      ++hub_.dropped;
      close();
    }
  }
  void put_events(std::shared_ptr<const std::string> text) {
    writing_ = true;
    lowest().expires_after(hub_.options.limits.body_time);
    const auto buffer = asio::buffer(*text);
    asio::async_write(stream_, buffer,
                      [held = this->shared_from_this(), text](error_code failed, size_t) {
                        held->writing_ = false;
                        if (failed == beast::error::timeout) ++held->hub_.dropped;
                        if (held->state_ != State::streaming) return;
                        if (!failed) return held->pump();
                        held->close();
                      });
  }

  Hub& hub_;
  const std::shared_ptr<Tls> tls_;  ///< outlives the stream that it was made for
  Stream stream_;
  const std::string peer_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  State state_ = State::reading;
  bool keep_ = false, head_only_ = false, unread_ = false, watching_ = false, writing_ = false;
  std::shared_ptr<Cancel> gone_;
  Response response_;
  std::string head_, scratch_;
  std::string_view rest_;  ///< of the body
  size_t swallowed_ = 0;
};

}  // namespace

class Server::Impl {
 public:
  Impl(Options options, Ways ways)
      : hub_(std::move(options), std::move(ways)),
        acceptor_(io_),
        gathering_(io_),
        housekeeping_(io_),
        again_(io_) {
    if (!hub_.options.certificate.empty()) tls_ = tls_of(hub_.options);
    certificates_written_ = certificates_written();
    listen();
  }
  ~Impl() { stop(); }

  void start() {
    accept();
    keep_house();
    for (int i = 0; i < kIoThreads; ++i) threads_.emplace_back([this] { io_.run(); });
  }

  uint16_t port() const { return port_; }
  void wake() {
    if (woken_.exchange(true)) return;
    asio::post(io_, [this] {
      gathering_.expires_after(kGather);
      gathering_.async_wait([this](error_code failed) {
        if (failed) return;
        woken_ = false;
        for (const auto& each : hub_.living(&Hub::streams)) each->wake();
      });
    });
  }
  Counts counts() {
    std::lock_guard lock(hub_.mutex);
    return {hub_.all.size(), hub_.streams.size(), hub_.accepted, hub_.refused, hub_.dropped};
  }
  void stop() {
    if (hub_.stopping.exchange(true)) return;
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      housekeeping_.cancel();
      again_.cancel();
    });
    for (const auto& each : hub_.living(&Hub::all)) each->end();
    {
      std::unique_lock lock(hub_.mutex);
      hub_.gone.wait_for(lock, kStopPatience, [this] { return hub_.all.empty(); });
    }
    hub_.quick.stop();
    hub_.slow.stop();
    io_.stop();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void listen() {
    const auto& text = hub_.options.address;
    const auto address = listen_address(text);
    error_code failed;
    const auto host = asio::ip::make_address(address.host, failed);
    if (failed) {
      throw Error(Code::usage, "--listen takes an address, but \"" + address.host + "\" is a name",
                  "write the address of the network card, or 0.0.0.0 for all");
    }
    const tcp::endpoint place(host, address.port);
    acceptor_.open(place.protocol(), failed);
    if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) acceptor_.bind(place, failed);
    if (!failed) acceptor_.listen(1024, failed);
    if (failed) throw system_error(failed.value(), "listen at", text);
    port_ = acceptor_.local_endpoint().port();
  }
  void accept() {
    acceptor_.async_accept(asio::make_strand(io_), [this](error_code failed, tcp::socket socket) {
      if (hub_.stopping) return;
      if (!failed) {
        take(std::move(socket));
        return accept();
      }
      // Too many files are open, most likely: others have to go first.
      again_.expires_after(milliseconds(50));
      again_.async_wait([this](error_code ended) {
        if (!ended) accept();
      });
    });
  }
  void take(tcp::socket socket) {
    error_code failed;
    const auto place = socket.remote_endpoint(failed);
    if (failed) return;
    const auto peer = place.address().to_string();
    if (!hub_.take(peer)) {
      ++hub_.refused;
      return;  // which closes it
    }
    ++hub_.accepted;
    socket.set_option(tcp::no_delay(true), failed);
    std::shared_ptr<Tls> tls;
    {
      std::lock_guard lock(tls_mutex_);
      tls = tls_;
    }
    const auto begin = [&](auto session) {
      hub_.add(session, &Hub::all);
      session->start();
    };
    if (tls) {
      using Secure = asio::ssl::stream<beast::tcp_stream>;
      Secure stream(beast::tcp_stream(std::move(socket)), *tls);
      begin(std::make_shared<Session<Secure>>(hub_, std::move(stream), peer, tls));
    } else {
      begin(std::make_shared<Session<beast::tcp_stream>>(hub_, beast::tcp_stream(std::move(socket)),
                                                         peer, nullptr));
    }
  }
  void keep_house() {
    housekeeping_.expires_after(kHousekeeping);
    housekeeping_.async_wait([this](error_code failed) {
      if (failed || hub_.stopping) return;
      ++seconds_;
      if (seconds_ % kBeatEvery == 0)
        for (const auto& each : hub_.living(&Hub::streams)) each->beat();
      if (tls_ && seconds_ % kCertificatesEvery == 0) read_certificates();
      keep_house();
    });
  }
  int64_t certificates_written() const {
    return written(hub_.options.certificate) ^ (written(hub_.options.key) << 1);
  }
  /// Connections that are there keep what they began with.
  void read_certificates() {
    const auto now = certificates_written();
    if (now == certificates_written_) return;
    try {
      auto fresh = tls_of(hub_.options);
      std::lock_guard lock(tls_mutex_);
      tls_ = std::move(fresh);
      certificates_written_ = now;
      told_ = 0;
    } catch (const Error& error) {
      // Both files are seldom written in one moment: what is wrong is told where it stays.
      if (told_ == now) return;
      if (std::exchange(failed_, now) != now) return;
      told_ = now;
      hub_.ways.trouble(std::string(error.what()) + "; the one of before stays");
    }
  }

  Hub hub_;  // first: what is left in `io_` speaks of it to the end
  asio::io_context io_;
  tcp::acceptor acceptor_;
  asio::steady_timer gathering_, housekeeping_, again_;
  std::atomic<bool> woken_{false};
  std::mutex tls_mutex_;
  std::shared_ptr<Tls> tls_;
  int64_t certificates_written_ = 0, failed_ = 0, told_ = 0;
  int seconds_ = 0;
  uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

Server::Server(Options options, Ways ways)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(ways))) {}
Server::~Server() = default;
void Server::start() { impl_->start(); }
uint16_t Server::port() const { return impl_->port(); }
void Server::wake() { impl_->wake(); }
Counts Server::counts() const { return impl_->counts(); }
void Server::stop() { impl_->stop(); }

}  // namespace windrow::http
