#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "project/values.h"

/// Settings of a kind of source, read out of what its file says. Types were held when the file was
/// read; what is wrong here is an Error(configuration) with its place.
namespace windrow::sources {

class Settings {
 public:
  explicit Settings(const project::Value& value) : value_(value) {}

  const project::Value* find(std::string_view key) const {
    const auto* found = value_.find(key);
    return found && !found->is_null() ? found : nullptr;
  }
  std::string text(std::string_view key, std::string otherwise = {}) const {
    const auto* found = find(key);
    return found ? found->text() : otherwise;
  }
  int64_t number(std::string_view key, int64_t otherwise, int64_t least = 0) const;
  double real(std::string_view key, double otherwise) const;
  bool flag(std::string_view key, bool otherwise = false) const;
  std::chrono::microseconds duration(std::string_view key,
                                     std::chrono::microseconds otherwise) const;
  /// One text or a list of them.
  std::vector<std::string> texts(std::string_view key) const;
  /// A mapping of texts.
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view key) const;
  /// Error(configuration) for keys that are not among these.
  void only(const std::vector<std::string>& keys) const;
  [[noreturn]] void wrong(std::string_view key, const std::string& expected) const;
  const project::Value& value() const { return value_; }

 private:
  const project::Value& value_;
};

}  // namespace windrow::sources
