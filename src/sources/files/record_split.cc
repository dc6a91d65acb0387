#include "sources/files/record_split.h"

#include <algorithm>
#include <cstring>

namespace windrow::sources {

namespace {

constexpr size_t kLongKept = 1 << 20;  // of a record that is too long
constexpr size_t kWorkBytes = 256 << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

void LineCount::pass(std::string_view text) {
  for (const char c : text) {
    if (c == '\r' || (c == '\n' && !after_return_)) ++line_;
    after_return_ = c == '\r';
  }
}

// --- what all have in common

void RecordSplitter::feed(std::string_view piece) {
  while (!piece.empty() && broken_.empty()) {
    // In small parts, so that what is too long is known before the window is much longer.
    const auto part = piece.substr(0, kWorkBytes);
    piece.remove_prefix(part.size());
    window_.append(part);
    if (!begun_ && window_.size() >= kByteOrderMark.size()) {
      begun_ = true;
      if (window_.starts_with(kByteOrderMark)) window_.erase(0, kByteOrderMark.size());
    }
    if (!begun_) continue;
    window_.reserve(window_.size() + RecordText::kPadding);
    work(false);
    drop_front();
  }
}

void RecordSplitter::end() {
  if (!broken_.empty()) return;
  if (!begun_ && window_.starts_with(kByteOrderMark)) window_.clear();
  window_.reserve(window_.size() + RecordText::kPadding);
  work(true);
  if (passing_over()) give_long();
}

void RecordSplitter::drop_front() {
  line_at(at_);
  window_.erase(0, at_);
  counted_ -= std::min(counted_, at_);
  at_ = 0;
}

/// The line in which a byte of the window lies; asked for in the order of bytes.
int64_t RecordSplitter::line_at(size_t at) {
  if (!counting_) return 0;
  if (at > counted_) {
    lines_.pass(std::string_view(window_).substr(counted_, at - counted_));
    counted_ = at;
  }
  return lines_.line();
}

void RecordSplitter::give(std::string_view text) {
  const int64_t line = line_at(size_t(text.data() - window_.data()));
  if (text.size() > max_) {
    long_head_ = text.substr(0, kLongKept);
    long_bytes_ = text.size();
    long_line_ = line;
    give_long();
    return;
  }
  on_record_({++position_, text, true, text.size(), line});
}

void RecordSplitter::too_long(size_t length) {
  if (long_bytes_ == 0) long_line_ = line_at(at_);
  if (long_head_.size() < kLongKept)
    long_head_.append(window_, at_, std::min(length, kLongKept - long_head_.size()));
  long_bytes_ += length;
}

void RecordSplitter::give_long() {
  long_head_.reserve(long_head_.size() + RecordText::kPadding);
  on_record_({++position_, long_head_, false, long_bytes_, long_line_});
  long_bytes_ = 0;
  long_head_.clear();
}

// --- lines

void LineSplitter::work(bool last) {
  while (at_ < window_.size()) {
    const auto* begin = window_.data() + at_;
    const auto* end = static_cast<const char*>(std::memchr(begin, '\n', window_.size() - at_));
    const size_t length = end ? size_t(end - begin) : window_.size() - at_;
    if (passing_over() || (!end && length > max_)) {
      too_long(length);
      at_ += length;
      if (!end) return;
      give_long();
    } else if (end || last) {
      lines_of({begin, length});
      at_ += length;
    } else {
      return;
    }
    at_ += end ? 1 : 0;
  }
}

void LineSplitter::lines_of(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  // A carriage return alone ends a line too.
  for (size_t from = 0; from <= text.size();) {
    const size_t to = std::min(text.find('\r', from), text.size());
    if (to < text.size()) irregular_ = true;
    line(text.substr(from, to - from));
    from = to + 1;
  }
}

void LineSplitter::line(std::string_view text) {
  if (text.empty()) return;
  if (!is_blank(text.front()) || !without_blanks(text).empty()) return give(text);
  irregular_ = true;
}

void ElementLineSplitter::line(std::string_view text) {
  const auto around = [](char c) { return is_blank(c) || c == ',' || c == ']'; };
  while (!text.empty() && (is_blank(text.front()) || text.front() == '[')) text.remove_prefix(1);
  while (!text.empty() && around(text.back())) text.remove_suffix(1);
  if (!text.empty() && text != ",") give(text);
}

// --- values

/// A byte between two values; false where a value begins with it.
bool ValueSplitter::between(char c) {
  if (is_blank(c)) return true;
  if (closed_) {
    broken_ = "there is more behind the array";
  } else if (array_ && !opened_) {
    opened_ = true;  // the file is taken for an array because it begins so
  } else if (array_ && c == ']') {
    closed_ = true;
    irregular_ |= comma_ && records() > 0;
  } else if (array_ && c == ',') {
    irregular_ |= comma_;
    comma_ = true;
  } else if (array_ && !comma_) {
    broken_ = "there is no comma between two elements";
  } else if (!array_ && c != '{') {
    broken_ = "there is something between two objects";
  } else {
    return false;
  }
  return true;
}

void ValueSplitter::value_ends(size_t end) {
  const auto text = std::string_view(window_).substr(at_, end - at_);
  inside_ = comma_ = false;
  if (passing_over()) {
    too_long(text.size());
    give_long();
  } else {
    give(without_blanks(text));
  }
  at_ = end;
}

void ValueSplitter::work(bool last) {
  for (; scan_ < window_.size() && broken_.empty(); ++scan_) {
    const char c = window_[scan_];
    if (!inside_) {
      at_ = scan_ + 1;
      if (between(c)) continue;
      at_ = scan_;
      inside_ = true;
    }
    if (text_) {
      // Most bytes are neither, and a loop over them alone is several times as fast.
      const char* const data = window_.data();
      const size_t size = window_.size();
      size_t next = scan_;
      while (!escaped_ && next < size && data[next] != '"' && data[next] != '\\') ++next;
      if (next > scan_) {
        scan_ = next - 1;
        continue;
      }
      if (escaped_)
        escaped_ = false;
      else if (c == '\\')
        escaped_ = true;
      else if (c == '"')
        text_ = false;
      continue;
    }
    if (c == '"') {
      text_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (depth_ > 0) {
      if ((c == '}' || c == ']') && --depth_ == 0 && !array_) {
        value_ends(scan_ + 1);
      }
    } else if (c == ',' || c == ']' || c == '}') {
      value_ends(scan_);
      if (c == '}')
        broken_ = "a bracket closes what was not opened";
      else
        between(c);
      at_ = scan_ + 1;
    }
  }
  if (inside_ && window_.size() - at_ > max_) {
    too_long(window_.size() - at_);
    at_ = window_.size();
  }
  scan_ -= at_;
  if (!last || !broken_.empty()) return;
  if (inside_)
    broken_ = "it ends within a value";
  else if (array_ && !closed_)
    broken_ = "the array does not end";
}

}  // namespace windrow::sources
