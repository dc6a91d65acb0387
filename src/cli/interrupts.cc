#include "cli/interrupts.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "cli/session.h"

namespace windrow::cli {

namespace {
/// `timeout` and the like signal the process and its group: that is one request, not two.
constexpr auto kOneRequest = std::chrono::milliseconds(200);
}  // namespace

void Interrupts::watch() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([this, signals] {
    for (int signal = 0; sigwait(&signals, &signal) == 0;) received(signal);
  }).detach();
}

void Interrupts::received(int signal) {
  {
    std::lock_guard lock(mutex_);
    if (signal == SIGINT && handler_) return handler_();
  }
  const auto now = std::chrono::steady_clock::now();
  if (first_ && now - *first_ > kOneRequest) ::_exit(kStopped);
  if (first_) return;
  first_ = now;
  // In a thread of its own: a callback that takes long must not keep the second signal waiting.
  std::thread([this] { cancel_.request(); }).detach();
}

Interrupts::Handler::Handler(Interrupts& owner, std::function<void()> handler) : owner_(owner) {
  std::lock_guard lock(owner_.mutex_);
  owner_.handler_ = std::move(handler);
}

Interrupts::Handler::~Handler() {
  std::lock_guard lock(owner_.mutex_);
  owner_.handler_ = nullptr;
}

}  // namespace windrow::cli
