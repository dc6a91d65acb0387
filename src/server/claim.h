#pragma once

#include <sys/types.h>
#include <memory>
#include <string>

namespace windrow::server {

/// That this process, and no other, decides for a project (a lock on `serve.lock` in the project's
/// state folder), or for one thing of it, which has a lock of its own. The kernel gives it back
/// with the process, however that ends.
class Claim {
 public:
  static constexpr const char* kServe = "serve.lock";
  /// Nothing where another process has it. Error where the file cannot be made or locked.
  static std::unique_ptr<Claim> take(const std::string& state_folder,
                                     const std::string& name = kServe);
  /// Whose it is, as that process wrote it; 0 where nobody has it or nobody can tell.
  static pid_t holder(const std::string& state_folder, const std::string& name = kServe);

  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  explicit Claim(int file) : file_(file) {}
  const int file_;
};

}  // namespace windrow::server
