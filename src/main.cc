#include <pthread.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include <thread>

#include "base/cancel.h"
#include "cli/command_line.h"

int main(int argc, char** argv) {
  // Signals are taken by a thread of their own, so that a request to stop is an ordinary call. The
  // second one does not wait: what is not committed does not count anyway.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  static windrow::Cancel cancel;
  std::thread([signals] {
    int received = 0;
    sigwait(&signals, &received);
    cancel.request();
    sigwait(&signals, &received);
    ::_exit(windrow::cli::kStopped);
  }).detach();
  const int result = windrow::cli::run_command_line(argc, argv, cancel);
  std::fflush(nullptr);
  // Static destructors of libraries are not waited for: everything of ours is flushed and closed.
  ::_exit(result);
}
