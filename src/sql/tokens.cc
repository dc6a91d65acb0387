#include "sql/tokens.h"

#include <cctype>

#include "base/text.h"
#include "sql/parameters.h"

namespace windrow::sql {

namespace {

bool in_word(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalnum(u) || c == '_' || u >= 0x80;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<Token> tokens() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const size_t begin = at_;
      if (c == '\'' || c == '"') {
        quoted(c, false);
        add(c == '"' ? Token::Kind::name : Token::Kind::text, begin);
      } else if ((c == 'e' || c == 'E') && text_.substr(at_ + 1, 1) == "'") {
        ++at_;
        quoted('\'', true);
        add(Token::Kind::text, begin);
      } else if (text_.substr(at_, 2) == "--") {
        past("\n", at_);
      } else if (text_.substr(at_, 2) == "/*") {
        comment();
      } else if (c == '$') {
        dollar();
      } else if (in_word(c)) {
        while (at_ < text_.size() && (in_word(text_[at_]) || text_[at_] == '$')) ++at_;
        add(Token::Kind::word, begin);
      } else {
        ++at_;
        if (!std::isspace(static_cast<unsigned char>(c))) add(Token::Kind::symbol, begin);
      }
    }
    return std::move(found_);
  }

 private:
  void add(Token::Kind kind, size_t begin) {
    found_.push_back({kind, begin, std::min(at_, text_.size())});
  }

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
    const size_t begin = at_;
    size_t end = at_ + 1;
    while (end < text_.size() && in_word(text_[end])) ++end;
    if (end < text_.size() && text_[end] == '$') {  // $tag$ … $tag$
      past(text_.substr(at_, end + 1 - at_), end + 1);
      return add(Token::Kind::text, begin);
    }
    at_ = end;
    add(end > begin + 1 ? Token::Kind::parameter : Token::Kind::symbol, begin);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Token> found_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view text) { return Scanner(text).tokens(); }

bool is_word(const Token& token, std::string_view text, std::string_view word) {
  return token.kind == Token::Kind::word && lower(token.in(text)) == word;
}

bool is_symbol(const Token& token, std::string_view text, char symbol) {
  return token.kind == Token::Kind::symbol && text[token.begin] == symbol;
}

std::string identifier(const Token& token, std::string_view text) {
  if (token.kind == Token::Kind::word) return std::string(token.in(text));
  if (token.kind != Token::Kind::name || token.end - token.begin < 2) return {};
  return std::string(text.substr(token.begin + 1, token.end - token.begin - 2));
}

size_t past_bracket(const std::vector<Token>& tokens, std::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::symbol) continue;
    const char c = text[tokens[i].begin];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ')' || c == ']' || c == '}') && --depth == 0) return i + 1;
  }
  return tokens.size();
}

// Parameters carry no place in the tree: they are looked for in the text.
std::vector<std::pair<std::string, size_t>> parameters_in(std::string_view text) {
  std::vector<std::pair<std::string, size_t>> out;
  for (const auto& token : tokens_of(text)) {
    if (token.kind == Token::Kind::parameter)
      out.emplace_back(std::string(token.in(text).substr(1)), token.begin);
  }
  return out;
}

}  // namespace windrow::sql
