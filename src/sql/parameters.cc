#include "sql/parameters.h"

#include <cctype>

// Parameters carry no place in the tree: they are looked for in the text, outside of strings,
// quoted names and comments, as DuckDB's scanner (PostgreSQL's) divides it.
namespace windrow::sql {

namespace {

bool in_word(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalnum(u) || c == '_' || u >= 0x80;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<std::pair<std::string, size_t>> parameters() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\'' || c == '"') {
        quoted(c, false);
      } else if ((c == 'e' || c == 'E') && text_.substr(at_ + 1, 1) == "'") {
        ++at_;
        quoted('\'', true);
      } else if (text_.substr(at_, 2) == "--") {
        past("\n", at_);
      } else if (text_.substr(at_, 2) == "/*") {
        comment();
      } else if (c == '$') {
        dollar();
      } else if (in_word(c)) {
        while (at_ < text_.size() && (in_word(text_[at_]) || text_[at_] == '$')) ++at_;
      } else {
        ++at_;
      }
    }
    return std::move(found_);
  }

 private:
  void past(std::string_view end, size_t from) {
    const auto found = text_.find(end, from);
    at_ = found == std::string_view::npos ? text_.size() : found + end.size();
  }

  /// A doubled quote reads as two strings in a row, which is as good.
  void quoted(char quote, bool backslashes) {
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (backslashes && text_[at_] == '\\') ++at_;
    }
    ++at_;
  }

  void comment() {
    int depth = 0;
    do {
      if (text_.substr(at_, 2) == "/*") {
        ++depth;
        at_ += 2;
      } else if (text_.substr(at_, 2) == "*/") {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
  }

  void dollar() {
    size_t end = at_ + 1;
    while (end < text_.size() && in_word(text_[end])) ++end;
    if (end < text_.size() && text_[end] == '$') {  // $tag$ … $tag$
      past(text_.substr(at_, end + 1 - at_), end + 1);
      return;
    }
    if (end > at_ + 1) found_.emplace_back(std::string(text_.substr(at_ + 1, end - at_ - 1)), at_);
    at_ = end;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<std::pair<std::string, size_t>> found_;
};

}  // namespace

std::vector<std::pair<std::string, size_t>> parameters_in(std::string_view text) {
  return Scanner(text).parameters();
}

}  // namespace windrow::sql
