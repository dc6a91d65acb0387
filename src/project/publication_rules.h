#pragma once

#include "project/reading.h"

namespace windrow::project {

/// Reports keys of a publication's views that would do nothing in a store of the connection's type,
/// and modes that it does not take, each at its place. `views` is the node that they were read
/// from. Stores that this version does not know are passed over.
void check_view_keys(const Publication& publication, const Node& views, Reading& reading);

}  // namespace windrow::project
