#include "tasks/command/lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/utf8_prefix.h"

namespace windrow::tasks {

namespace {

/// Without colours and other orders to a terminal, and what is no text replaced.
std::string readable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == 0x1b && i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && !(text[i] >= 0x40 && text[i] <= 0x7e)) ++i;
      if (i < text.size()) ++i;
      continue;
    }
    const size_t length = utf8_character(text, i);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++i;
      continue;
    }
    if (c >= 0x20 || c == '\t') {
      if (c != 0x7f) out += text.substr(i, length);
    } else if (c != '\r') {
      out += "\xef\xbf\xbd";
    }
    i += length;
  }
  return out;
}

}  // namespace

void CommandLines::said(bool error, std::string_view bytes) {
  auto& stream = streams_[error];
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    const size_t room = kLineKept - stream.line.size();
    stream.line += part.substr(0, room);
    stream.cut |= part.size() > room;
    if (end == std::string_view::npos) return;
    line(error);
    bytes.remove_prefix(end + 1);
  }
}

void CommandLines::line(bool error) {
  auto& stream = streams_[error];
  auto text = std::exchange(stream.line, {});
  const bool cut = std::exchange(stream.cut, false);
  if (text.ends_with('\r')) text.pop_back();
  if (text.find_first_not_of(" \t") != std::string::npos) {
    last_[error] = text;
    if (!error) last_cut_ = cut;
  }
  const auto now = clock_.steady();
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    in_second_ = 0;
  }
  if (lines_ >= kLinesMax || bytes_ >= kBytesMax || in_second_ >= kRateMax) {
    ++left_out_;
    bytes_left_out_ += text.size();
    return;
  }
  auto out = shown(std::move(text), cut);
  ++lines_;
  ++in_second_;
  bytes_ += out.size();
  told_(error, std::move(out));
}

std::string CommandLines::shown(std::string text, bool cut) const {
  auto out = readable(secrets_.redact(text));
  if (out.size() > kLineMax) {
    out.resize(utf8_prefix(out, kLineMax).size());
    cut = true;
  }
  return cut ? out + " … (cut)" : out;
}

void CommandLines::end() {
  for (const bool error : {false, true})
    if (!streams_[error].line.empty()) line(error);
  if (left_out_ == 0) return;
  told_(true,
        fmt::format("{} further line{}, {} bytes, {} not kept: a command's log has at most {} "
                    "lines, {} in a second, and {} MiB",
                    left_out_, left_out_ == 1 ? "" : "s", bytes_left_out_,
                    left_out_ == 1 ? "was" : "were", kLinesMax, kRateMax, kBytesMax >> 20));
}

std::string CommandLines::last_shown() const {
  const auto& last = last_[1].empty() ? last_[0] : last_[1];
  const auto out = shown(last, false);
  constexpr size_t kInMessage = 300;
  return out.size() > kInMessage ? std::string(utf8_prefix(out, kInMessage)) + "…" : out;
}

}  // namespace windrow::tasks
