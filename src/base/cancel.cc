#include "base/cancel.h"

#include "base/error.h"

namespace windrow {

Cancel::Cancel(Cancel& parent)
    : from_parent_(std::make_unique<Registration>(parent.on_request([this] { request(); }))) {}

Cancel::~Cancel() { from_parent_.reset(); }

void Cancel::request() {
  std::unique_lock lock(mutex_);
  // Who asks first runs the callbacks, so that at most one runs at a time; none comes later.
  if (requested_.exchange(true, std::memory_order_acq_rel)) return;
  changed_.notify_all();
  while (!callbacks_.empty()) {
    auto node = callbacks_.extract(callbacks_.begin());
    running_ = node.key();
    lock.unlock();
    node.mapped()();
    lock.lock();
    running_ = 0;
    changed_.notify_all();
  }
}

void Cancel::check() const {
  if (requested()) throw Error(Code::canceled, "stopped on request");
}

bool Cancel::wait_for(std::chrono::microseconds duration) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, duration, [this] { return requested(); });
}

Cancel::Registration Cancel::on_request(std::function<void()> callback) {
  {
    std::lock_guard lock(mutex_);
    if (!requested()) {
      const auto id = next_id_++;
      callbacks_.emplace(id, std::move(callback));
      return Registration(this, id);
    }
  }
  callback();
  return {};
}

Cancel::Registration& Cancel::Registration::operator=(Registration&& o) noexcept {
  if (this != &o) {
    release();
    owner_ = o.owner_;
    id_ = o.id_;
    o.owner_ = nullptr;
  }
  return *this;
}

void Cancel::Registration::release() {
  if (!owner_) return;
  std::unique_lock lock(owner_->mutex_);
  owner_->callbacks_.erase(id_);
  owner_->changed_.wait(lock, [this] { return owner_->running_ != id_; });
  owner_ = nullptr;
}

}  // namespace windrow
