#include "project/yaml_layout.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "project/yaml_scan.h"

namespace windrow::project {
namespace {

using yaml::is_blank;

constexpr int kStep = 2;

/// One line as it will be, with the comment behind it apart.
struct Line {
  std::string text;
  std::string comment;
  int comment_column = 0;  ///< where it stood
};

/// A block mapping or list that is open: where its keys or dashes stood, and where they go.
struct Level {
  bool list;
  int old_column, new_column;
  int id;
};

/// A key with its value in the same line.
struct Entry {
  int level, line;
  int offset;  ///< from the key to the value, as it was
  int width;   ///< of the key with its colon, as it will be
};

/// How many blanks go between each key and its value: values of neighbours that stood in one column
/// stay in one, as far to the left as the longest key lets them.
std::vector<int> blanks_before_values(const std::vector<Entry>& entries) {
  std::vector<int> out(entries.size(), 1);
  for (size_t begin = 0, end; begin < entries.size(); begin = end) {
    int least = entries[begin].offset - entries[begin].width;
    for (end = begin + 1; end < entries.size(); ++end) {
      const auto &a = entries[end - 1], &b = entries[end];
      if (a.level != b.level || a.line + 1 != b.line || a.offset != b.offset) break;
      least = std::min(least, b.offset - b.width);
    }
    if (end - begin < 2) continue;
    for (size_t i = begin; i < end; ++i) out[i] = entries[i].offset - entries[i].width - least + 1;
  }
  return out;
}

class Printer {
 public:
  /// `blanks`: of a pass before, which saw the same entries; empty: this is the first.
  Printer(std::string_view text, const Origin& origin, std::vector<int> blanks)
      : text_(text), origin_(origin), blanks_before_values_(std::move(blanks)) {}

  void run() {
    for (skip(); at_ < text_.size(); skip()) token();
  }
  const std::vector<Entry>& entries() const { return entries_; }

  YamlLayout take() {
    YamlLayout out;
    out.comments = std::move(comments_);
    // A comment that stood in one column with another stays there, where there is room.
    std::map<int, int> there;
    const auto fits = [](const Line& line) {
      return yaml::width_of(line.text) < line.comment_column;
    };
    for (const auto& line : lines_)
      if (!line.comment.empty() && fits(line)) ++there[line.comment_column];
    for (const auto& line : lines_) {
      out.text += line.text;
      if (!line.comment.empty()) {
        const bool stays = fits(line) && there[line.comment_column] > 1;
        out.text.append(size_t(stays ? line.comment_column - yaml::width_of(line.text) : 1), ' ');
        out.text += line.comment;
      }
      out.text += '\n';
    }
    // Without a line end the last line of a block of text has none: that is its meaning.
    if (ends_in_block_ && !text_.ends_with('\n')) out.text.pop_back();
    return out;
  }

 private:
  struct Bracket {
    int indent;   ///< of lines in it
    int closing;  ///< of its own end, where that has a line of its own
  };
  enum class Last : uint8_t { open, comma, colon, property, alias, plain, closed };

  char here() const { return text_[at_]; }
  int column() const { return int(at_ - line_begin_); }
  bool indicator(char c) const { return here() == c && yaml::ends_word(text_, at_ + 1, false); }
  std::string& line() { return lines_.back().text; }

  [[noreturn]] void refuse(const std::string& what) const {
    const auto number = int(std::count(text_.begin(), text_.begin() + ptrdiff_t(at_), '\n'));
    throw Error(
        Code::unsupported, what + " is not laid out", "the file was left as it is",
        {origin_.file, origin_.line + number, column() + (number == 0 ? origin_.column : 1)});
  }

  void go_to(size_t at) {
    at_ = at;
    const size_t end = at == 0 ? std::string_view::npos : text_.rfind('\n', at - 1);
    line_begin_ = end == std::string_view::npos ? 0 : end + 1;
  }

  void skip() {
    for (; at_ < text_.size(); ++at_) {
      if (here() == '\n') {
        if (fresh_) ++empty_lines_;
        fresh_ = true;
        line_begin_ = at_ + 1;
      } else if (!is_blank(here())) {
        return;
      }
    }
  }

  void new_line(int indent) {
    if (empty_lines_ > 0 && !lines_.empty()) lines_.emplace_back();
    lines_.push_back({std::string(size_t(indent), ' '), "", 0});
    settled();
  }
  void settled() {
    fresh_ = after_key_ = after_comment_ = false;
    empty_lines_ = 0;
  }
  void more_lines(const std::vector<std::string>& lines, int indent) {
    for (const auto& text : lines)
      lines_.push_back({text.empty() ? "" : std::string(size_t(indent), ' ') + text, "", 0});
  }

  /// Where something goes that stands in `column`, once what it ends is closed.
  int settle(int column, bool dash) {
    while (!levels_.empty() &&
           (levels_.back().old_column > column ||
            (levels_.back().old_column == column && levels_.back().list && !dash)))
      levels_.pop_back();
    return place_of(column, dash);
  }
  int place_of(int column, bool dash) const {
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
      if (level->old_column > column) continue;
      if (level->old_column < column) return level->new_column + kStep;
      if (level->list == dash) return level->new_column;
      if (dash) return level->new_column + kStep;  // a list right below its key
    }
    return 0;
  }
  void open_level(bool list, int old_column, int new_column) {
    if (!levels_.empty() && levels_.back().old_column == old_column && levels_.back().list == list)
      return;
    levels_.push_back({list, old_column, new_column, ++level_ids_});
  }
  /// Of the further lines of a value.
  int inside() const { return levels_.empty() ? 0 : levels_.back().new_column + kStep; }

  void begin(int new_column) {
    if (fresh_) return new_line(new_column);
    size_t blanks = lines_.empty() ? 0 : 1;
    if (after_key_) {
      const auto at = entries_.size();
      entries_.push_back({levels_.back().id, line_number(),
                          yaml::width_of(text_.substr(key_begin_, at_ - key_begin_)),
                          yaml::width_of(std::string_view(line()).substr(key_in_line_))});
      if (at < blanks_before_values_.size()) blanks = size_t(blanks_before_values_[at]);
    }
    line().append(blanks, ' ');
    settled();
  }
  int line_number() {
    for (; counted_to_ < at_; ++counted_to_) counted_ += text_[counted_to_] == '\n';
    return counted_;
  }

  void token() {
    if (here() == '#') return comment(-1);
    if (fresh_ && column() == 0 && marker()) return;
    if (indicator('?')) refuse("a key after \"?\"");
    if (indicator(':')) refuse("a value without a key before it");
    if (indicator('-')) return dash();
    node();
  }

  bool marker() {
    if (here() == '%') refuse("a directive");
    const auto word = text_.substr(at_, 3);
    if ((word != "---" && word != "...") || !yaml::ends_word(text_, at_ + 3, false)) return false;
    levels_.clear();
    new_line(0);
    line() += word;
    at_ += 3;
    ends_in_block_ = false;
    return true;
  }

  void dash() {
    const int from = column(), to = settle(from, true);
    begin(to);
    open_level(true, from, to);
    line() += '-';
    ++at_;
    ends_in_block_ = false;
  }

  /// A value or a key, with its anchor and tag.
  void node() {
    const int from = column(), to = settle(from, false);
    const bool beside_key = !fresh_ && after_key_;
    const size_t node_begin = at_;
    begin(to);
    const size_t in_line = line().size();
    ends_in_block_ = false;
    const bool anchored = here() == '&' || here() == '!';
    while (here() == '&' || here() == '!') {
      const size_t end = yaml::word_end(text_, at_, false);
      line() += text_.substr(at_, end - at_);
      at_ = yaml::past_blanks(text_, end);
      if (at_ == text_.size() || here() == '\n' || here() == '#') return;
      line() += ' ';
    }
    if (here() == '|' || here() == '>') return block();
    if (here() == '[' || here() == '{')
      return flow(beside_key && !levels_.empty() ? levels_.back().new_column : to);
    const bool alias = here() == '*', quoted = here() == '"' || here() == '\'';
    const size_t end = quoted  ? yaml::quoted_end(text_, at_)
                       : alias ? yaml::word_end(text_, at_, false)
                               : yaml::plain_end(text_, at_, false);
    const auto scalar = text_.substr(at_, end - at_);
    const size_t after = yaml::past_blanks(text_, end);
    if (scalar.find('\n') == std::string_view::npos && after < text_.size() &&
        text_[after] == ':' && yaml::ends_word(text_, after + 1, false)) {
      line() += scalar;
      line() += alias ? " :" : ":";
      at_ = after + 1;
      open_level(false, from, to);
      after_key_ = true;
      key_begin_ = node_begin;
      key_in_line_ = in_line;
    } else if (quoted) {
      several(yaml::quoted_lines(scalar), inside());
      go_to(end);
    } else {
      line() += scalar;
      at_ = end;
      // yaml-cpp takes a line below an anchor in a list for what follows the list.
      const int deeper = anchored && !levels_.empty() && levels_.back().list ? kStep : 0;
      if (!alias)
        more_of_plain(levels_.empty() ? -1 : levels_.back().old_column, inside() + deeper, false);
    }
  }

  void several(std::vector<std::string> lines, int indent) {
    line() += lines.front();
    lines.erase(lines.begin());
    more_lines(lines, indent);
  }

  /// The further lines of a plain scalar: those deeper than `parent`. Empty ones are line ends of
  /// the text.
  void more_of_plain(int parent, int indent, bool in_flow) {
    while (true) {
      size_t at = yaml::past_blanks(text_, at_), begin = at;
      if (at >= text_.size() || text_[at] != '\n') return;
      std::vector<std::string> lines;
      while (at < text_.size() && text_[at] == '\n') {
        begin = at + 1;
        at = yaml::past_blanks(text_, begin);
        if (at < text_.size() && text_[at] == '\n') lines.emplace_back();
      }
      if (at >= text_.size() || text_[at] == '#') return;
      if (!in_flow && int(at - begin) <= parent) return;
      const auto word = text_.substr(at, 3);
      if (at == begin && (word == "---" || word == "...")) return;
      if (in_flow && (yaml::is_flow_mark(text_[at]) ||
                      (text_[at] == ':' && yaml::ends_word(text_, at + 1, true))))
        return;
      const size_t end = yaml::plain_end(text_, at, in_flow);
      if (end == at) return;
      lines.emplace_back(text_.substr(at, end - at));
      more_lines(lines, indent);
      go_to(end);
    }
  }

  /// `|` or `>`, and its lines as they are, moved as a whole.
  void block() {
    const size_t begin = at_;
    int depth = 0;
    bool keeps = false;
    for (; at_ < text_.size() && !is_blank(here()) && here() != '\n'; ++at_) {
      if (here() >= '1' && here() <= '9') depth = here() - '0';
      keeps |= here() == '+';
    }
    line() += text_.substr(begin, at_ - begin);
    at_ = yaml::past_blanks(text_, at_);
    if (at_ < text_.size() && here() == '#') comment(-1);
    const int parent = levels_.empty() ? -1 : levels_.back().old_column;
    std::vector<std::string> lines;
    size_t next = std::min(yaml::line_end(text_, at_) + 1, text_.size()), kept = 0, past = next;
    int indent = depth > 0 ? std::max(parent, 0) + depth : -1;
    while (next < text_.size()) {
      const size_t end = yaml::line_end(text_, next);
      const auto line = text_.substr(next, end - next);
      const size_t first = line.find_first_not_of(' ');
      next = std::min(end + 1, text_.size());
      if (first != std::string_view::npos) {
        if (indent < 0 && int(first) > parent) indent = int(first);
        if (indent < 0 || int(first) < indent) break;
      }
      lines.emplace_back(line);
      if (first != std::string_view::npos || keeps) {
        kept = lines.size();
        past = next;
      }
    }
    lines.resize(kept);
    for (auto& line : lines) line = line.substr(std::min(line.size(), size_t(std::max(indent, 0))));
    more_lines(lines, depth > 0 && !levels_.empty() ? levels_.back().new_column + depth
                      : depth > 0                   ? depth
                                                    : inside());
    go_to(past);
    settled();
    fresh_ = true;
    ends_in_block_ = true;
  }

  /// `indent`: of a comment between brackets that has a line of its own.
  void comment(int indent) {
    const size_t end = yaml::line_end(text_, at_);
    std::string text(text_.substr(at_, end - at_));
    while (is_blank(text.back())) text.pop_back();
    comments_.push_back(text);
    ends_in_block_ = false;
    if (fresh_) {
      new_line(indent >= 0 ? indent : place_of_comment());
      line() += text;
    } else {
      lines_.back().comment = text;
      lines_.back().comment_column = yaml::width_of(text_.substr(line_begin_, at_ - line_begin_));
    }
    after_key_ = false;
    after_comment_ = true;
    at_ = end;
  }

  /// With what follows where it stood in that column, else with what is open there, else with what
  /// follows.
  int place_of_comment() const {
    const int from = column();
    size_t at = at_, begin = line_begin_;
    while (at < text_.size() && (text_[at] == '#' || text_[at] == '\n')) {
      begin = std::min(yaml::line_end(text_, at) + 1, text_.size());
      at = yaml::past_blanks(text_, begin);
    }
    const bool last = at >= text_.size();
    const int next = int(at - begin);
    const bool dash = !last && text_[at] == '-' && yaml::ends_word(text_, at + 1, false);
    if (!last && next == from) return place_of(next, dash);
    for (const auto& level : levels_)
      if (level.old_column == from) return level.new_column;
    if (!last) return place_of(next, dash);
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
      if (level->old_column <= from) return level->new_column;
    return 0;
  }

  /// All up to the end of the bracket that begins here. `base`: where the line begins that it
  /// stands in.
  void flow(int base) {
    line_base_ = base;
    open_bracket();
    while (!brackets_.empty()) {
      skip();
      if (at_ >= text_.size()) refuse("a bracket that is not closed");
      flow_token();
    }
  }
  void open_bracket() {
    const int column = yaml::width_of(line());
    line() += here();
    ++at_;
    const size_t next = yaml::past_blanks(text_, at_);
    const bool hangs = next >= text_.size() || text_[next] == '\n' || text_[next] == '#';
    brackets_.push_back({hangs ? line_base_ + kStep : column + 1, hangs ? line_base_ : column});
    last_ = Last::open;
  }
  void flow_begin(int indent) {
    if (fresh_) {
      new_line(indent);
      line_base_ = indent;
      return;
    }
    if (last_ == Last::comma || last_ == Last::colon || last_ == Last::property) line() += ' ';
    settled();
  }
  /// `,` and `:` go behind what they end, wherever the line broke.
  void flow_mark(const char* mark, Last last) {
    if (last_ == Last::colon && !fresh_) line() += ' ';  // a value that is not there
    if (fresh_ && !after_comment_) {
      line() += mark;
      empty_lines_ = -1;  // the break comes behind it, and is no empty line
    } else {
      if (fresh_) new_line(brackets_.back().indent);
      line() += mark;
    }
    ++at_;
    last_ = last;
  }

  /// The end of a bracket makes it needless; where it stood alone the end takes its line.
  void without_comma() {
    line().pop_back();
    if (line().find_first_not_of(' ') == std::string::npos)
      line().assign(size_t(brackets_.back().closing), ' ');
  }

  void flow_token() {
    const int indent = brackets_.back().indent;
    const char c = here();
    if (c == '#') return comment(indent);
    if (c == ',') return flow_mark(",", Last::comma);
    if (c == ':' && (yaml::ends_word(text_, at_ + 1, true) || last_ == Last::closed))
      return flow_mark(last_ == Last::alias ? " :" : ":", Last::colon);
    if (indicator('?')) refuse("a key after \"?\"");
    if (c == ']' || c == '}') {
      if (fresh_)
        new_line(brackets_.back().closing);
      else if (last_ == Last::comma)
        without_comma();
      else if (last_ == Last::colon)
        line() += ' ';
      line() += c;
      ++at_;
      brackets_.pop_back();
      last_ = Last::closed;
      return;
    }
    flow_begin(indent);
    if (c == '[' || c == '{') return open_bracket();
    const bool quoted = c == '"' || c == '\'', word = c == '&' || c == '!' || c == '*';
    const size_t end = quoted ? yaml::quoted_end(text_, at_)
                       : word ? yaml::word_end(text_, at_, true)
                              : yaml::plain_end(text_, at_, true);
    if (end == at_) refuse("a \"" + std::string(1, c) + "\" here");
    const auto scalar = text_.substr(at_, end - at_);
    if (quoted)
      several(yaml::quoted_lines(scalar), indent + kStep);
    else
      line() += scalar;
    go_to(end);
    if (!quoted && !word) more_of_plain(-1, indent + kStep, true);
    last_ = quoted ? Last::closed : c == '*' ? Last::alias : word ? Last::property : Last::plain;
  }

  const std::string_view text_;
  const Origin& origin_;
  const std::vector<int> blanks_before_values_;
  size_t at_ = 0, line_begin_ = 0;
  size_t counted_to_ = 0;
  int counted_ = 0;
  bool fresh_ = true;  ///< what comes is the first of its line
  bool after_key_ = false, after_comment_ = false, ends_in_block_ = false;
  int empty_lines_ = 0;
  size_t key_begin_ = 0, key_in_line_ = 0;
  int level_ids_ = 0, line_base_ = 0;
  Last last_ = Last::open;
  std::vector<Level> levels_;
  std::vector<Bracket> brackets_;
  std::vector<Entry> entries_;
  std::vector<Line> lines_;
  std::vector<std::string> comments_;
};

}  // namespace

YamlLayout lay_out(std::string_view text, const Origin& origin) {
  Printer first(text, origin, {});
  first.run();
  Printer second(text, origin, blanks_before_values(first.entries()));
  second.run();
  return second.take();
}

}  // namespace windrow::project
