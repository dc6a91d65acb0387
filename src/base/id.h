#pragma once

#include <string>

#include "base/time.h"

namespace windrow {

/// A random UUID (version 4), lower case with hyphens. From the kernel's random source.
std::string new_uuid();
/// A time-ordered UUID (version 7): later ones sort after earlier ones.
std::string new_ordered_uuid(Time now);

}  // namespace windrow
