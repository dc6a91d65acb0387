#include "clients/http.h"

#include <curl/curl.h>
#include <strings.h>

#include <mutex>

#include "base/url.h"

namespace windrow::clients {

std::string_view HttpResponse::header(std::string_view name) const {
  for (auto at = headers.rbegin(); at != headers.rend(); ++at) {
    if (at->first.size() == name.size() &&
        strncasecmp(at->first.data(), name.data(), name.size()) == 0) {
      return at->second;
    }
  }
  return {};
}

std::string shown_url(std::string_view text) {
  const auto url = split_url(text);
  if (!url) return std::string(text.substr(0, text.find_first_of("?#")));
  const std::string scheme = std::string(url->scheme) + "://";
  if (!url_problem(text).empty()) return scheme + "…";  // what is a password in it, nobody knows
  return scheme + std::string(url->hosts) + std::string(url->path);
}

namespace {

/// What the callbacks of one exchange work on.
struct Exchange {
  const HttpRequest& request;
  HttpResponse response;
  uint64_t received = 0;
  bool too_long = false;
  std::exception_ptr failure;  // thrown by `on_body`; must not cross libcurl's frames
};

size_t take_header(char* data, size_t size, size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // of the last answer where there were redirects
    exchange.response.headers.clear();
    exchange.response.body.clear();
    const size_t blank = line.find(' ');
    exchange.response.status =
        blank == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(blank)).c_str());
  } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
      value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    exchange.response.headers.emplace_back(line.substr(0, colon), value);
  }
  return size * count;
}

size_t take_body(char* data, size_t size, size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const std::string_view piece(data, size * count);
  exchange.received += piece.size();
  if (exchange.received > exchange.request.body_max) {
    exchange.too_long = true;
    return 0;
  }
  try {
    if (exchange.request.on_body && exchange.response.ok()) {
      exchange.request.on_body(piece);
    } else {
      exchange.response.body.append(piece);
    }
  } catch (...) {
    exchange.failure = std::current_exception();
    return 0;
  }
  return piece.size();
}

int look_at_cancel(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const Cancel*>(context)->requested() ? 1 : 0;
}

/// A libcurl handle with the connections that it keeps.
struct Handle {
  Handle() : curl(curl_easy_init()) {
    if (curl == nullptr) throw Error(Code::internal, "libcurl does not start");
  }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  CURL* curl;
};

class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

void fill(HeaderList& list, const HttpRequest& request) {
  bool type = false;
  for (const auto& [name, value] : request.headers) {
    // A header that would begin another one never leaves.
    if ((name + value).find_first_of("\r\n") != std::string::npos) {
      throw Error(Code::usage, "header \"" + name + "\" holds a line break");
    }
    type = type || strcasecmp(name.c_str(), "content-type") == 0;
    list.add(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!type) list.add("Content-Type:");  // libcurl would call every body a form
  list.add("Expect:");
}

void set_method(CURL* curl, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_limits(CURL* curl, const HttpRequest& request) {
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, long(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, long(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, long(request.stall_bytes));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, long(request.stall_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
}

void set_transport(CURL* curl, const HttpRequest& request) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  if (request.once) curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  if (request.follow_redirects) {
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(curl, CURLOPT_POSTREDIR, long(CURL_REDIR_POST_ALL));
  }
  if (request.decoded) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
  if (request.cancel != nullptr) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &look_at_cancel);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request.cancel);
  }
  if (request.negotiate) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, long(CURLAUTH_NEGOTIATE));
    curl_easy_setopt(curl, CURLOPT_USERPWD, ":");
  }
}

Problem problem_of(CURLcode code, const HttpRequest& request) {
  const std::string about = request.method + " " + shown_url(request.url) + ": ";
  Problem out{Code::unavailable, about, {}, {}};
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      out.code = Code::timeout;
      out.message += "no answer in time";
      break;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      out.message += "the name of the host is not known";
      out.hint = "check the endpoint and the name service";
      break;
    case CURLE_COULDNT_CONNECT:
      out.message += "no connection";
      out.hint = "check that the server runs and the endpoint's port is right";
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
      out.code = Code::configuration;
      out.message += "the server's certificate is not trusted";
      out.hint = "give the file with the certificate of its authority";
      break;
    case CURLE_SSL_CACERT_BADFILE:
      out.code = Code::configuration;
      out.message += "the file of certificates \"" + request.ca_file + "\" cannot be read";
      break;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      out.code = Code::usage;
      out.message += "this is no http or https URL";
      break;
    case CURLE_SSL_CONNECT_ERROR:
      out.message += "no secure connection";
      out.hint = "the server may speak http here and not https";
      break;
    case CURLE_OUT_OF_MEMORY: throw std::bad_alloc();
    default: {
      std::string words = curl_easy_strerror(code);
      if (!words.empty()) words[0] = char(std::tolower(static_cast<unsigned char>(words[0])));
      out.message += words;
    }
  }
  return out;
}

class CurlClient final : public HttpClient {
 public:
  CurlClient() {
    static std::once_flag once;  // libcurl's own state; it asks for this
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  HttpResponse send(const HttpRequest& request) override {
    auto handle = take();
    CURL* curl = handle->curl;
    Exchange exchange{request, {}, 0, false, {}};
    HeaderList headers;
    fill(headers, request);
    set_transport(curl, request);
    set_limits(curl, request);
    set_method(curl, request);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
    const CURLcode code = curl_easy_perform(curl);
    long sent = 0;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_reset(curl);  // forgets what points at this frame; connections stay
    give_back(std::move(handle));
    if (exchange.failure) std::rethrow_exception(exchange.failure);
    if (code == CURLE_ABORTED_BY_CALLBACK && request.cancel != nullptr) request.cancel->check();
    if (exchange.too_long) {
      throw Error(Code::corrupt, request.method + " " + shown_url(request.url) +
                                     ": the answer is longer than " +
                                     std::to_string(request.body_max) + " bytes");
    }
    if (code != CURLE_OK) throw HttpError(problem_of(code, request), sent > 0);
    return std::move(exchange.response);
  }

 private:
  static constexpr size_t kIdleMax = 64;

  std::unique_ptr<Handle> take() {
    {
      const std::scoped_lock lock(mutex_);
      if (!idle_.empty()) {
        auto out = std::move(idle_.back());  // the last used: its connection is the warmest
        idle_.pop_back();
        return out;
      }
    }
    return std::make_unique<Handle>();
  }

  void give_back(std::unique_ptr<Handle> handle) {
    const std::scoped_lock lock(mutex_);
    if (idle_.size() < kIdleMax) idle_.push_back(std::move(handle));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace

std::unique_ptr<HttpClient> http_client() { return std::make_unique<CurlClient>(); }

}  // namespace windrow::clients
