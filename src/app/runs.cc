#include "app/runs.h"

namespace windrow::app {

Run::Run(std::string id, const Clock& clock, Work work)
    : id_(std::move(id)), result_(promise_.get_future().share()) {
  thread_ = std::thread([this, work = std::move(work), at_work = clock.at_work()]() mutable {
    // What the work holds goes before anybody hears of its end; who hears of it is at work before
    // this thread no longer is.
    try {
      auto result = work(cancel_);
      work = nullptr;
      tell_end();
      at_work = {};
      promise_.set_value(std::move(result));
    } catch (...) {
      work = nullptr;
      tell_end();
      at_work = {};
      promise_.set_exception(std::current_exception());
    }
  });
}

Run::~Run() { thread_.join(); }

void Run::tell_end() {
  std::function<void()> tell;
  {
    std::lock_guard lock(mutex_);
    over_ = true;
    tell = std::move(tell_);
  }
  if (tell) tell();
}

void Run::when_ended(std::function<void()> tell) {
  {
    std::lock_guard lock(mutex_);
    if (!over_) {
      tell_ = std::move(tell);
      return;
    }
  }
  tell();
}

bool Run::ended() const {
  return result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

RunResult Run::wait() { return result_.get(); }

RunResult Run::wait(Cancel& stop) {
  const auto follow = stop.on_request([this] { cancel(); });
  return wait();
}

Runs::~Runs() {
  std::vector<std::shared_ptr<Run>> left;
  {
    std::lock_guard lock(mutex_);
    left = runs_;
  }
  for (const auto& run : left) run->cancel();
  for (const auto& run : left) run->result_.wait();
}

std::shared_ptr<Run> Runs::start(std::string id, Run::Work work) {
  auto run = std::make_shared<Run>(std::move(id), clock_, std::move(work));
  std::vector<std::shared_ptr<Run>> over;  // given up without the lock: their threads are joined
  std::lock_guard lock(mutex_);
  std::erase_if(runs_, [&](const auto& each) {
    if (!each->ended()) return false;
    over.push_back(each);
    return true;
  });
  runs_.push_back(run);
  return run;
}

std::vector<std::shared_ptr<Run>> Runs::active() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Run>> out;
  for (const auto& run : runs_) {
    if (!run->ended()) out.push_back(run);
  }
  return out;
}

}  // namespace windrow::app
