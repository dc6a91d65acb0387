#include "lsp/yaml_words.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace windrow::lsp {

namespace {

constexpr int kNodesDeep = 64;

using At = YamlCursor::At;

/// A mapping or list that is open at a line, by the column that its keys or dashes stand in.
struct Frame {
  bool list = false;
  size_t column = 0;
  YamlPath path;       ///< its own
  std::string key;     ///< of a mapping: the last one
  int item = -1;       ///< of a list: the last one
  bool empty = false;  ///< nothing stands behind the last key or dash yet

  YamlPath below() const {
    auto out = path;
    out.push_back(list ? YamlStep{{}, item} : YamlStep{key, -1});
    return out;
  }
};

class Scanner {
 public:
  Scanner(std::string_view text, size_t cursor) : text_(text), cursor_(cursor) {}

  YamlWords scan() {
    while (at_ < text_.size()) line();
    if (cursor_ >= text_.size() && (text_.empty() || text_.back() == '\n'))
      blank_line(text_.size() - line_begin(text_.size()));
    return std::move(out_);
  }

 private:
  size_t line_begin(size_t at) const {
    const size_t before = at == 0 ? std::string_view::npos : text_.rfind('\n', at - 1);
    return before == std::string_view::npos ? 0 : before + 1;
  }
  size_t line_end(size_t at) const { return std::min(text_.find('\n', at), text_.size()); }
  bool done() const { return at_ >= text_.size(); }
  char now() const { return text_[at_]; }
  void skip_blanks() {
    while (!done() && (now() == ' ' || now() == '\t' || now() == '\r')) ++at_;
  }
  bool comment_here() const {
    return !done() && now() == '#' && (at_ == 0 || text_[at_ - 1] == ' ' || text_[at_ - 1] == '\n');
  }
  /// The first that it is in: what follows may touch it too.
  void set_cursor(At at, YamlPath path, Span word) {
    if (std::exchange(found_, true)) return;
    out_.cursor = {at, std::move(path), word};
  }
  /// Where the cursor is between the two, nothing being written there.
  void cursor_between(size_t begin, size_t end, At at, const YamlPath& path) {
    if (cursor_ >= begin && cursor_ <= end) set_cursor(at, path, {cursor_, cursor_});
  }

  void line() {
    const size_t begin = at_;
    while (!done() && now() == ' ') ++at_;
    const size_t column = at_ - begin;
    if (done() || now() == '\n' || now() == '\r' || now() == '#') {
      const size_t end = line_end(at_);
      const size_t blank_end = now_is_comment() ? at_ : end;
      if (cursor_ >= begin && cursor_ <= blank_end) blank_line(cursor_ - begin);
      at_ = end + 1;
      return;
    }
    if (cursor_ >= begin && cursor_ < at_) blank_line(cursor_ - begin);
    content(column, 0);
    at_ = std::min(line_end(at_) + 1, text_.size());
  }
  bool now_is_comment() const { return !done() && now() == '#'; }

  /// The cursor is in a line that has nothing at this column yet.
  void blank_line(size_t column) {
    auto frames = frames_;
    while (!frames.empty() && frames.back().column > column) frames.pop_back();
    const Span here{cursor_, cursor_};
    if (frames.empty()) {
      set_cursor(frames_.empty() ? At::begin : At::none, {}, here);
      return;
    }
    const Frame& top = frames.back();
    if (!top.list && top.column == column)
      set_cursor(At::key, top.path, here);
    else if (top.list && top.column == column && frames.size() > 1 &&
             frames[frames.size() - 2].column == column)
      set_cursor(At::key, frames[frames.size() - 2].path, here);
    else if (top.column < column && top.empty)
      set_cursor(At::begin, top.below(), here);
    else
      set_cursor(At::none, {}, here);
  }

  void close(size_t column, bool dash) {
    while (!frames_.empty() && (frames_.back().column > column ||
                                (!dash && frames_.back().list && frames_.back().column == column)))
      frames_.pop_back();
  }
  YamlPath open_path() const { return frames_.empty() ? YamlPath{} : frames_.back().below(); }

  void content(size_t column, int depth) {
    const bool dash = now() == '-' && (at_ + 1 >= text_.size() || text_[at_ + 1] == ' ' ||
                                       text_[at_ + 1] == '\n' || text_[at_ + 1] == '\r');
    close(column, dash);
    if (dash && depth < kNodesDeep) return item(column, depth);
    const size_t begin = at_;
    const Span key = key_here();
    if (key.size() == 0) {
      at_ = begin;
      const bool of_map =
          !frames_.empty() && !frames_.back().list && frames_.back().column == column;
      return lone_value(of_map);
    }
    if (frames_.empty() || frames_.back().list || frames_.back().column != column)
      frames_.push_back({false, column, open_path(), {}, -1, false});
    Frame& frame = frames_.back();
    frame.key = unquoted(key);
    frame.empty = true;
    add_word(key, frame.path, true);
    at_ = std::max(at_, key.end);
    while (now() != ':') ++at_;
    const size_t colon = at_++;
    value(frame.below(), colon, column);
  }

  void item(size_t column, int depth) {
    if (frames_.empty() || !frames_.back().list || frames_.back().column != column)
      frames_.push_back({true, column, open_path(), {}, -1, false});
    Frame& frame = frames_.back();
    ++frame.item;
    frame.empty = true;
    const size_t dash = at_++;
    const auto path = frame.below();
    while (!done() && now() == ' ') ++at_;
    if (done() || now() == '\n' || now() == '\r' || comment_here()) {
      cursor_between(dash + 1, line_end(at_), At::begin, path);
      return;
    }
    cursor_between(dash + 1, at_ - 1, At::begin, path);
    frame.empty = false;
    content(column + (at_ - dash), depth + 1);
  }

  /// Something without a colon: an element of a list, or a key that is being written.
  void lone_value(bool of_map) {
    if (of_map) {
      const size_t begin = at_;
      at_ = plain_end(false);
      add_word({begin, at_}, frames_.back().path, true);
      return;
    }
    const auto path = open_path();
    if (!frames_.empty()) frames_.back().empty = false;
    scalar_or_flow(path, At::begin, frames_.empty() ? 0 : frames_.back().column);
  }

  void value(const YamlPath& path, size_t colon, size_t column) {
    skip_blanks();
    if (done() || now() == '\n' || comment_here()) {
      cursor_between(colon + 1, done() || now() == '\n' ? at_ : at_ - 1, At::value, path);
      return;
    }
    if (cursor_ > colon && cursor_ < at_) set_cursor(At::value, path, {cursor_, cursor_});
    frames_.back().empty = false;
    if (now() == '|' || now() == '>') return block(path, column);
    scalar_or_flow(path, At::value, column);
  }

  void block(const YamlPath& path, size_t column) {
    const size_t begin = at_;
    at_ = line_end(at_);
    while (at_ < text_.size()) {
      size_t first = at_ + 1;
      while (first < text_.size() && text_[first] == ' ') ++first;
      const bool blank = first >= text_.size() || text_[first] == '\n' || text_[first] == '\r';
      if (!blank && first - at_ - 1 <= column) break;
      at_ = line_end(at_ + 1);
    }
    size_t end = at_;
    while (end > begin && (text_[end - 1] == '\n' || text_[end - 1] == '\r')) --end;
    out_.words.push_back(
        {{begin, end}, path, false, std::string(text_.substr(begin, end - begin))});
    if (cursor_ >= begin && cursor_ <= end) set_cursor(At::none, path, {begin, end});
  }

  void scalar_or_flow(const YamlPath& path, At at, size_t column) {
    flow_column_ = column;
    if (now() == '{' || now() == '[') return flow(path, 0);
    const size_t begin = at_;
    at_ = now() == '"' || now() == '\'' ? quote_end(at_) : plain_end(false);
    add_word({begin, at_}, path, false, at);
  }

  /// A line that begins at or before the column of the mapping around: the brackets were forgotten.
  bool flow_forgotten() const {
    const size_t begin = at_ + 1;
    size_t first = begin;
    while (first < text_.size() && text_[first] == ' ') ++first;
    if (first - begin > flow_column_) return false;
    size_t end = first;
    while (end < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_'))
      ++end;
    return end > first && end < text_.size() && text_[end] == ':';
  }
  /// False where the brackets end without being closed.
  bool skip_flow_blanks() {
    while (!done()) {
      if (comment_here()) {
        at_ = line_end(at_);
      } else if (now() == '\n') {
        if (flow_forgotten()) return false;
        ++at_;
      } else if (now() == ' ' || now() == '\t' || now() == '\r') {
        ++at_;
      } else {
        return true;
      }
    }
    return false;
  }

  void flow(const YamlPath& path, int depth) {
    const bool map = now() == '{';
    const char close = map ? '}' : ']';
    int item = 0;
    ++at_;
    while (true) {
      auto here = path;
      if (!map) here.push_back({{}, item});
      const size_t begin = at_;
      const bool open = skip_flow_blanks();
      const bool word = open && std::string_view(",]}").find(now()) == std::string_view::npos;
      if (!word || at_ > begin)
        cursor_between(begin, word ? at_ - 1 : at_, map ? At::key : At::value, here);
      if (!open) return;
      if (now() == close) {
        ++at_;
        return;
      }
      if (now() == ',') {
        ++at_;
        ++item;
        continue;
      }
      if (now() == '}' || now() == ']') return;  // of something around
      map ? entry(path, depth) : element(here, depth);
    }
  }

  void entry(const YamlPath& path, int depth) {
    const size_t begin = at_;
    at_ = now() == '"' || now() == '\'' ? quote_end(at_) : plain_end(true);
    if (at_ == begin) ++at_;
    const Span key{begin, at_};
    add_word(key, path, true);
    auto below = path;
    below.push_back({unquoted(key), -1});
    if (!skip_flow_blanks() || now() != ':') return;
    const size_t colon = at_++;
    const bool open = skip_flow_blanks();
    if (cursor_ > colon && cursor_ <= at_) set_cursor(At::value, below, {cursor_, cursor_});
    if (!open || now() == ',' || now() == '}' || now() == ']') return;
    element(below, depth);
  }

  void element(const YamlPath& path, int depth) {
    if ((now() == '{' || now() == '[') && depth < kNodesDeep) return flow(path, depth + 1);
    const size_t begin = at_;
    at_ = now() == '"' || now() == '\'' ? quote_end(at_) : plain_end(true);
    if (at_ == begin) ++at_;
    add_word({begin, at_}, path, false, At::value);
  }

  /// A key at `at_`, up to its colon; empty where none is.
  Span key_here() {
    const size_t begin = at_, line = line_end(at_);
    if (now() == '{' || now() == '[' || now() == '|' || now() == '>') return {};
    size_t end = begin;
    if (now() == '"' || now() == '\'') {
      end = quote_end(begin);
      size_t colon = end;
      while (colon < line && text_[colon] == ' ') ++colon;
      return colon < line && text_[colon] == ':' ? Span{begin, end} : Span{};
    }
    for (; end < line; ++end) {
      if (text_[end] == '#' && text_[end - 1] == ' ') return {};
      if (text_[end] != ':') continue;
      if (end + 1 >= line || text_[end + 1] == ' ' || text_[end + 1] == '\r') break;
    }
    if (end >= line) return {};
    while (end > begin && text_[end - 1] == ' ') --end;
    return {begin, end};
  }

  size_t quote_end(size_t at) const {
    const char quote = text_[at];
    for (size_t i = at + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\')
        ++i;
      else if (text_[i] == quote)
        return i + 1;
    }
    return line_end(at);
  }
  size_t plain_end(bool in_flow) const {
    size_t end = at_;
    const size_t line = line_end(at_);
    for (; end < line; ++end) {
      const char c = text_[end];
      if (c == '#' && end > at_ && text_[end - 1] == ' ') break;
      if (in_flow && std::string_view(",{}[]").find(c) != std::string_view::npos) break;
      if (in_flow && c == ':' &&
          (end + 1 >= line ||
           std::string_view(" ,{}[]\r").find(text_[end + 1]) != std::string_view::npos))
        break;
    }
    while (end > at_ && (text_[end - 1] == ' ' || text_[end - 1] == '\r')) --end;
    return end;
  }
  std::string unquoted(Span span) const {
    auto text = text_.substr(span.begin, span.size());
    if (text.size() > 1 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0])
      text = text.substr(1, text.size() - 2);
    return std::string(text);
  }

  void add_word(Span span, const YamlPath& path, bool key, At at = At::key) {
    out_.words.push_back({span, path, key, unquoted(span)});
    if (span.holds(cursor_)) set_cursor(at, path, span);
  }

  std::string_view text_;
  size_t cursor_, at_ = 0, flow_column_ = 0;
  bool found_ = false;  ///< the cursor
  std::vector<Frame> frames_;
  YamlWords out_;
};

}  // namespace

std::vector<std::string> YamlWords::keys_of(const YamlPath& path) const {
  std::vector<std::string> out;
  for (const auto& word : words)
    if (word.key && word.path == path) out.push_back(word.text);
  return out;
}

YamlWords yaml_words(std::string_view text, size_t cursor) { return Scanner(text, cursor).scan(); }

}  // namespace windrow::lsp
