#pragma once

#include <functional>

namespace windrow::operators {

/// Called now and then by who computes long: throws where it is to stop.
using StopCheck = std::function<void()>;

}  // namespace windrow::operators
