#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/secrets.h"

namespace windrow::project {

/// Fills in `${NAME}`, `${NAME:-default}` and `${file:PATH}` (relative to the project). `$${` is a
/// plain
/// `${`. A default is taken where the variable is not set or empty, and is not filled in itself.
/// The process wins over
/// `.env`. Every value from outside is learnt by `secrets`: whatever `.env` holds at once,
/// variables of the process and files when they are used; a default is written in the file and no
/// secret. Threads may share it.
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

 private:
  void fill(std::string_view inside, std::string_view whole, const std::set<std::string>& left,
            Result& result) const;
  void fill_file(std::string_view path, Result& result) const;
  const std::string* find(const std::string& name) const;

  std::string root_;
  const std::map<std::string, std::string>& process_;
  std::map<std::string, std::string> dotenv_;
  Secrets& secrets_;
};

}  // namespace windrow::project
