#include "clients/postgres_options.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "base/url.h"

namespace windrow::clients {

PostgresOptions postgres_options(const std::function<std::string(const char*)>& setting,
                                 const std::string& root) {
  struct Word {
    const char* ours;
    const char* theirs;
    bool file = false;
  };
  static const Word words[] = {{"user", "user"},
                               {"password", "password"},
                               {"ca", "sslrootcert", true},
                               {"certificate", "sslcert", true},
                               {"certificate_key", "sslkey", true},
                               {"application_name", "application_name"}};
  PostgresOptions out;
  out.url = setting("url");
  out.tls = setting("tls");
  for (const auto& word : words) {
    std::string value = setting(word.ours);
    if (value.empty()) continue;
    if (word.file && !value.starts_with('/')) value = root + "/" + value;
    out.settings[word.theirs] = value;
  }
  return out;
}

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// What the URL and the settings say, as libpq reads them; nothing of the URL where it does not
/// read: that is told when it is opened.
std::map<std::string, std::string> told(const PostgresOptions& options) {
  std::map<std::string, std::string> out = options.settings;
  char* problem = nullptr;
  auto* info = PQconninfoParse(options.url.c_str(), &problem);
  if (problem) PQfreemem(problem);
  for (auto* each = info; each && each->keyword; ++each)
    if (each->val) out.emplace(each->keyword, each->val);
  if (info) PQconninfoFree(info);
  return out;
}

/// Addresses go before names, as in libpq; without any it takes those of the environment, then a
/// socket. A service file may name any host.
std::vector<std::string> hosts_of_server(std::map<std::string, std::string>& told) {
  for (const auto& list :
       {told["hostaddr"], told["host"], variable("PGHOSTADDR"), variable("PGHOST")})
    if (!list.empty()) {
      std::vector<std::string> out;
      for (size_t at = 0; at <= list.size();) {
        const size_t end = std::min(list.find(',', at), list.size());
        out.push_back(end == at ? "/" : list.substr(at, end - at));
        at = end + 1;
      }
      return out;
    }
  if (!told["service"].empty() || !variable("PGSERVICE").empty()) return {"the service's host"};
  return {"/"};
}

}  // namespace

Transport postgres_transport(const PostgresOptions& options) {
  auto all = told(options);
  auto out =
      transport_of(options.tls, hosts_of_server(all),
                   !options.settings.count("sslmode") && options.settings.count("sslrootcert"));
  const std::string mode = all["sslmode"];
  if (!options.tls.empty() || mode.empty() || mode == "verify-full") return out;
  if (!all_loopback(out.hosts)) {
    throw Error(Code::configuration,
                "`sslmode=" + mode + "` in the url lets others on the way listen in",
                "leave it out (then the certificate is verified), or write `tls: unverified` or "
                "`tls: off` beside the url");
  }
  out.protection.reset();  // on this machine: as libpq does it
  return out;
}

std::map<std::string, std::string> protected_settings(const PostgresOptions& options) {
  auto out = options.settings;
  const auto transport = postgres_transport(options);
  if (!transport.protection) return out;
  switch (*transport.protection) {
    case Protection::off: out["sslmode"] = "disable"; return out;
    case Protection::unverified: out["sslmode"] = "require"; return out;
    case Protection::verified: break;
  }
  out["sslmode"] = "verify-full";
  if (!told(options)["sslrootcert"].empty() || !variable("PGSSLROOTCERT").empty() ||
      ::access((variable("HOME") + "/.postgresql/root.crt").c_str(), R_OK) == 0)
    return out;
  const std::string authorities = system_authorities();
  if (authorities.empty()) {
    throw Error(
        Code::configuration,
        "this machine knows no authorities that a server's certificate could be verified by",
        "name the file with the certificate of the server's authority: `ca: FILE`");
  }
  out["sslrootcert"] = authorities;
  return out;
}

}  // namespace windrow::clients
