#include "storage/homes.h"

#include <cctype>

#include "base/error.h"

namespace windrow::storage {

std::string_view scheme_of(std::string_view path) {
  const size_t end = path.find("://");
  if (end == std::string_view::npos || end == 0) return {};
  const std::string_view scheme = path.substr(0, end);
  for (const unsigned char c : scheme) {
    if (!std::isalnum(c) && c != '+' && c != '-' && c != '.') return {};
  }
  return scheme;
}

Homes::Homes() : local_(local_file_system()) {}

void Homes::add(const std::vector<std::string>& schemes, Factory factory) {
  const auto home = std::make_shared<Home>(Home{std::move(factory), nullptr});
  for (const auto& scheme : schemes) homes_[scheme] = home;
}

std::vector<std::string> Homes::prefixes() const {
  std::vector<std::string> out;
  for (const auto& [scheme, home] : homes_) out.push_back(scheme + "://");
  return out;
}

FileSystem& Homes::at(std::string_view path) {
  const std::string_view scheme = scheme_of(path);
  if (scheme.empty()) return *local_;
  const auto found = homes_.find(scheme);
  if (found == homes_.end()) {
    std::string known;
    for (const auto& [name, home] : homes_) known += name + "://…, ";
    throw Error(Code::unsupported,
                "no home of files is known for \"" + std::string(scheme) + "://\"",
                "there is: " + known + "and paths on local disk, which are written without scheme");
  }
  const std::scoped_lock lock(mutex_);
  auto& home = *found->second;
  if (!home.files) home.files = home.factory();
  return *home.files;
}

std::map<FileSystem*, std::vector<std::string>> Homes::by_home(
    const std::vector<std::string>& paths) {
  std::map<FileSystem*, std::vector<std::string>> out;
  for (const auto& path : paths) out[&at(path)].push_back(path);
  return out;
}

void Homes::remove_all(const std::vector<std::string>& paths) {
  for (const auto& [files, theirs] : by_home(paths)) files->remove_all(theirs);
}

void Homes::sync(const std::vector<std::string>& paths) {
  for (const auto& [files, theirs] : by_home(paths)) files->sync(theirs);
}

}  // namespace windrow::storage
