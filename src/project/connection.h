#pragma once

#include <string>
#include <string_view>

#include "project/values.h"

namespace windrow::project {

/// When a connection that does not answer is given a rest.
struct Breaker {
  int failures = 5;  ///< in a row; 0: never
  Duration wait = std::chrono::seconds(30);
};

struct Connection {
  std::string name, type;  ///< `type`: a kind's name
  Value settings;          ///< the other keys of the mapping
  int tasks = 0;           ///< at a time; 0: any number
  Breaker breaker;
  Place place;

  /// A setting; empty where it is not said.
  std::string text(std::string_view key) const;
  /// A setting that is a path, which begins at `root` where it is relative; empty where it is not
  /// said.
  std::string file(std::string_view key, const std::string& root) const;
};

}  // namespace windrow::project
