#include "server/backfilling.h"

#include <filesystem>

namespace windrow::server {

namespace {

/// Of a server the schedules come first.
constexpr app::BackfillWork::Manners kInBackground{.jobs = 1, .priority = -10};

}  // namespace

std::string backfill_lock(const std::string& id) { return "backfill-" + id + ".lock"; }

void remove_backfill_lock(const std::string& state_folder, const std::string& id) {
  std::error_code ignored;
  std::filesystem::remove(state_folder + "/" + backfill_lock(id), ignored);
}

std::string state_now(const std::string& state_folder, const history::Backfill& backfill) {
  if (backfill.state != "running") return backfill.state;
  return Claim::holder(state_folder, backfill_lock(backfill.id)) > 0 ? "running" : "interrupted";
}

Backfilling::Backfilling(std::unique_ptr<Claim> claim, std::shared_ptr<app::App> app,
                         std::string history, std::string environment, std::string id,
                         const Clock& clock, Ended ended)
    : claim_(std::move(claim)), app_(std::move(app)) {
  thread_ =
      std::thread([this, &clock, history = std::move(history), environment = std::move(environment),
                   id = std::move(id), ended = std::move(ended), at_work = clock.at_work()] {
        app::BackfillState state;
        try {
          history::Backfills store(history, environment);
          state = app::BackfillWork(*app_, store, clock, kInBackground, {}).run(id, stop_);
        } catch (const std::exception& error) {
          state.record.state = "trouble";
          state.record.reason = error.what();
        }
        state.record.id = id;
        ended(std::move(state));
      });
}

Backfilling::~Backfilling() {
  stop_.request();
  thread_.join();
}

}  // namespace windrow::server
