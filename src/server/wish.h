#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/interval.h"

namespace windrow::server {

/// What a run that a server begins is to do, as it is written beside its fire: enough to begin it
/// again after a crash, whatever the project's files say then.
struct Wish {
  std::string select, exclude;
  std::map<std::string, std::string> vars;
  std::optional<Interval> interval;
  std::string cause;     ///< clock, after, change, hand, …
  std::string detail;    ///< of the cause, in words
  std::string retry_of;  ///< run id
  int jobs = 0;          ///< 0: as many as cores
  bool fail_fast = false, full_refresh = false;
  std::string ingest;  ///< instead: this stream is read for good
};

/// JSON.
std::string text_of(const Wish& wish);
/// What does not read is left out.
Wish read_wish(const std::string& text);

}  // namespace windrow::server
