#include "storage/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace windrow::storage {
namespace {

constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
/// Whoever never stops writing does not hold back the answer for longer than so many pauses.
constexpr int kPausesMax = 10;

}  // namespace

FolderWatch::FolderWatch()
    : changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (changes_ >= 0 && stop_ >= 0) return;
  const int why = errno;
  ::close(changes_);
  ::close(stop_);
  throw Error(Code::full, std::string("folders cannot be watched: ") + std::strerror(why),
              "too many programs watch files: sysctl fs.inotify.max_user_instances");
}

FolderWatch::~FolderWatch() {
  ::close(changes_);
  ::close(stop_);
}

void FolderWatch::add(const std::string& folder) {
  const int number = ::inotify_add_watch(changes_, folder.c_str(), kEvents);
  if (number >= 0) {
    folders_[number] = folder;
  } else if (errno == ENOSPC) {
    throw Error(Code::full, "\"" + folder + "\" cannot be watched: too many folders are",
                "raise the bound: sysctl fs.inotify.max_user_watches");
  } else if (errno != ENOENT && errno != ENOTDIR) {
    throw system_error(errno, "watch", folder);
  }
}

FolderWatch::Look FolderWatch::look(int timeout_ms, const Counts& counts) {
  pollfd waiting[] = {{changes_, POLLIN, 0}, {stop_, POLLIN, 0}};
  const int ready = ::poll(waiting, 2, timeout_ms);
  if (ready < 0 && errno != EINTR) throw system_error(errno, "watch", "folders");
  if (ready == 0) return Look::timed_out;
  if (waiting[1].revents != 0) return Look::stopped;
  bool changed = false;
  alignas(inotify_event) char buffer[16 << 10];
  for (ssize_t got; (got = ::read(changes_, buffer, sizeof buffer)) > 0;) {
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += ssize_t(sizeof(inotify_event)) + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) changed = true;  // what, nobody knows
      const auto folder = folders_.find(event->wd);
      if (folder == folders_.end()) continue;
      changed |= counts(folder->second, event->len > 0 ? event->name : "");
      // It has another name now, under which it is added again where it still belongs.
      if ((event->mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(changes_, event->wd);
      if ((event->mask & IN_IGNORED) != 0) folders_.erase(folder);
    }
  }
  return changed ? Look::changed : Look::nothing;
}

bool FolderWatch::wait(std::chrono::milliseconds pause, const Counts& counts, Cancel& cancel) {
  // Of a request that ended the wait before.
  for (uint64_t told = 0; ::read(stop_, &told, sizeof told) > 0;) {}
  const auto asked = cancel.on_request([this] {
    const uint64_t one = 1;
    if (::write(stop_, &one, sizeof one) < 0) {
      // It is written to once in a wait.
    }
  });
  Look seen = Look::nothing;
  while (seen != Look::changed) {
    seen = look(-1, counts);
    if (seen == Look::stopped) return false;
  }
  for (int i = 0; i < kPausesMax; ++i) {
    seen = look(int(pause.count()), counts);
    if (seen == Look::stopped) return false;
    if (seen == Look::timed_out) break;
  }
  return true;
}

}  // namespace windrow::storage
