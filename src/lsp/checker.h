#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "app/study.h"
#include "lsp/view.h"

namespace windrow::lsp {

/// Looks at the project in a thread of its own, a short pause after the last change. One look waits
/// at most: a newer change takes its place, and stops the one that goes on.
class Checker {
 public:
  /// How long nothing must have changed: less than people notice, more than between two keys.
  static constexpr std::chrono::milliseconds kPause{100};

  /// `told` is called in the checker's thread after each look that was not overtaken; where the
  /// project could not be looked at at all, with why.
  using Told = std::function<void(std::shared_ptr<const Known>, const project::Overlay&,
                                  std::optional<Problem>)>;
  Checker(app::Desk& desk, Told told);
  /// Stops what goes on, and waits for it.
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  void changed(project::Overlay overlay);
  /// Nothing before the first look.
  std::shared_ptr<const Known> known() const;
  /// The same, and waits for the first look so long.
  std::shared_ptr<const Known> known_within(std::chrono::milliseconds patience) const;

 private:
  void work();
  std::shared_ptr<const Known> look(const project::Overlay& overlay, Cancel& cancel);

  app::Desk& desk_;
  const Told told_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::optional<project::Overlay> waiting_;
  std::chrono::steady_clock::time_point due_;
  std::shared_ptr<Cancel> going_on_;
  bool ended_ = false, looked_ = false;
  std::shared_ptr<const Known> known_;
  std::shared_ptr<const std::vector<Function>> functions_;  ///< the thread's alone
  std::thread thread_;
};

}  // namespace windrow::lsp
