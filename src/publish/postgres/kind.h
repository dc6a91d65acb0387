#pragma once

#include <string>
#include <vector>

#include "publish/store_kind.h"

namespace windrow::publish {

/// `merge` of a view: the batch up to its boundary, the speed layer's rows after it.
struct MergeView {
  std::string view;                   ///< its name in the store
  std::string speed;                  ///< the speed layer's table
  std::string time;                   ///< column that is compared with the boundary
  std::vector<std::string> key, sum;  ///< of aggregates: group by `key`, add up `sum`
  Place place;
};

std::unique_ptr<Store> postgres_store(const project::Connection& connection,
                                      const Surroundings& surroundings);
StoreKind postgres_kind();

}  // namespace windrow::publish
