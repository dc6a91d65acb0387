#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "app/backfill_work.h"
#include "server/claim.h"

namespace windrow::server {

/// The lock of whoever builds a backfill; its file is in the project's state folder.
std::string backfill_lock(const std::string& id);
/// Takes it away, of one that has ended.
void remove_backfill_lock(const std::string& state_folder, const std::string& id);
/// `running`, where somebody works on it, else `interrupted`; other states as they are.
std::string state_now(const std::string& state_folder, const history::Backfill& backfill);

/// A backfill that a server builds, in a thread of its own.
class Backfilling {
 public:
  /// `ended` is called once, from its thread, with how it is then.
  using Ended = std::function<void(app::BackfillState)>;
  Backfilling(std::unique_ptr<Claim> claim, std::shared_ptr<app::App> app, std::string history,
              std::string environment, std::string id, const Clock& clock, Ended ended);
  /// Asks it to stop, and waits.
  ~Backfilling();
  void stop() { stop_.request(); }

 private:
  const std::unique_ptr<Claim> claim_;
  const std::shared_ptr<app::App> app_;
  Cancel stop_;
  std::thread thread_;
};

}  // namespace windrow::server
