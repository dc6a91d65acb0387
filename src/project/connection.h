#pragma once

#include <string>
#include <string_view>

#include "project/values.h"

namespace windrow::project {

struct Connection {
  std::string name, type;  ///< `type`: a kind's name
  Value settings;          ///< the other keys of the mapping
  Place place;

  /// A setting; empty where it is not said.
  std::string text(std::string_view key) const;
  /// A setting that is a path, which begins at `root` where it is relative; empty where it is not
  /// said.
  std::string file(std::string_view key, const std::string& root) const;
};

}  // namespace windrow::project
