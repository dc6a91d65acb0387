#include "access/passwords.h"

#include <sodium.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace windrow::access {

namespace {

constexpr unsigned long long kPasses = 2;
constexpr size_t kMemory = 64 << 20;
constexpr int kAtOnce = 2, kWaitingMax = 16;
constexpr size_t kPasswordLeast = 10, kPasswordMost = 512;

}  // namespace

/// One of the few that may hash now.
class Passwords::Turn {
 public:
  explicit Turn(Passwords& passwords) : passwords_(passwords) {
    std::unique_lock lock(passwords_.mutex_);
    if (passwords_.waiting_ >= kWaitingMax) {
      throw Error(Code::unavailable, "too many log in at this moment", "try again in a second");
    }
    ++passwords_.waiting_;
    passwords_.free_.wait(lock, [&] { return passwords_.working_ < kAtOnce; });
    --passwords_.waiting_;
    ++passwords_.working_;
  }
  ~Turn() {
    std::lock_guard lock(passwords_.mutex_);
    --passwords_.working_;
    passwords_.free_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Passwords& passwords_;
};

Passwords::Passwords() {
  if (::sodium_init() < 0) throw Error(Code::internal, "libsodium finds no random numbers");
}

std::string Passwords::hash(const std::string& password) {
  const Turn turn(*this);
  char out[crypto_pwhash_STRBYTES];
  if (::crypto_pwhash_str(out, password.data(), password.size(), kPasses, kMemory) != 0)
    throw Error(Code::unavailable, "there is no memory to hash a password", "try again later");
  return out;
}

bool Passwords::matches(const std::string& hash, const std::string& password) {
  const Turn turn(*this);
  return ::crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

void Passwords::pretend(const std::string& password) {
  std::string none;
  {
    std::lock_guard lock(mutex_);
    none = none_;
  }
  if (none.empty()) {
    none = hash(random_text(32));
    std::lock_guard lock(mutex_);
    none_ = none;
  }
  matches(none, password);
}

std::string random_text(size_t bytes) {
  if (::sodium_init() < 0) throw Error(Code::internal, "libsodium finds no random numbers");
  std::vector<unsigned char> raw(bytes);
  ::randombytes_buf(raw.data(), raw.size());
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string out(sodium_base64_ENCODED_LEN(bytes, kVariant), '\0');
  ::sodium_bin2base64(out.data(), out.size(), raw.data(), raw.size(), kVariant);
  out.pop_back();  // the end of a C string
  return out;
}

std::string fingerprint(const std::string& text) {
  unsigned char hash[crypto_generichash_BYTES];
  ::crypto_generichash(hash, sizeof hash, reinterpret_cast<const unsigned char*>(text.data()),
                       text.size(), nullptr, 0);
  std::string out(2 * sizeof hash + 1, '\0');
  ::sodium_bin2hex(out.data(), out.size(), hash, sizeof hash);
  out.pop_back();
  return out;
}

bool same_secret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && ::sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void need_good_password(const std::string& password, const std::string& user) {
  const auto bad = [](const std::string& why) {
    return Error(Code::usage, "the password " + why,
                 "take at least 10 characters, best a few words that do not belong together");
  };
  if (password.size() < kPasswordLeast) throw bad("is too short");
  if (password.size() > kPasswordMost) throw bad("is longer than 512 bytes");
  if (lower(password).find(lower(user)) != std::string::npos)
    throw bad("has the user's name in it");
  if (std::set<char>(password.begin(), password.end()).size() < 4)
    throw bad("has too few different characters");
}

}  // namespace windrow::access
