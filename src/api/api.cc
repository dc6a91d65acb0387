#include "api/api.h"

#include <algorithm>

#include "api/endpoint.h"
#include "api/routes.h"
#include "app/homes.h"
#include "base/hash.h"
#include "base/secret_text.h"
#include "base/text.h"
#include "base/url.h"
#include "history/backfills.h"
#include "history/schedule_state.h"

namespace windrow::api {

namespace {

constexpr auto kFailuresLast = std::chrono::minutes(5);
constexpr int kFailuresMost = 10;        ///< from one address
constexpr int kFailuresOfUserMost = 50;  ///< more: nobody shuts another out from afar
constexpr size_t kFailuresKept = 10'000;

std::vector<Endpoint> all_endpoints() {
  std::vector<Endpoint> out;
  add_service_endpoints(out);
  add_session_endpoints(out);
  add_project_endpoints(out);
  add_run_endpoints(out);
  add_schedule_endpoints(out);
  add_backfill_endpoints(out);
  add_table_endpoints(out);
  add_query_endpoints(out);
  add_quality_endpoints(out);
  add_account_endpoints(out);
  return out;
}

/// Error(usage) where the server would be open to others, and nobody said so.
void need_closed(const Options& options, bool loopback) {
  if (loopback) return;
  if (options.http.certificate.empty() && !options.without_tls) {
    throw Error(
        Code::usage,
        "others can reach " + options.http.address +
            ", and what they send, passwords too, would go over the network in the open",
        "say --tls-cert and --tls-key; or --without-tls where something before it does that, "
        "or nobody else is on that network");
  }
}

}  // namespace

Api::Running::~Running() {
  std::lock_guard lock(api_.mutex_);
  api_.queries_.erase(at_);
}

Api::Api(Options options, Live& live, server::Server& server, Secrets& secrets, const Clock& clock,
         const server::Teller& say)
    : options_(std::move(options)),
      live_(live),
      server_(server),
      secrets_(secrets),
      clock_(clock),
      accounts_(std::make_unique<access::Accounts>(options_.home, clock)),
      loopback_(http::listen_address(options_.http.address).loopback),
      endpoints_(all_endpoints()) {
  say_ = say;
  need_closed(options_, loopback_);
  http::Server::Ways ways;
  ways.handle = [this](const http::Request& request) { return handle(request); };
  ways.slow = [this](const http::Request& request) { return slow(request); };
  ways.refuse = [this](int status) { return refuse(status); };
  const auto tell = [this, say](const char* event, const std::string& text) {
    server::Told line;
    line.event = event;
    line.at = clock_.now();
    line.text = text;
    say(line);
  };
  ways.trouble = [tell](const std::string& text) { tell("trouble", text); };
  http_ = std::make_unique<http::Server>(options_.http, ways);
  const bool secure = !options_.http.certificate.empty();
  const auto port = std::to_string(http_->port());
  // Cookies of one host go to all its ports: each server has its own.
  cookie_name_ = (secure ? "__Host-windrow-" : "windrow-") + port;
  live_.events.on_news([this] { http_->wake(); });
  http_->start();
  auto host = options_.http.address.substr(0, options_.http.address.rfind(':'));
  if (!options_.names.empty()) host = options_.names.front();
  const auto address = (secure ? "https://" : "http://") + host + ":" + port;
  const auto mode = login();
  tell("listening",
       "listening at " + address +
           (mode != Login::open ? ""
            : loopback_ ? ": no log-in, as only this machine can reach it and there are no users"
                        : ": no log-in, as --without-login says: whoever reaches it may do all"));
  if (mode == Login::setup) {
    tell("set_up", "there is no user yet, and nobody may do anything. Within an hour, open " +
                       address + "/setup#" + accounts_->new_setup());
  }
}

Api::~Api() { stop(); }

void Api::stop() {
  if (!http_) return;
  live_.events.on_news({});
  http_->stop();
  // Kept until nobody can ask for counts any more.
}

Login Api::login() const {
  if (accounts_->any_users()) return Login::required;
  return loopback_ || options_.without_login ? Login::open : Login::setup;
}

storage::FileSystem& Api::files() {
  std::lock_guard lock(mutex_);
  if (!files_) files_ = app::all_homes(storage::process_environment(), secrets_);
  return *files_;
}

history::ScheduleState& Api::schedules_of(const server::Server::Project& project) {
  std::lock_guard lock(mutex_);
  auto& out = schedules_[project.root];
  if (!out)
    out = std::make_unique<history::ScheduleState>(project.root + "/.windrow/history.db",
                                                   project.environment);
  return *out;
}

history::Backfills& Api::backfills_of(const server::Server::Project& project) {
  std::lock_guard lock(mutex_);
  auto& out = backfills_[project.root];
  if (!out)
    out = std::make_unique<history::Backfills>(project.root + "/.windrow/history.db",
                                               project.environment);
  return *out;
}

bool Api::may_try(const std::string& peer, const std::string& user) {
  std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  std::erase_if(failures_,
                [&](const auto& each) { return now - each.second.since > kFailuresLast; });
  const auto few = [&](const std::string& key, int most) {
    const auto found = failures_.find(key);
    return found == failures_.end() || found->second.count < most;
  };
  return failures_.size() < kFailuresKept && few("from " + peer, kFailuresMost) &&
         few("user " + user, kFailuresOfUserMost);
}

void Api::tried(const std::string& peer, const std::string& user) {
  std::lock_guard lock(mutex_);
  for (const auto& key : {"from " + peer, "user " + user}) {
    auto& failures = failures_[key];
    if (failures.count++ == 0) failures.since = clock_.steady();
  }
}

void Api::succeeded(const std::string& peer, const std::string& user) {
  std::lock_guard lock(mutex_);
  failures_.erase("from " + peer);
  failures_.erase("user " + user);
}

std::unique_ptr<Api::Running> Api::running(const std::string& name,
                                           std::shared_ptr<Cancel> cancel) {
  std::lock_guard lock(mutex_);
  return std::make_unique<Running>(*this, queries_.emplace(name, std::move(cancel)));
}

bool Api::cancel_query(const std::string& name) {
  std::vector<std::shared_ptr<Cancel>> found;
  {
    std::lock_guard lock(mutex_);
    const auto [begin, end] = queries_.equal_range(name);
    for (auto at = begin; at != end; ++at) found.push_back(at->second);
  }
  for (const auto& each : found) each->request();
  return !found.empty();
}

std::string Api::cookie(const http::Request& request, const std::string& secret) const {
  // Sent back to this site alone, never read by its scripts.
  return cookie_name_ + "=" + secret + "; Path=/; HttpOnly; SameSite=Lax" +
         (request.secure ? "; Secure" : "") + (secret.empty() ? "; Max-Age=0" : "; Max-Age=604800");
}

std::string Api::session_of(const http::Request& request) const {
  std::string_view all = request.header("cookie");
  while (!all.empty()) {
    const auto end = std::min(all.find(';'), all.size());
    auto one = all.substr(0, end);
    all.remove_prefix(std::min(end + 1, all.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with(cookie_name_ + "="))
      return std::string(one.substr(cookie_name_.size() + 1));
  }
  return {};
}

access::Identity Api::identity_of(const http::Request& request) {
  const auto authorization = request.header("authorization");
  if (!authorization.empty()) {
    if (same_letters(authorization.substr(0, 7), "Bearer ")) {
      if (const auto who = accounts_->with_token(std::string(authorization.substr(7)))) return *who;
    }
    throw Error(Code::permission, "the token is none, has been revoked, or is too old",
                "`windrow token create` makes one");
  }
  if (const auto session = session_of(request); !session.empty()) {
    if (const auto who = accounts_->with_session(session)) return *who;
  }
  if (login() == Login::open) return {"", access::Role::admin};
  return {};
}

void Api::look_at_host(const http::Request& request) const {
  const auto host = host_of(request.header("host"));
  // A name may be made to point here by anybody (DNS rebinding); an address may not.
  if (is_address(host) || lower(host) == "localhost") return;
  for (const auto& name : options_.names)
    if (same_letters(name, host)) return;
  throw Error(Code::usage, "this server is not called \"" + host + "\"",
              "say `windrow serve --host " + (is_name(host) ? host : std::string("NAME")) +
                  "` where it is, or ask by its address");
}

bool Api::slow(const http::Request& request) const {
  if (request.path == "/metrics") return true;
  const auto way = way_of(request);
  return way.endpoint && way.endpoint->slow;
}

}  // namespace windrow::api
