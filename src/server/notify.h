#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace windrow::server {

/// What systemd wants to hear of a service (sd_notify(3)): datagrams to $NOTIFY_SOCKET. Without one
/// nothing is said. Failures are passed over: whoever does not listen is not told.
class ServiceManager {
 public:
  /// `socket`: a path, or `@name` in the abstract namespace; empty: none. `watchdog_usec`: what
  /// $WATCHDOG_USEC says.
  ServiceManager(std::string socket, const std::string& watchdog_usec);

  /// `READY=1`, `STOPPING=1`, `STATUS=…`, one a line.
  void tell(const std::string& state) const;
  /// How often `WATCHDOG=1` has to be told: half of the time after which the manager loses
  /// patience.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  const std::string socket_;
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace windrow::server
