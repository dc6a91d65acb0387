#include "lsp/sql_words.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "duck/quoting.h"

namespace windrow::lsp {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Comments are given to `other`, as texts are.
  template <class Word, class Other>
  void each(Word word, Other other) {
    while (at_ < text_.size()) {
      const size_t begin = at_;
      const char c = text_[at_];
      if (text_.substr(at_, 2) == "--") {
        at_ = std::min(text_.find('\n', at_), text_.size());
        other(Span{begin, at_}, true);
      } else if (text_.substr(at_, 2) == "/*") {
        comment();
        other(Span{begin, at_}, at_ == text_.size() && !text_.ends_with("*/"));
      } else if (c == '\'') {
        quote('\'');
        other(Span{begin, at_}, open_);
        word(SqlWord{
            SqlWord::Kind::text, {begin, at_}, std::string(text_.substr(begin, at_ - begin))});
      } else if (c == '"') {
        word(SqlWord{SqlWord::Kind::quoted, {begin, at_}, quoted_name()});
      } else if (c == '$') {
        dollar(word, other);
      } else if (is_letter(c)) {
        while (at_ < text_.size() &&
               (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '$'))
          ++at_;
        word(SqlWord{
            SqlWord::Kind::name, {begin, at_}, std::string(text_.substr(begin, at_ - begin))});
      } else if (is_digit(c)) {
        while (at_ < text_.size() &&
               (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '.'))
          ++at_;
        word(SqlWord{
            SqlWord::Kind::number, {begin, at_}, std::string(text_.substr(begin, at_ - begin))});
      } else {
        ++at_;
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
          word(SqlWord{SqlWord::Kind::symbol, {begin, at_}, std::string(1, c)});
      }
    }
  }

 private:
  void comment() {
    size_t depth = 1;
    for (at_ += 2; at_ < text_.size() && depth > 0;) {
      const auto two = text_.substr(at_, 2);
      if (two == "/*") ++depth;
      if (two == "*/") --depth;
      at_ += two == "/*" || two == "*/" ? 2 : 1;
    }
    at_ = std::min(at_, text_.size());
  }
  void quote(char mark) {
    open_ = true;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != mark) continue;
      ++at_;
      if (at_ >= text_.size() || text_[at_] != mark) {
        open_ = false;
        return;
      }
    }
  }
  std::string quoted_name() {
    const size_t begin = at_ + 1;
    quote('"');
    std::string out;
    const size_t end = open_ ? at_ : at_ - 1;
    for (size_t i = begin; i < end; ++i) {
      out += text_[i];
      if (text_[i] == '"') ++i;
    }
    return out;
  }
  template <class Word, class Other>
  void dollar(Word word, Other other) {
    const size_t begin = at_++;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const bool digits = at_ > begin + 1 && is_digit(text_[begin + 1]);
    if (at_ < text_.size() && text_[at_] == '$' && !digits) {
      const auto tag = text_.substr(begin, at_ + 1 - begin);
      const size_t close = text_.find(tag, at_ + 1);
      at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
      other(Span{begin, at_}, close == std::string_view::npos);
      word(SqlWord{
          SqlWord::Kind::text, {begin, at_}, std::string(text_.substr(begin, at_ - begin))});
      return;
    }
    word(SqlWord{SqlWord::Kind::parameter,
                 {begin, at_},
                 std::string(text_.substr(begin + 1, at_ - begin - 1))});
  }

  std::string_view text_;
  size_t at_ = 0;
  bool open_ = false;
};

}  // namespace

bool SqlWord::is(std::string_view word) const {
  return kind == Kind::name && text.size() == word.size() && same_letters(text, word);
}

std::vector<SqlWord> sql_words(std::string_view text) {
  std::vector<SqlWord> out;
  Scanner(text).each([&](SqlWord word) { out.push_back(std::move(word)); }, [](Span, bool) {});
  return out;
}

bool in_comment_or_text(std::string_view text, size_t cursor) {
  bool inside = false;
  Scanner(text).each([](const SqlWord&) {},
                     [&](Span span, bool open) {
                       inside = inside || (span.begin < cursor &&
                                           (cursor < span.end || (open && cursor == span.end)));
                     });
  return inside;
}

bool is_clause_word(const SqlWord& word) {
  static const std::set<std::string> words = {
      "select",  "from",       "where",   "group",  "having",    "qualify", "window",      "order",
      "limit",   "offset",     "union",   "except", "intersect", "join",    "inner",       "left",
      "right",   "full",       "outer",   "cross",  "natural",   "on",      "using",       "as",
      "asof",    "positional", "semi",    "anti",   "with",      "sample",  "tablesample", "pivot",
      "unpivot", "lateral",    "and",     "or",     "not",       "end",     "then",        "else",
      "when",    "asc",        "desc",    "nulls",  "by",        "all",     "distinct",    "in",
      "is",      "like",       "between", "null",   "case",      "values",  "fetch",       "for"};
  return word.kind == SqlWord::Kind::name && words.contains(lower(word.text));
}

std::string written_name(std::string_view name) {
  const bool plain =
      !name.empty() && is_letter(name[0]) &&
      std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c); }) &&
      !is_clause_word({SqlWord::Kind::name, {}, std::string(name)});
  return plain ? std::string(name) : duck::quote_name(std::string(name));
}

}  // namespace windrow::lsp
