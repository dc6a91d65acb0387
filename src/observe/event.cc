#include "observe/event.h"

#include <utility>

namespace windrow::observe {

Events::Subscription& Events::Subscription::operator=(Subscription&& o) noexcept {
  if (this != &o) {
    end();
    owner_ = std::exchange(o.owner_, nullptr);
    id_ = o.id_;
  }
  return *this;
}

void Events::Subscription::end() {
  if (!owner_) return;
  std::unique_lock lock(owner_->mutex_);
  owner_->listeners_.erase(id_);
  owner_ = nullptr;
}

Events::Subscription Events::listen(Listener listener) {
  std::unique_lock lock(mutex_);
  const auto id = next_id_++;
  listeners_.emplace(id, std::move(listener));
  return Subscription(this, id);
}

void Events::tell(const Event& event) const {
  std::shared_lock lock(mutex_);
  for (const auto& [id, listener] : listeners_) listener(event);
}

}  // namespace windrow::observe
