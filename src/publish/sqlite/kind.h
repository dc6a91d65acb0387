#pragma once

#include "base/time.h"
#include "publish/store_kind.h"

namespace windrow::publish {

/// The embedded serving database: a SQLite file.
std::unique_ptr<Store> sqlite_store(const std::string& path, const Clock& clock);
StoreKind sqlite_kind();

}  // namespace windrow::publish
