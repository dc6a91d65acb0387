#include "tasks/command/guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

namespace windrow::tasks {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kTalk = 3;
constexpr milliseconds kForLeftBehind(2000);  ///< what a command leaves behind has at most so long
constexpr milliseconds kBetweenKills(50);

/// All processes below this one, whoever their parents were.
std::vector<pid_t> descendants() {
  std::multimap<pid_t, pid_t> children;
  DIR* proc = ::opendir("/proc");
  if (!proc) return {};
  while (const auto* entry = ::readdir(proc)) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    char path[64], text[512];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    const auto length = ::read(file, text, sizeof text - 1);
    ::close(file);
    if (length <= 0) continue;
    text[length] = 0;
    // The name may hold anything, parentheses too.
    const char* after_name = std::strrchr(text, ')');
    char state = 0;
    int parent = 0;
    if (after_name && std::sscanf(after_name + 1, " %c %d", &state, &parent) == 2 && state != 'Z')
      children.emplace(parent, pid);
  }
  ::closedir(proc);
  std::vector<pid_t> out, todo{::getpid()};
  while (!todo.empty()) {
    const pid_t pid = todo.back();
    todo.pop_back();
    const auto [from, to] = children.equal_range(pid);
    for (auto child = from; child != to; ++child) {
      out.push_back(child->second);
      todo.push_back(child->second);
    }
  }
  return out;
}

struct Asked {
  milliseconds grace{10'000};
  uint64_t memory = 0, cpu_seconds = 0;
  const char* folder = "";
  char** words = nullptr;
};

[[noreturn]] void fail_to_begin(int talk, int step) {
  const int32_t said[2] = {errno, step};
  const auto ignored = ::write(talk, said, sizeof said);
  (void)ignored;
  ::_exit(127);
}

/// In the child.
[[noreturn]] void become(const Asked& asked, pid_t guard, int talk) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != guard) ::_exit(127);
  if (::chdir(asked.folder) != 0) fail_to_begin(talk, 1);
  const auto limit = [&](auto what, uint64_t soft, uint64_t hard) {
    const rlimit value{soft, hard};
    if (::setrlimit(what, &value) != 0) fail_to_begin(talk, 2);
  };
  if (asked.memory > 0) limit(RLIMIT_AS, asked.memory, asked.memory);
  if (asked.cpu_seconds > 0) limit(RLIMIT_CPU, asked.cpu_seconds, asked.cpu_seconds + 2);
  limit(RLIMIT_CORE, 0, 0);
  for (const int signal : {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(asked.words[0], asked.words);
  fail_to_begin(talk, 0);
}

class Guard {
 public:
  explicit Guard(const Asked& asked) : asked_(asked) {}

  int run() {
    if (!begin()) return 0;
    while (true) {
      reap();
      if (none_left_) return tell();
      if (command_ended_ && !end_by_) {
        report_.left = int32_t(descendants().size());
        stop(std::min(asked_.grace, kForLeftBehind));
      }
      if (end_by_ && Steady::now() >= *end_by_) {
        signal_all(SIGKILL);
        end_by_ = Steady::now() + kBetweenKills;
      }
      wait();
    }
  }

 private:
  bool begin() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::fcntl(kTalk, F_SETFD, FD_CLOEXEC);
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t heard;
    ::sigemptyset(&heard);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&heard, signal);
    ::sigprocmask(SIG_BLOCK, &heard, nullptr);
    signals_ = ::signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
    int talk[2];
    if (signals_ < 0 || ::pipe2(talk, O_CLOEXEC) != 0) return not_begun(errno, 0);
    const pid_t guard = ::getpid();
    command_ = ::fork();
    if (command_ < 0) return not_begun(errno, 0);
    if (command_ == 0) become(asked_, guard, talk[1]);
    ::close(talk[1]);
    // What the command says ends when the command and its children have closed it.
    for (const int file : {0, 1, 2}) ::close(file);
    int32_t said[2];
    if (::read(talk[0], said, sizeof said) == sizeof said) {
      ::waitpid(command_, nullptr, 0);
      return not_begun(said[0], said[1]);
    }
    ::close(talk[0]);
    return true;
  }

  bool not_begun(int error, int step) {
    report_ = {GuardReport::began_not, error, step, 0};
    tell();
    return false;
  }

  int tell() {
    const auto ignored = ::send(kTalk, &report_, sizeof report_, MSG_NOSIGNAL);
    (void)ignored;
    return 0;
  }

  void reap() {
    while (true) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid == command_) {
        command_ended_ = true;
        report_.status = status;
      }
      if (pid > 0) continue;
      none_left_ = pid < 0 && errno == ECHILD;
      return;
    }
  }

  void stop(milliseconds grace) {
    if (end_by_ && stopping_) return;
    end_by_ = Steady::now() + grace;
    signal_all(SIGTERM);
    signal_all(SIGCONT);  // who was stopped could not end
  }

  static void signal_all(int signal) {
    for (const pid_t pid : descendants()) ::kill(pid, signal);
  }

  void wait() {
    pollfd files[2] = {{signals_, POLLIN, 0}, {talks_ ? kTalk : -1, POLLIN, 0}};
    int timeout = -1;
    if (end_by_) {
      const auto left = std::chrono::ceil<milliseconds>(*end_by_ - Steady::now()).count();
      timeout = int(std::clamp<int64_t>(left, 0, 60'000));
    }
    if (::poll(files, 2, timeout) <= 0) return;
    if (files[0].revents != 0) {
      signalfd_siginfo heard;
      while (::read(signals_, &heard, sizeof heard) == sizeof heard) {
        if (heard.ssi_signo != SIGCHLD) asked_to_stop();
      }
    }
    if (files[1].revents != 0) {
      char byte;
      // Whoever asked is gone, where there is nothing.
      if (::read(kTalk, &byte, 1) <= 0) talks_ = false;
      asked_to_stop();
    }
  }

  void asked_to_stop() {
    if (stopping_) return;
    stop(asked_.grace);
    stopping_ = true;
  }

  const Asked asked_;
  GuardReport report_;
  pid_t command_ = 0;
  int signals_ = -1;
  bool command_ended_ = false, none_left_ = false, stopping_ = false, talks_ = true;
  std::optional<Steady::time_point> end_by_;  ///< what is left then is killed
};

}  // namespace

int guard_main(int argc, char** argv) {
  if (argc < 7) return 2;
  ::close_range(kTalk + 1, ~0U, 0);
  Asked asked;
  asked.grace = milliseconds(std::strtoull(argv[2], nullptr, 10));
  asked.memory = std::strtoull(argv[3], nullptr, 10);
  asked.cpu_seconds = std::strtoull(argv[4], nullptr, 10);
  asked.folder = argv[5];
  asked.words = argv + 6;
  return Guard(asked).run();
}

}  // namespace windrow::tasks
