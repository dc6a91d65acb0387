#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"

namespace windrow::tasks {

struct Command {
  std::vector<std::string> words;        ///< the program, by PATH where it has no slash
  std::vector<std::string> environment;  ///< `NAME=VALUE`, all of it
  std::string folder;                    ///< absolute
  uint64_t memory = 0;                   ///< bytes of address space; 0: any
  std::optional<std::chrono::microseconds> cpu;
  std::chrono::microseconds grace = std::chrono::seconds(10);
};

struct CommandEnd {
  int code = 0;    ///< exit code
  int signal = 0;  ///< that ended it; 0: none did
  int left = 0;    ///< processes that it left behind, and that were ended
};

/// Runs it to its end beneath a guard (guard.h), without input. `said` is told what it writes, in
/// pieces as they come: on its output, or with true on its errors. A request to stop ends it with
/// all that it began: SIGTERM, after `grace` SIGKILL. Error(not_found, permission) where there is
/// no such program or folder, Error(canceled) where it was stopped.
CommandEnd run_command(const Command& command, Cancel& cancel,
                       const std::function<void(bool error, std::string_view bytes)>& said);

}  // namespace windrow::tasks
