#pragma once

#include "publish/store_kind.h"

namespace windrow::publish {

StoreKind duckdb_kind();

}  // namespace windrow::publish
