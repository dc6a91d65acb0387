#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "app/app.h"
#include "cli/command_line.h"
#include "tasks/command/guard.h"

int main(int argc, char** argv) {
  // What a task's command runs beneath; it is this program too, so that there is one to install.
  if (argc > 1 && std::strcmp(argv[1], windrow::tasks::kGuardVerb) == 0)
    return windrow::tasks::guard_main(argc, argv);
  static windrow::cli::Interrupts interrupts;
  interrupts.watch();
  std::signal(SIGPIPE, SIG_IGN);
  const int result = windrow::cli::run_command_line(std::vector<std::string>(argv + 1, argv + argc),
                                                    interrupts, windrow::app::App::open);
  std::fflush(nullptr);
  // Static destructors of libraries are not waited for: everything of ours is flushed and closed.
  ::_exit(result);
}
