#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windrow::sql {

/// A piece of SQL as DuckDB's scanner (PostgreSQL's) divides it; comments are left out. Numbers
/// with a point in them are several, and so is every operator of more than one character.
struct Token {
  enum class Kind { word, name, text, parameter, symbol };
  Kind kind = Kind::symbol;
  size_t begin = 0, end = 0;  ///< bytes

  std::string_view in(std::string_view text) const { return text.substr(begin, end - begin); }
};

std::vector<Token> tokens_of(std::string_view text);

/// True for a word that is this one; `word` in lower case.
bool is_word(const Token& token, std::string_view text, std::string_view word);
bool is_symbol(const Token& token, std::string_view text, char symbol);
/// The identifier that a word or a quoted name is; empty where it is neither.
std::string identifier(const Token& token, std::string_view text);

/// The token behind the bracket that closes the one at `open`; the number of tokens where none
/// does.
size_t past_bracket(const std::vector<Token>& tokens, std::string_view text, size_t open);

}  // namespace windrow::sql
