#pragma once

#include <memory>

#include "base/secrets.h"
#include "sources/database/snapshots.h"
#include "sources/rest/throttle.h"

/// What all sources of a process share, so that two that ask the same server know of each other.
namespace windrow::sources {

struct Shared {
  Throttles throttles;
  Snapshots snapshots;
  const Secrets* secrets = nullptr;  ///< of what is kept beside rows: requests, names of files
};

}  // namespace windrow::sources
