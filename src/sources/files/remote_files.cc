#include "sources/files/remote_files.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <fstream>

#include "base/hash.h"

namespace windrow::sources {

namespace {

constexpr int kAttempts = 4;

/// 52 bits, which every reader of a Delta log keeps exactly.
int64_t version_of(const std::string& text) {
  return int64_t(std::stoull(sha256(text).substr(0, 13), nullptr, 16));
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) out.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

FoundFile found(const storage::FileInfo& info, const std::string& name) {
  FoundFile out;
  out.path = info.path;
  out.name = name;
  out.size = info.size;
  out.version = version_of(fmt::format("{}|{}|{}", info.size, micros(info.modified), info.tag));
  return out;
}

bool match(const std::vector<std::string>& pattern, size_t i, const std::vector<std::string>& path,
           size_t j) {
  if (i == pattern.size()) return j == path.size();
  if (pattern[i] == "**") {
    if (i + 1 == pattern.size()) return j < path.size();
    for (size_t at = j; at < path.size(); ++at) {
      if (match(pattern, i + 1, path, at)) return true;
      if (path[at].starts_with('.')) return false;
    }
    return false;
  }
  return j < path.size() && ::fnmatch(pattern[i].c_str(), path[j].c_str(), FNM_PERIOD) == 0 &&
         match(pattern, i + 1, path, j + 1);
}

/// Sends until there is an answer that is not the server's own failure.
clients::HttpResponse sent(clients::HttpClient& http, const clients::HttpRequest& request,
                           Cancel* cancel) {
  for (int attempt = 1;; ++attempt) {
    if (cancel) cancel->check();
    try {
      auto response = http.send(request);
      if ((response.status < 500 && response.status != 429) || attempt == kAttempts)
        return response;
    } catch (const clients::HttpError& error) {
      if (!retryable(error.code()) || attempt == kAttempts) throw;
    }
    const auto wait = std::chrono::milliseconds(200 << attempt);
    if (cancel) cancel->wait_for(wait);
  }
}

[[noreturn]] void refuse(const std::string& url, int status) {
  const Code code = status == 404 || status == 410   ? Code::not_found
                    : status == 401 || status == 403 ? Code::permission
                                                     : Code::unavailable;
  throw Error(code, fmt::format("GET {}: the server answers {}", clients::shown_url(url), status));
}

clients::HttpRequest request_for(const std::string& url, Cancel* cancel) {
  clients::HttpRequest out;
  out.url = url;
  out.follow_redirects = true;
  out.cancel = cancel;
  out.body_max = uint64_t(1) << 40;
  return out;
}

}  // namespace

bool on_http(const std::string& path) {
  return path.starts_with("http://") || path.starts_with("https://");
}

bool in_storage(const std::string& path) {
  return path.find("://") != std::string::npos && !on_http(path);
}

bool matches_parts(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  return match(pattern, 0, path, 0);
}

std::vector<FoundFile> find_in_storage(storage::FileSystem& files, const std::string& pattern) {
  const size_t begin = pattern.find("://") + 3;
  if (const auto plain = wild(pattern.substr(begin)) ? std::nullopt : files.stat(pattern)) {
    if (!plain->folder) return {found(*plain, pattern.substr(pattern.rfind('/') + 1))};
  }
  if (!wild(pattern.substr(begin))) {
    throw Error(Code::not_found, "file \"" + pattern + "\" is not there",
                "a glob such as folder/*.json may match nothing");
  }
  // The fixed part ends before the first part with a wildcard.
  const size_t star = pattern.find_first_of("*?[", begin);
  const std::string folder = pattern.substr(0, pattern.rfind('/', star));
  const auto parts = split(pattern.substr(folder.size()));
  const bool flat = parts.size() == 1 && parts[0] != "**";
  std::vector<FoundFile> out;
  for (auto& info : flat ? files.list(folder, {}, true) : files.list_tree(folder)) {
    if (info.folder) continue;
    const std::string name = info.path.substr(folder.size() + 1);
    if (matches_parts(parts, split(name))) out.push_back(found(info, name));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

FoundFile find_on_http(clients::HttpClient& http, const std::string& url, Cancel* cancel) {
  auto request = request_for(url, cancel);
  request.method = "HEAD";
  const auto response = sent(http, request, cancel);
  if (!response.ok() && response.status != 405 && response.status != 501)
    refuse(url, response.status);
  FoundFile out;
  out.path = url;
  const std::string shown = clients::shown_url(url);
  out.name = shown.substr(shown.rfind('/') + 1);
  const std::string length(response.ok() ? response.header("Content-Length") : "");
  if (!length.empty()) out.size = uint64_t(std::strtoull(length.c_str(), nullptr, 10));
  const std::string tag(response.header("ETag")), time(response.header("Last-Modified"));
  if (response.ok() && (!tag.empty() || !time.empty())) {
    out.version = version_of(tag + "|" + time + "|" + length);
    return out;
  }
  // Hash over hashes of pieces: the file is never held whole.
  std::string state;
  out.size = 0;
  auto whole = request_for(url, cancel);
  whole.on_body = [&](std::string_view piece) {
    for (size_t i = 0; i < piece.size(); ++i) {
      if (out.size++ % (1 << 16) == 0 && state.size() > 64) state = sha256(state);
      state += piece[i];
    }
  };
  const auto answer = http.send(whole);
  if (!answer.ok()) refuse(url, answer.status);
  out.version = version_of(state + std::to_string(out.size));
  return out;
}

void download(clients::HttpClient& http, const std::string& url, const std::string& to,
              Cancel* cancel) {
  for (int attempt = 1;; ++attempt) {
    std::ofstream file(to, std::ios::binary | std::ios::trunc);
    auto request = request_for(url, cancel);
    request.on_body = [&](std::string_view piece) {
      file.write(piece.data(), std::streamsize(piece.size()));
      if (!file) throw system_error(errno, "write", to);
    };
    try {
      const auto response = http.send(request);
      file.close();
      if (file.fail()) throw system_error(errno, "write", to);
      if (response.ok()) return;
      if ((response.status < 500 && response.status != 429) || attempt == kAttempts)
        refuse(url, response.status);
    } catch (const clients::HttpError& error) {
      if (!retryable(error.code()) || attempt == kAttempts) throw;
    }
    if (cancel) cancel->wait_for(std::chrono::milliseconds(200 << attempt));
  }
}

}  // namespace windrow::sources
