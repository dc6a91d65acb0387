#include "lsp/framing.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace windrow::lsp {

namespace {

constexpr size_t npos = std::string_view::npos;
constexpr size_t kHeadBytesMax = 4096;
constexpr std::string_view kLength = "content-length:";

/// Where the next head may begin, from `from` on.
size_t find_head(std::string_view text, size_t from) {
  for (size_t at = from; at + kLength.size() <= text.size(); ++at) {
    if ((text[at] == 'C' || text[at] == 'c') &&
        same_letters(text.substr(at, kLength.size()), kLength))
      return at;
  }
  return npos;
}

/// Where the head ends, and how long its end is; npos where it has none yet.
std::pair<size_t, size_t> end_of_head(std::string_view text) {
  for (size_t at = text.find('\n'); at != npos; at = text.find('\n', at + 1)) {
    const auto rest = text.substr(at + 1);
    if (rest.starts_with("\r\n")) return {at + 1, 2};
    if (rest.starts_with("\n")) return {at + 1, 1};
  }
  return {npos, 0};
}

}  // namespace

Framing::Head Framing::read_head(std::string_view head) {
  Head out;
  bool found = false;
  while (!head.empty()) {
    const size_t end = head.find('\n');
    std::string_view line = head.substr(0, end);
    head.remove_prefix(end == npos ? head.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t colon = line.find(':');
    if (colon == npos) {
      out.wrong = "a line of the head is no `name: value`";
      return out;
    }
    if (!same_letters(line.substr(0, colon + 1), kLength)) continue;
    line.remove_prefix(colon + 1);
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
    const auto [last, error] = std::from_chars(line.data(), line.data() + line.size(), out.length);
    found = error == std::errc{} && last == line.data() + line.size();
    if (!found || out.length > kMessageBytesMax) {
      out.wrong = "Content-Length is no number of at most " + std::to_string(kMessageBytesMax);
      return out;
    }
  }
  if (!found) out.wrong = "the head has no Content-Length";
  return out;
}

std::optional<Frame> Framing::lost(std::string why) {
  const size_t next = find_head(buffer_, 1);
  if (next != npos)
    buffer_.erase(0, next);
  else  // what is kept may be the beginning of one
    buffer_.erase(0, buffer_.size() - std::min(buffer_.size(), kLength.size() - 1));
  const bool told = std::exchange(lost_, true);
  if (!told) return Frame{true, std::move(why)};
  return std::nullopt;
}

std::optional<Frame> Framing::next() {
  while (true) {
    const size_t before = buffer_.size();
    const auto [end, end_size] = end_of_head(buffer_);
    if (end == npos && buffer_.size() <= kHeadBytesMax) return std::nullopt;
    if (end != npos && end <= kHeadBytesMax) {
      const Head head = read_head(std::string_view(buffer_).substr(0, end));
      if (head.wrong.empty()) {
        if (buffer_.size() - end - end_size < head.length) return std::nullopt;
        Frame out{false, buffer_.substr(end + end_size, head.length)};
        buffer_.erase(0, end + end_size + head.length);
        lost_ = false;
        return out;
      }
      if (auto frame = lost(head.wrong)) return frame;
    } else if (auto frame =
                   lost("a head of more than " + std::to_string(kHeadBytesMax) + " bytes")) {
      return frame;
    }
    if (buffer_.size() == before) return std::nullopt;
  }
}

std::string framed(std::string_view json) {
  return "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + std::string(json);
}

}  // namespace windrow::lsp
