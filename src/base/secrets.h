#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace windrow {

/// The one masker. Values learnt from the environment, `.env` and `${file:…}` are registered once,
/// when they are read; every text that leaves the program (log, error, plan, page, run record) goes
/// through `redact`. Safe from any thread.
class Secrets {
 public:
  /// Values shorter than four bytes are not registered: masking them would destroy every text.
  void learn(std::string_view value);
  /// `text` with every known value replaced by `***`, also in its percent-encoded and JSON-escaped
  /// forms.
  std::string redact(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string>
      values_;  // longest first, so that a value that holds another is masked whole
};

}  // namespace windrow
