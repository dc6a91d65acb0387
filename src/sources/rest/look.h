#pragma once

#include <string>

#include "project/connection.h"
#include "project/forward.h"
#include "project/source.h"
#include "sources/rest/requester.h"

/// What REST APIs and event streams share in looking at a server.
namespace windrow::sources {

/// One that does not wait for a server to come back.
Requester impatient(RestServer server);

struct Peek {
  int status = 200;
  bool body = false, silent = false;  ///< silent: the connection stands, and nothing has come
};
/// The beginning of an answer, which may have no end.
Peek peek(Requester& requester, const std::string& url, const char* accept, Cancel& cancel);

/// A connection of the type rest.
std::string look_at_server(const project::Project& project, const project::Connection& connection,
                           Cancel& cancel);
std::string look_at_rest(const project::Source& source, const Context& context, Cancel& cancel);

}  // namespace windrow::sources
