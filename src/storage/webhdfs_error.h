#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "clients/http.h"

namespace windrow::storage {

/// What WebHDFS answers with where it fails.
struct RemoteException {
  std::string name;     ///< of the Java class, e.g. `AccessControlException`
  std::string message;  ///< its first line: the stack is cut off
};

/// Nothing where the answer holds none.
std::optional<RemoteException> remote_exception(const clients::HttpResponse& response);

/// What a failed answer means for how to go on.
enum class WebHdfsTrouble {
  final,        ///< asking again gives the same
  passing,      ///< it may be better soon
  other_node,   ///< this name node is not the active one: ask the next
  no_data_node  ///< none is left of those that were not excluded
};
WebHdfsTrouble trouble_of(int status, const std::optional<RemoteException>& exception);

/// For the user: `doing` is "read", "write", …; `path` as the user wrote it.
Error webhdfs_error(int status, const std::optional<RemoteException>& exception,
                    std::string_view doing, const std::string& path);

}  // namespace windrow::storage
