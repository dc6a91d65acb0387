#include "server/lookers.h"

#include <algorithm>

namespace windrow::server {

namespace {

using namespace std::chrono_literals;

constexpr size_t kLookersMost = 8;
constexpr auto kHelpAfter = 100ms;

}  // namespace

Lookers::~Lookers() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    quick_.clear();
    slow_.clear();
    changed_.notify_all();
  }
  for (auto& each : lookers_) each.thread.join();
}

void Lookers::make_ready(const std::string& name, const Place& place) {
  (place.quick ? quick_ : slow_).push_back(name);
}

bool Lookers::something() const {
  return !quick_.empty() || (!slow_.empty() && at_slow_ + 1 < kLookersMost);
}

void Lookers::post(const std::string& place, bool quick, std::function<void()> look) {
  std::lock_guard lock(mutex_);
  if (ending_) return;
  auto& there = places_[place];
  there.jobs.push_back({std::move(look), clock_.at_work()});
  if (there.busy || there.jobs.size() > 1) return;
  there.quick = quick;
  make_ready(place, there);
  if (lookers_.empty()) begin();
  changed_.notify_one();
}

bool Lookers::help() {
  std::lock_guard lock(mutex_);
  for (auto at = lookers_.begin(); at != lookers_.end();) {
    if (at->done) at->thread.join();
    at = at->done ? lookers_.erase(at) : std::next(at);
  }
  if (!something()) return false;
  const auto long_ago = std::chrono::steady_clock::now() - kHelpAfter;
  const bool all_busy = std::all_of(lookers_.begin(), lookers_.end(), [&](const auto& each) {
    return each.busy && each.since < long_ago;
  });
  if (all_busy && lookers_.size() < kLookersMost) begin();
  return lookers_.size() < kLookersMost;
}

void Lookers::begin() {
  auto& self = lookers_.emplace_back();
  self.thread = std::thread([this, &self] { work(self); });
}

void Lookers::work(Looker& self) {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (!something()) {
      const auto here = std::count_if(lookers_.begin(), lookers_.end(),
                                      [](const auto& each) { return !each.done; });
      if (here > 1) {  // it has helped
        self.done = true;
        return;
      }
      changed_.wait(lock, [this] { return ending_ || something(); });
      continue;
    }
    auto& from = quick_.empty() ? slow_ : quick_;
    const bool slow = quick_.empty();
    const auto name = from.front();
    from.pop_front();
    auto& place = places_.at(name);
    auto job = std::move(place.jobs.front());
    place.jobs.pop_front();
    place.busy = self.busy = true;
    at_slow_ += slow ? 1 : 0;
    self.since = std::chrono::steady_clock::now();
    lock.unlock();
    job.look();
    job = {};
    lock.lock();
    at_slow_ -= slow ? 1 : 0;
    place.busy = self.busy = false;
    if (place.jobs.empty())
      places_.erase(name);
    else if (!ending_)
      make_ready(name, place);
    if (slow) changed_.notify_one();  // there is room for another
  }
}

}  // namespace windrow::server
