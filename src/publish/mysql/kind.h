#pragma once

#include "publish/store_kind.h"

namespace windrow::publish {

std::unique_ptr<Store> mysql_store(const project::Connection& connection,
                                   const Surroundings& surroundings);
StoreKind mysql_kind();

}  // namespace windrow::publish
