#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

namespace windrow::access {

/// Hashes of passwords: argon2id with 64 MiB, twice over them. Two at a time, and few may wait:
/// more is Error(unavailable), as each takes memory and a tenth of a second. Safe from any thread.
class Passwords {
 public:
  Passwords();
  std::string hash(const std::string& password);
  bool matches(const std::string& hash, const std::string& password);
  /// Takes as long, and matches nothing: for a user that there is not.
  void pretend(const std::string& password);

 private:
  class Turn;
  std::mutex mutex_;
  std::condition_variable free_;
  int working_ = 0, waiting_ = 0;
  std::string none_;  ///< a hash that no password has
};

/// So many random bytes, as letters, digits, `-` and `_`.
std::string random_text(size_t bytes);
/// What is kept of such a text.
std::string fingerprint(const std::string& text);
/// Whether two texts are equal, in a time that does not tell where they differ.
bool same_secret(const std::string& a, const std::string& b);

/// Error(usage) where it is too easily found, or too long.
void need_good_password(const std::string& password, const std::string& user);

}  // namespace windrow::access
