#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace windrow {

/// The one masker, of logs, errors, plans and records of runs, never of data. A value is learnt
/// where it is met first, because it is declared or named a secret (secret_text.h), not because it
/// came from outside. Safe from any thread.
class Secrets {
 public:
  /// What is too short or too common to be told from other words stays: a mask would hide nothing.
  void learn(std::string_view value);
  /// `text` with every known value replaced by `***`, also where it is percent-encoded, escaped as
  /// JSON or quoted as SQL.
  std::string redact(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string>
      values_;  // longest first, so that a value that holds another is masked whole
};

}  // namespace windrow
