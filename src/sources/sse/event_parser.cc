#include "sources/sse/event_parser.h"

#include <algorithm>
#include <charconv>

namespace windrow::sources {

void EventParser::feed(std::string_view piece) {
  for (const char c : piece) {
    const bool second = after_cr_ && c == '\n';  // of CR LF
    after_cr_ = c == '\r';
    if (second) continue;
    if (c == '\n' || c == '\r') {
      std::string_view whole = rest_;
      if (!begun_ && whole.starts_with("\xEF\xBB\xBF")) whole.remove_prefix(3);
      begun_ = true;
      line(whole);
      rest_.clear();
    } else if (rest_.size() <= bytes_max_) {
      rest_ += c;
    } else {
      ++dropped_;
    }
  }
}

void EventParser::line(std::string_view line) {
  if (line.empty()) {
    if (any_data_) {
      data_.pop_back();  // the last line break
      const uint64_t bytes = data_.size() + dropped_;
      take_({id_, type_.empty() ? "message" : type_, std::move(data_), bytes});
    }
    data_.clear();
    dropped_ = 0;
    type_.clear();
    any_data_ = false;
    return;
  }
  if (line.front() == ':') return;
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon < line.size() ? line.substr(colon + 1) : std::string_view();
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    // What is too long is only counted: one byte more than may be shows that it is.
    if (data_.size() > bytes_max_)
      dropped_ += value.size() + 1;
    else
      data_.append(value) += '\n';
    any_data_ = true;
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    int64_t wait = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), wait);
    if (problem == std::errc{} && end == value.data() + value.size() && wait >= 0) retry_ms_ = wait;
  }
}

}  // namespace windrow::sources
