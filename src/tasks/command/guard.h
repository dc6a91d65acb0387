#pragma once

#include <cstdint>

/// A command of a task runs beneath a guard: a process of ours that becomes the parent of all that
/// the command leaves behind, so that none of it is lost. It ends them all when it is told to, when
/// the command has ended, and when windrow itself is gone.
namespace windrow::tasks {

inline constexpr const char* kGuardVerb = "__guard";

/// How a command ended, as its guard tells it over descriptor 3.
struct GuardReport {
  enum Kind : int32_t { began_not, ended } kind = ended;
  int32_t status = 0;  ///< ended: of waitpid; began_not: errno
  int32_t step = 0;    ///< began_not: 0 the program, 1 its folder, 2 its limits
  int32_t left = 0;    ///< processes that it left behind
};

/// `windrow __guard GRACE_MS MEMORY CPU_S FOLDER WORD…`, with the command's environment. It is
/// asked to stop by a byte on descriptor 3.
int guard_main(int argc, char** argv);

}  // namespace windrow::tasks
