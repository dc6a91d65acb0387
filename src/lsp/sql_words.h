#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lsp/text.h"

/// The words of SQL that is being written: a quote or a comment that is not closed ends with the
/// text, and nothing is an error. (DuckDB's own tokenizer gives up there.)
namespace windrow::lsp {

struct SqlWord {
  enum class Kind { name, quoted, text, number, parameter, symbol };
  Kind kind = Kind::symbol;
  Span span;
  std::string text;  ///< a quoted name without its quotes, a parameter without its dollar

  bool is_name() const { return kind == Kind::name || kind == Kind::quoted; }
  bool is(char symbol) const { return kind == Kind::symbol && text[0] == symbol; }
  /// A word without quotes, whatever its case; `word` in capitals.
  bool is(std::string_view word) const;
};

/// In the text's order, without comments. `in_comment`: where the byte `cursor` is in a comment or
/// a text.
std::vector<SqlWord> sql_words(std::string_view text);
bool in_comment_or_text(std::string_view text, size_t cursor);

/// A word that cannot be an alias unless it is quoted.
bool is_clause_word(const SqlWord& word);
/// A name as it must be written: with quotes where it is no plain word.
std::string written_name(std::string_view name);

}  // namespace windrow::lsp
