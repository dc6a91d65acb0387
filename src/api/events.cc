#include "api/events.h"

#include <charconv>

#include "base/id.h"

namespace windrow::api {

namespace {

constexpr size_t kBytesKept = 8 << 20;
constexpr size_t kEventsKept = 50'000;
constexpr size_t kPieceBytes = 128 << 10;

}  // namespace

class EventLog::Source final : public http::EventSource {
 public:
  Source(EventLog& log, Topic wanted) : log_(log), wanted_(std::move(wanted)) {}
  More after(uint64_t& position) override { return log_.after(wanted_, position); }

 private:
  EventLog& log_;
  const Topic wanted_;
};

EventLog::EventLog() : boot_(new_uuid().substr(0, 8)) {}

void EventLog::add(const Topic& topic, const std::string& kind, const std::string& data) {
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    ++last_;
    auto text = "id: " + boot_ + "-" + std::to_string(last_) + "\nevent: " + kind +
                "\ndata: " + data + "\n\n";
    bytes_ += text.size();
    kept_.push_back({std::make_shared<const Topic>(topic), std::move(text)});
    while (kept_.size() > 1 && (bytes_ > kBytesKept || kept_.size() > kEventsKept)) {
      bytes_ -= kept_.front().text.size();
      kept_.pop_front();
    }
    pieces_.clear();
    wake = wake_;
  }
  if (wake) wake();
}

void EventLog::on_news(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

uint64_t EventLog::events() const {
  std::lock_guard lock(mutex_);
  return last_;
}

http::EventStream EventLog::stream(const Topic& wanted, const std::string& last_event_id) {
  http::EventStream out;
  out.source = std::make_shared<Source>(*this, wanted);
  out.first = "retry: 1000\n\n";
  std::lock_guard lock(mutex_);
  out.position = last_;
  if (last_event_id.empty()) return out;
  uint64_t seen = 0;
  bool known = last_event_id.starts_with(boot_ + "-");
  if (known) {
    const char* begin = last_event_id.data() + boot_.size() + 1;
    const char* end = last_event_id.data() + last_event_id.size();
    const auto [rest, failure] = std::from_chars(begin, end, seen);
    known = failure == std::errc() && rest == end && seen <= last_ && seen + kept_.size() >= last_;
  }
  if (known) {
    out.position = seen;
  } else {
    out.first += "id: " + boot_ + "-" + std::to_string(last_) +
                 "\nevent: lost\ndata: {\"event\":\"lost\"}\n\n";
  }
  return out;
}

http::EventSource::More EventLog::after(const Topic& wanted, uint64_t& position) {
  std::lock_guard lock(mutex_);
  if (position + kept_.size() < last_) return {nullptr, true};
  if (position == last_) return {};
  const auto key = std::make_pair(position, wanted.project + "\n" + wanted.run);
  if (const auto found = pieces_.find(key); found != pieces_.end()) {
    position = found->second.end;
    return {found->second.text, false};
  }
  std::string out;
  while (position < last_ && out.size() < kPieceBytes) {
    const auto& each = kept_[kept_.size() - size_t(last_ - position)];
    ++position;
    const bool concerns = (wanted.project.empty() || wanted.project == each.topic->project) &&
                          (wanted.run.empty() || wanted.run == each.topic->run);
    if (concerns) out += each.text;
  }
  auto text = std::make_shared<const std::string>(std::move(out));
  pieces_[key] = {position, text};
  return {text, false};
}

}  // namespace windrow::api
