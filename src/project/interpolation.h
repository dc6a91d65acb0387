#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/secrets.h"

namespace windrow::project {

/// Fills in `${NAME}`, `${NAME:-default}` and `${file:PATH}` (relative to the project); with
/// `secret:` before the name, what is filled in is declared a secret. `$${` is a plain `${`. A
/// default is taken where the variable is not set or empty, and is not filled in itself. The
/// process wins over `.env`. `secrets` learns what is declared or named a secret: whatever `.env`
/// holds under such a name at once, variables of the process and files when they are used.
///
/// A value that becomes a part of a URL written around it is percent-encoded, or refused where that
/// cannot be: it is one user, password, host or name, whatever characters it has. A default is
/// written by whoever wrote the URL, and stays as it is. Threads may share it.
class Interpolation {
 public:
  Interpolation(std::string root, const std::map<std::string, std::string>& process,
                std::map<std::string, std::string> dotenv, Secrets& secrets);

  struct Result {
    std::string text;
    bool changed = false;       ///< something was filled in
    std::string undefined;      ///< name of the first variable that has no value
    std::string problem, hint;  ///< empty: none
  };
  /// `left` are names that the run fills in later (`run_id` in tasks); they stay as written.
  Result resolve(std::string_view written, const std::set<std::string>& left) const;
  Secrets& secrets() const { return secrets_; }

 private:
  /// One `${…}`.
  struct Reference;
  void fill(const Reference& reference, const std::set<std::string>& left, Result& result) const;
  void fill_file(const Reference& reference, Result& result) const;
  void put(const Reference& reference, const std::string& value, Result& result) const;
  const std::string* find(const std::string& name) const;

  std::string root_;
  const std::map<std::string, std::string>& process_;
  std::map<std::string, std::string> dotenv_;
  Secrets& secrets_;
};

}  // namespace windrow::project
