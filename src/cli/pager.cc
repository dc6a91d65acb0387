#include "cli/pager.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace windrow::cli {

namespace {

std::string pager_command() {
  const char* pager = std::getenv("PAGER");
  const char* terminal = std::getenv("TERM");
  if (!terminal || std::string_view(terminal) == "dumb") return "";
  return pager ? pager : "less";
}

}  // namespace

void show_paged(Session& session, std::string_view text) {
  const auto command = session.out.terminal() ? pager_command() : "";
  if (command.empty() || command == "cat") return session.out.write(text);
  // Ctrl-C is the pager's: it goes back to its prompt there, and the program waits for its end.
  const Interrupts::Handler handler(session.interrupts, [] {});
  ::setenv("LESS", "FRX", 0);
  FILE* pipe = ::popen(command.c_str(), "w");
  if (!pipe) return session.out.write(text);
  // Whoever leaves before the end has read enough.
  std::fwrite(text.data(), 1, text.size(), pipe);
  const int status = ::pclose(pipe);
  constexpr int kNoSuchCommand = 127;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoSuchCommand) session.out.write(text);
}

}  // namespace windrow::cli
