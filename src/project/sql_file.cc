#include "project/sql_file.h"

#include <algorithm>
#include <cctype>

namespace windrow::project {
namespace {

constexpr size_t npos = std::string_view::npos;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

Place place_at(std::string_view text, size_t at, const std::string& file) {
  const auto before = text.substr(0, at);
  const size_t line_end = before.rfind('\n');
  return {file, 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
          static_cast<int>(at - (line_end == npos ? 0 : line_end + 1)) + 1};
}

/// True where a block comment at `at` is a header; `content` is then where its YAML begins.
bool header_at(std::string_view text, size_t at, size_t& content) {
  static constexpr std::string_view kMark = "windrow";
  size_t word = at + 2;
  while (word < text.size() && is_space(text[word])) ++word;
  if (text.substr(word, kMark.size()) != kMark) return false;
  content = word + kMark.size();
  return content >= text.size() || is_space(text[content]) || text[content] == '*';
}

class Splitter {
 public:
  Splitter(std::string_view text, const std::string& file, Problems& problems)
      : text_(text), file_(file), problems_(problems) {}

  SqlFile split() {
    while (at_ < text_.size() && !stopped_) step();
    if (stopped_) return out_;
    if (begin_ == npos) {
      problem(text_.empty() ? 0 : std::min(text_.size() - 1, last_header_end_),
              "the file holds no SELECT", "a model is a header (/* windrow … */) and one SELECT");
      return out_;
    }
    out_.select = text_.substr(begin_, end_ - begin_);
    out_.begin = place_at(text_, begin_, file_);
    return out_;
  }

 private:
  void problem(size_t at, std::string message, std::string hint = {}) {
    problems_.add(Code::configuration, std::move(message), std::move(hint),
                  place_at(text_, at, file_));
  }
  void stop(std::string message, std::string hint = {}) {
    problem(at_, std::move(message), std::move(hint));
    stopped_ = true;
  }

  void step() {
    const char c = text_[at_];
    if (is_space(c)) {
      ++at_;
    } else if (c == '-' && text_.substr(at_, 2) == "--") {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '/' && text_.substr(at_, 2) == "/*") {
      comment();
    } else if (c == ';') {
      if (begin_ != npos) done_ = true;
      ++at_;
    } else {
      token(c);
    }
  }

  void comment() {
    size_t content = 0;
    if (header_at(text_, at_, content)) return header(content);
    // Block comments nest, as in DuckDB.
    size_t depth = 1, i = at_ + 2;
    while (i < text_.size() && depth > 0) {
      if (text_.substr(i, 2) == "/*")
        ++depth, i += 2;
      else if (text_.substr(i, 2) == "*/")
        --depth, i += 2;
      else
        ++i;
    }
    if (depth > 0) return stop("a comment is not closed", "end it with */");
    at_ = i;
  }

  void header(size_t content) {
    if (begin_ != npos)
      return stop("the header must come before the SELECT",
                  "move /* windrow … */ to the top of the file");
    if (out_.header) return stop("a second header", "a file has one /* windrow … */");
    const size_t end = text_.find("*/", content);
    if (end == npos) return stop("the header is not closed", "end it with */");
    out_.header = text_.substr(content, end - content);
    const Place place = place_at(text_, content, file_);
    out_.header_origin = {file_, place.line, place.column};
    last_header_end_ = end;
    at_ = end + 2;
  }

  void token(char c) {
    if (done_) return stop("more than one statement", "a model is one SELECT");
    if (begin_ == npos) begin_ = at_;
    if (c == '\'') {
      const bool escapes = at_ > 0 && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E') &&
                           (at_ < 2 || !is_word(text_[at_ - 2]));
      quoted('\'', escapes);
    } else if (c == '"') {
      quoted('"', false);
    } else if (c == '$') {
      dollar();
    } else if (is_word(c)) {
      while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '$')) ++at_;
    } else {
      ++at_;
    }
    end_ = at_;
  }

  /// A quote that is not closed is DuckDB's to report.
  void quoted(char quote, bool escapes) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes && text_[at_] == '\\') {
        at_ = std::min(at_ + 1, text_.size() - 1);
      } else if (text_[at_] == quote) {
        ++at_;
        return;
      }
    }
  }

  /// `$$…$$`, `$tag$…$tag$`, or a parameter.
  void dollar() {
    size_t end = at_ + 1;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const bool number = end > at_ + 1 && text_[at_ + 1] >= '0' && text_[at_ + 1] <= '9';
    if (end >= text_.size() || text_[end] != '$' || number) {
      at_ = end;
      return;
    }
    const auto tag = text_.substr(at_, end + 1 - at_);
    const size_t close = text_.find(tag, end + 1);
    at_ = close == npos ? text_.size() : close + tag.size();
  }

  std::string_view text_;
  const std::string& file_;
  Problems& problems_;
  SqlFile out_;
  size_t at_ = 0, begin_ = npos, end_ = 0, last_header_end_ = 0;
  bool done_ = false, stopped_ = false;
};

}  // namespace

SqlFile split_sql(std::string_view text, const std::string& file, Problems& problems) {
  // A byte order mark shows in no editor: columns count without it.
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Splitter(text, file, problems).split();
}

}  // namespace windrow::project
