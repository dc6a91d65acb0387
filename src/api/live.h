#pragma once

#include "api/events.h"
#include "api/metrics.h"
#include "base/secrets.h"
#include "observe/event.h"
#include "server/told.h"

namespace windrow::api {

/// What a server tells while it lives: to those who listen, and to those who count.
struct Live {
  explicit Live(const Secrets& the_secrets) : secrets(the_secrets) {}

  /// What the server says of itself.
  void told(const server::Told& told);
  /// What happens in a run.
  void happened(const std::string& project, const observe::Event& event);

  const Secrets& secrets;
  EventLog events;
  Metrics metrics;
};

}  // namespace windrow::api
