#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <tuple>

namespace windrow {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::usage: return "usage";
    case Code::configuration: return "configuration";
    case Code::data: return "data";
    case Code::not_found: return "not found";
    case Code::conflict: return "conflict";
    case Code::history_lost: return "history lost";
    case Code::unsupported: return "unsupported";
    case Code::corrupt: return "corrupt";
    case Code::permission: return "permission";
    case Code::full: return "no space left";
    case Code::unavailable: return "unavailable";
    case Code::timeout: return "timeout";
    case Code::canceled: return "canceled";
    case Code::internal: return "internal";
  }
  return "internal";
}

Code code_named(std::string_view name) {
  for (int i = 0; i <= int(Code::internal); ++i) {
    if (name_of(Code(i)) == name) return Code(i);
  }
  return Code::internal;
}

bool retryable(Code code) {
  return code == Code::unavailable || code == Code::timeout || code == Code::conflict;
}

std::string Place::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line);
  if (line > 0 && column > 0) out += ":" + std::to_string(column);
  return out;
}

std::string Problem::text() const {
  std::string out = message;
  if (place.known()) out += " (" + place.text() + ")";
  if (!hint.empty()) out += "\n  hint: " + hint;
  return out;
}

namespace {
std::string joined(const std::vector<Problem>& problems) {
  std::string out;
  for (const auto& problem : problems) {
    if (!out.empty()) out += "\n";
    out += problem.text();
  }
  return out;
}
}  // namespace

Error::Error(Code code, std::string message, std::string hint, Place place)
    : Error(Problem{code, std::move(message), std::move(hint), std::move(place)}) {}

Error::Error(Problem problem) : Error(std::vector<Problem>{std::move(problem)}) {}

Error::Error(std::vector<Problem> problems) : problems_(std::move(problems)) {
  WINDROW_INVARIANT(!problems_.empty());
  text_ = joined(problems_);
}

void Problems::add(Code code, std::string message, std::string hint, Place place) {
  all_.push_back({code, std::move(message), std::move(hint), std::move(place)});
}

void Problems::add(const Error& error) {
  all_.insert(all_.end(), error.problems().begin(), error.problems().end());
}

void Problems::raise() const {
  if (all_.empty()) return;
  auto sorted = all_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) <
           std::tie(b.place.file, b.place.line, b.place.column);
  });
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  throw Error(std::move(sorted));
}

void broken_invariant(const char* what, const char* file, int line) {
  std::fprintf(stderr, "windrow: broken invariant: %s (%s:%d); nothing was written by this step\n",
               what, file, line);
  std::abort();
}

Error system_error(int error_number, std::string_view doing, std::string_view path) {
  Code code = Code::unavailable;
  std::string hint;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: code = Code::not_found; break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::permission;
      hint = "give this user the right to write there, or choose another folder";
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      code = Code::full;
      hint = "free some space and run again: nothing half written counts";
      break;
    case EEXIST: code = Code::conflict; break;
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR: code = Code::usage; break;
    default: break;
  }
  return Error(code,
               "cannot " + std::string(doing) + " \"" + std::string(path) +
                   "\": " + std::system_category().message(error_number),
               hint);
}

}  // namespace windrow
