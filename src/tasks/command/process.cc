#include "tasks/command/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "tasks/command/guard.h"

namespace windrow::tasks {

namespace {

/// What is said after the end: pipes that somebody else holds open are not waited for.
constexpr int kAfterEndMs = 1000;

[[noreturn]] void fail_with(const std::string& doing, int error) {
  throw Error(error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM
                  ? Code::unavailable
                  : Code::internal,
              doing + ": " + std::strerror(error));
}

class Descriptor {
 public:
  Descriptor() = default;
  /// Above those that a process is born with.
  explicit Descriptor(int file) : file_(::fcntl(file, F_DUPFD_CLOEXEC, 10)) {
    const int error = errno;
    ::close(file);
    if (file_ < 0) fail_with("cannot begin a command", error);
  }
  Descriptor(Descriptor&& o) noexcept : file_(std::exchange(o.file_, -1)) {}
  Descriptor& operator=(Descriptor&& o) noexcept {
    close();
    file_ = std::exchange(o.file_, -1);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (file_ >= 0) ::close(std::exchange(file_, -1));
  }
  int get() const { return file_; }

 private:
  int file_ = -1;
};

struct Pair {
  Descriptor ours, theirs;
};

Pair pipe_to_us() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail_with("cannot begin a command", errno);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Pair talk_both_ways() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail_with("cannot begin a command", errno);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// A guard with its command.
class Process {
 public:
  explicit Process(const Command& command)
      : out_(pipe_to_us()), err_(pipe_to_us()), talk_(talk_both_ways()) {
    const auto cpu =
        command.cpu ? std::chrono::ceil<std::chrono::seconds>(*command.cpu).count() : 0;
    std::vector<std::string> words{
        "windrow",
        kGuardVerb,
        std::to_string(std::chrono::ceil<std::chrono::milliseconds>(command.grace).count()),
        std::to_string(command.memory),
        std::to_string(cpu),
        command.folder};
    words.insert(words.end(), command.words.begin(), command.words.end());
    auto environment = command.environment;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out_.theirs.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, err_.theirs.get(), 2);
    ::posix_spawn_file_actions_adddup2(&actions, talk_.theirs.get(), 3);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(
        &attributes, short(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID));
    const int error = ::posix_spawn(&guard_, "/proc/self/exe", &actions, &attributes,
                                    pointers(words).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error == E2BIG)
      throw Error(Code::data, "the command's arguments and environment are too long",
                  "hand large values over in a file");
    if (error != 0) fail_with("cannot begin a command", error);
    out_.theirs.close();
    err_.theirs.close();
    talk_.theirs.close();
  }
  ~Process() {
    talk_.ours.close();  // the guard ends it all
    while (::waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void stop() { ::send(talk_.ours.get(), "T", 1, MSG_NOSIGNAL); }

  /// To its end; nothing: the guard was killed.
  std::optional<GuardReport> follow(const std::function<void(bool, std::string_view)>& said) {
    std::optional<GuardReport> report;
    bool over = false;
    while (!over || out_.ours.get() >= 0 || err_.ours.get() >= 0) {
      std::array<pollfd, 3> files{{{out_.ours.get(), POLLIN, 0},
                                   {err_.ours.get(), POLLIN, 0},
                                   {over ? -1 : talk_.ours.get(), POLLIN, 0}}};
      const int ready = ::poll(files.data(), files.size(), over ? kAfterEndMs : -1);
      if (ready == 0 || (ready < 0 && errno != EINTR)) break;
      if (files[0].revents != 0) take(out_.ours, false, said);
      if (files[1].revents != 0) take(err_.ours, true, said);
      if (files[2].revents != 0) {
        GuardReport told;
        if (::recv(talk_.ours.get(), &told, sizeof told, MSG_WAITALL) == sizeof told) report = told;
        over = true;
      }
    }
    return report;
  }

 private:
  static void take(Descriptor& from, bool error,
                   const std::function<void(bool, std::string_view)>& said) {
    std::array<char, 65536> bytes;
    const auto length = ::read(from.get(), bytes.data(), bytes.size());
    if (length > 0) return said(error, {bytes.data(), size_t(length)});
    if (length == 0 || errno != EINTR) from.close();
  }

  Pair out_, err_, talk_;
  pid_t guard_ = 0;
};

[[noreturn]] void not_begun(const Command& command, const GuardReport& report) {
  const std::string what = report.step == 1   ? "folder \"" + command.folder + "\""
                           : report.step == 2 ? "limits of the command"
                                              : "program \"" + command.words[0] + "\"";
  const auto code = report.status == ENOENT || report.status == ENOTDIR ? Code::not_found
                    : report.status == EACCES                           ? Code::permission
                                                                        : Code::configuration;
  std::string hint;
  if (report.step == 0 && report.status == ENOENT)
    hint =
        "it is looked for in PATH; a script of the project is written ./NAME. A script may also "
        "begin with an interpreter that is not there";
  if (report.step == 0 && report.status == EACCES) hint = "make it executable: chmod +x";
  if (report.step == 0 && report.status == ENOEXEC)
    hint = "a script begins with a line such as #!/bin/sh";
  throw Error(code, what + ": " + std::strerror(report.status), hint);
}

}  // namespace

CommandEnd run_command(const Command& command, Cancel& cancel,
                       const std::function<void(bool error, std::string_view bytes)>& said) {
  cancel.check();
  Process process(command);
  std::optional<GuardReport> report;
  {
    const auto stop = cancel.on_request([&] { process.stop(); });
    report = process.follow(said);
  }
  if (report && report->kind == GuardReport::began_not) not_begun(command, *report);
  if (cancel.requested()) throw Error(Code::canceled, "the command was stopped");
  if (!report)
    throw Error(Code::data, "somebody killed the process that watches over the command",
                "the command was killed with it");
  CommandEnd out;
  out.left = report->left;
  if (WIFSIGNALED(report->status))
    out.signal = WTERMSIG(report->status);
  else
    out.code = WEXITSTATUS(report->status);
  return out;
}

}  // namespace windrow::tasks
