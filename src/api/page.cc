#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "access/passwords.h"
#include "api/page_file.h"
#include "api/routes.h"
#include "base/version.h"

// What there is beside the API: the page, metrics, a sign of life.
namespace windrow::api {

namespace {

constexpr std::string_view kNoPage =
    "<!doctype html><meta charset=utf-8><title>Windrow</title><h1>Windrow</h1><p>This program was "
    "built without its page. The API is at <a href=/api/v1/openapi.json>/api/v1</a>.";

std::string replaced(std::string_view text, std::string_view what, const std::string& with) {
  std::string out;
  for (size_t at; (at = text.find(what)) != std::string_view::npos;) {
    out += text.substr(0, at);
    out += with;
    text.remove_prefix(at + what.size());
  }
  return out + std::string(text);
}

http::Response plain_text(int status, std::string text) {
  http::Response out;
  out.status = status;
  out.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  out.body = std::move(text);
  return out;
}

bool takes(std::string_view accept, std::string_view encoding) {
  const auto at = accept.find(encoding);
  if (at == std::string_view::npos) return false;
  const auto rest = accept.substr(at + encoding.size());
  return !rest.starts_with(";q=0") || rest.starts_with(";q=0.");
}

http::Response file_answer(const http::Request& request, const PageFile& file) {
  http::Response out;
  out.headers = {{"Content-Type", std::string(file.type)}};
  const std::string policy =
      "; img-src 'self' data:; connect-src 'self'; font-src 'self'; object-src 'none'; base-uri "
      "'none'; form-action 'self'; frame-ancestors 'none'";
  if (file.templated) {
    const auto nonce = access::random_text(16);
    out.body = replaced(file.plain, "__NONCE__", nonce);
    out.headers.emplace_back("Cache-Control", "no-store");
    out.headers.emplace_back(
        "Content-Security-Policy",
        "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'" + policy);
    return out;
  }
  out.headers.emplace_back("Content-Security-Policy",
                           "default-src 'self'; script-src 'self'; style-src 'self'" + policy);
  out.headers.emplace_back("Cache-Control",
                           file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  out.headers.emplace_back("ETag", std::string(file.etag));
  out.headers.emplace_back("Vary", "Accept-Encoding");
  if (!file.etag.empty() &&
      request.header("if-none-match").find(file.etag) != std::string_view::npos) {
    out.status = 304;
    return out;
  }
  const auto accept = request.header("accept-encoding");
  const bool brotli = !file.brotli.empty() && takes(accept, "br");
  const bool gzip = !brotli && !file.gzip.empty() && takes(accept, "gzip");
  if (brotli || gzip) out.headers.emplace_back("Content-Encoding", brotli ? "br" : "gzip");
  out.kept = brotli ? file.brotli : gzip ? file.gzip : file.plain;
  return out;
}

void put_process(MetricsText& text, const http::Counts& counts) {
  text.family("windrow_info", "gauge", "The version that runs.");
  text.sample({{"version", std::string(kVersion)}}, 1);
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return double(time.tv_sec) + double(time.tv_usec) / 1e6;
  };
  text.family("process_cpu_seconds_total", "counter", "Processor time of the whole process.");
  text.sample({}, seconds(used.ru_utime) + seconds(used.ru_stime));
  std::ifstream about("/proc/self/statm");
  double pages = 0, resident = 0;
  about >> pages >> resident;
  text.family("process_resident_memory_bytes", "gauge", "Memory of the process.");
  text.sample({}, resident * double(::sysconf(_SC_PAGESIZE)));
  std::error_code failed;
  std::filesystem::directory_iterator files("/proc/self/fd", failed), end;
  text.family("process_open_fds", "gauge", "Open files and sockets.");
  text.sample({}, failed ? 0 : double(std::distance(files, end)));
  const auto gauge = [&](const char* name, const char* help, uint64_t value) {
    text.family(name, "gauge", help);
    text.sample({}, double(value));
  };
  gauge("windrow_http_connections", "Connections that are open.", counts.connections);
  gauge("windrow_event_streams", "Clients that listen for events.", counts.streams);
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    text.family(name, "counter", help);
    text.sample({}, double(value));
  };
  counter("windrow_http_refused_total",
          "Connections and requests that were refused before they were looked at.", counts.refused);
  counter("windrow_event_streams_dropped_total", "Clients that listened and did not keep up.",
          counts.dropped_streams);
}

}  // namespace

http::Response Api::page(const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    auto out =
        problem_answer(405, {Code::usage, "the path does not take " + request.method, "", {}});
    out.headers.emplace_back("Allow", "GET");
    return out;
  }
  if (request.path == "/healthz")
    return server_.deciding() ? plain_text(200, "ok\n") : plain_text(503, "stopping\n");
  if (request.path == "/metrics") {
    access::Identity who;
    try {
      who = identity_of(request);
    } catch (const Error&) {
      // It is nobody.
    }
    if (who.role < access::Role::viewer)
      return problem_answer(401, {Code::permission,
                                  "one has to log in for that",
                                  "give Prometheus a token: `authorization: {credentials: …}`",
                                  {}});
    MetricsText text;
    put_process(text, http_->counts());
    live_.metrics.put(text);
    put_tables(text);
    http::Response out;
    out.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
    out.body = text.text();
    return out;
  }
  const auto path = decoded(request.path, false);
  if (path && options_.page) {
    if (const auto file = options_.page(*path)) return file_answer(request, *file);
  } else if (path == "/") {
    http::Response out;
    out.headers = {{"Content-Type", "text/html; charset=utf-8"}};
    out.body = kNoPage;
    return out;
  }
  return problem_answer(404, {Code::not_found, "there is nothing at this address", "", {}});
}

}  // namespace windrow::api
