#pragma once

#include "project/kinds.h"

namespace windrow::project {

/// Reports keys of a publication's views that would do nothing in a store of the connection's kind,
/// and modes that it does not take, each at its place. `views` is the node that they were read
/// from. Connections that publications do not go to are passed over.
void check_view_keys(const Publication& publication, const Kinds& kinds, const Node& views,
                     Reading& reading);

}  // namespace windrow::project
