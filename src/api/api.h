#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "access/accounts.h"
#include "api/live.h"
#include "api/page_file.h"
#include "base/clock.h"
#include "base/secrets.h"
#include "http/message.h"
#include "http/rates.h"
#include "http/server.h"
#include "server/server.h"

namespace windrow::history {
class Backfills;
class ScheduleState;
}  // namespace windrow::history
namespace windrow::storage {
class FileSystem;
}  // namespace windrow::storage

/// What others ask of a server over HTTP.
namespace windrow::api {

class Call;
struct Endpoint;

struct Options {
  http::Options http;
  std::string home;                ///< where users are kept
  std::vector<std::string> names;  ///< hosts that it is called by, beside addresses and localhost
  bool without_tls = false;        ///< though others than this machine can reach it
  bool without_login = false;      ///< the same
  /// The file of the page at a path; null: there is no page.
  std::function<std::optional<PageFile>(std::string_view path)> page;
};

/// Whether one has to log in.
enum class Login { open, required, setup };

/// Answers requests, from its beginning to `stop`.
class Api {
 public:
  /// Error(usage) where it would be open to others; `say` is told what somebody at the terminal has
  /// to know: `listening`, `set_up`, and `trouble` with certificates.
  Api(Options options, Live& live, server::Server& server, Secrets& secrets, const Clock& clock,
      const server::Teller& say);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  /// Takes nothing new, and ends what goes on. Once; before the server goes.
  void stop();

  // --- for endpoints ----------------------------------------------------------------------------
  server::Server& server() { return server_; }
  Secrets& secrets() { return secrets_; }
  const Clock& clock() const { return clock_; }
  access::Accounts& accounts() { return *accounts_; }
  Live& live() { return live_; }
  Login login() const;
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  http::Counts counts() const { return http_->counts(); }
  storage::FileSystem& files();
  history::ScheduleState& schedules_of(const server::Server::Project& project);
  history::Backfills& backfills_of(const server::Server::Project& project);
  /// Failed log-ins, by address and by user: false where there were too many.
  bool may_try(const std::string& peer, const std::string& user);
  void tried(const std::string& peer, const std::string& user);
  void succeeded(const std::string& peer, const std::string& user);
  /// The cookie of a session; empty secret: it is to be forgotten.
  std::string cookie(const http::Request& request, const std::string& secret) const;
  std::string session_of(const http::Request& request) const;
  /// Queries that go on, by project and the name that was given to them.
  class Running;
  std::unique_ptr<Running> running(const std::string& name, std::shared_ptr<Cancel> cancel);
  bool cancel_query(const std::string& name);

 private:
  struct Way;
  http::Response handle(const http::Request& request);
  http::Response route(const http::Request& request);
  http::Response answer(const http::Request& request, const Way& way);
  http::Response once(Call& call, const Endpoint& endpoint);
  http::Response page(const http::Request& request);
  void put_tables(MetricsText& text);
  http::Response refuse(int status) const;
  bool slow(const http::Request& request) const;
  Way way_of(const http::Request& request) const;
  /// Error(usage) where it is called by a name that is not its own.
  void look_at_host(const http::Request& request) const;
  access::Identity identity_of(const http::Request& request);
  void finish(const http::Request& request, http::Response& response) const;
  /// A fault of this program: said in the terminal, and to the client without a word of it.
  http::Response fault(const http::Request& request, const std::string& what) const;

  const Options options_;
  Live& live_;
  server::Server& server_;
  Secrets& secrets_;
  const Clock& clock_;
  const std::unique_ptr<access::Accounts> accounts_;
  const bool loopback_;
  std::vector<Endpoint> endpoints_;
  std::string cookie_name_;
  server::Teller say_;

  std::mutex mutex_;  ///< of what follows
  std::unique_ptr<storage::FileSystem> files_;
  std::map<std::string, std::unique_ptr<history::ScheduleState>> schedules_;  ///< by folder
  std::map<std::string, std::unique_ptr<history::Backfills>> backfills_;
  std::multimap<std::string, std::shared_ptr<Cancel>> queries_;
  struct Failures {
    int count = 0;
    SteadyTime since;
  };
  std::map<std::string, Failures> failures_;
  std::optional<SteadyTime> tables_looked_;
  std::string tables_text_;

  std::unique_ptr<http::Server> http_;  ///< last: it ends first
};

/// While it lives, the query can be canceled by its name.
class Api::Running {
 public:
  Running(Api& api, std::multimap<std::string, std::shared_ptr<Cancel>>::iterator at)
      : api_(api), at_(at) {}
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Api& api_;
  std::multimap<std::string, std::shared_ptr<Cancel>>::iterator at_;
};

}  // namespace windrow::api
