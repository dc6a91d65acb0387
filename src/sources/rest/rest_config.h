#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secrets.h"
#include "clients/http.h"
#include "project/forward.h"
#include "project/source.h"
#include "sources/source.h"

/// Private to sources/rest: what the project's files say of a REST source, with defaults filled in.
namespace windrow::sources {

using QueryPairs = std::vector<std::pair<std::string, std::string>>;

struct RestAuth {
  clients::HttpHeaders headers;  ///< a key in a header, bearer, basic
  QueryPairs query;              ///< a key in the query
  struct OAuth2 {
    std::string token_url, client_id, client_secret, scope, audience;
    bool in_body = false;  ///< id and secret in the body, not as basic authentication
  };
  std::optional<OAuth2> oauth2;
};

/// A server, as its connection describes it.
struct RestServer {
  std::string connection;
  std::string url;  ///< without a slash at the end
  clients::HttpHeaders headers;
  RestAuth auth;
  double per_second = 0;  ///< 0: no limit
  int burst = 1;
  int parallel = 4;
  int times = 8;  ///< attempts after the first
  std::chrono::microseconds delay{500'000}, delay_max{60'000'000}, patience{600'000'000};
  int breaker_failures = 20;
  std::chrono::microseconds breaker_pause{30'000'000};
  std::chrono::milliseconds timeout{60'000};
  std::string health, ca_file;
  bool plain = false;  ///< `tls: off`: secrets may go over http:// to other machines
};

struct Paging {
  enum class By { automatic, none, page, offset, cursor, link, header } by = By::automatic;
  std::string param, size_param;
  int64_t first = 1, size = 0;
  std::string from;         ///< path of the cursor or link
  std::string total_pages;  ///< path
  int64_t pages_max = 100'000;
  bool pages_max_given =
      false;  ///< more is left out on purpose; else a list is taken to be endless
};

struct RestResource {
  std::string name, path;
  QueryPairs params;
  QueryPairs secret_params;            ///< joined where it is sent, and in nothing that is kept
  std::optional<std::string> records;  ///< path; nothing: found
  std::vector<std::string> key;        ///< paths in a record
  std::string total;                   ///< path in a response, empty: found
  Paging paging;
  std::string parent;                       ///< the resource that `{parent.field}` names
  std::vector<std::string> parent_fields;   ///< paths in its records
  bool skip_missing = false;                ///< an answer 404 or 410 is passed over
  bool conditional = false;                 ///< with ETag
  std::string cursor, cursor_param, start;  ///< incremental: path in a record, parameter
  std::string overlap;                      ///< a duration, or a number
  int level = 0;                            ///< 0: without a parent
  Place place;
};

struct RestConfig {
  RestServer server;
  std::vector<RestResource> resources;  ///< parents before children
  int passes = 0;                       ///< a list that moved is read so often
  bool incomplete_fails = false;
  std::chrono::microseconds every{0};
  bool keep_responses = false;
  uint64_t flush_rows = 100'000, flush_bytes = 64 << 20;
  uint64_t record_bytes_max = 0;
  std::chrono::microseconds flush_every{60'000'000};
};

/// Throws Error(configuration) with the place of what is wrong.
RestServer rest_server(const project::Project& project, const std::string& connection,
                       const Place& place);
/// `secrets`: which parameters hold one, beside those that are named so.
RestConfig rest_config(const project::Project& project, const project::Source& source,
                       const Secrets* secrets = nullptr);

/// `{movies.id}` → `values["id"]`, percent-encoded where it goes into a path.
std::string filled(const std::string& text, const std::map<std::string, std::string>& values,
                   bool encode);

}  // namespace windrow::sources
