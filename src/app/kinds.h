#pragma once

#include "project/kinds.h"
#include "publish/store_kind.h"
#include "sources/source_kind.h"

namespace windrow::app {

/// Every kind that this program was put together with.
struct Kinds {
  project::Kinds declared;  ///< what project files may say
  publish::Stores stores;
  sources::Kinds sources;
};
const Kinds& kinds();

}  // namespace windrow::app
