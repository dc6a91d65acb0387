#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "app/app.h"
#include "cli/command_line.h"

int main(int argc, char** argv) {
  static windrow::cli::Interrupts interrupts;
  interrupts.watch();
  std::signal(SIGPIPE, SIG_IGN);
  const int result = windrow::cli::run_command_line(std::vector<std::string>(argv + 1, argv + argc),
                                                    interrupts, windrow::app::App::open);
  std::fflush(nullptr);
  // Static destructors of libraries are not waited for: everything of ours is flushed and closed.
  ::_exit(result);
}
