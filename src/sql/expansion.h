#pragma once

#include <set>
#include <string>
#include <vector>

#include "sql/macro_text.h"
#include "sql/macros.h"
#include "sql/sql.h"
#include "sql/tokens.h"
#include "sql/tree.h"

/// Private to sql/: calls of macros replaced by what they say. It is done in the text, so that all
/// around a call stays as it is written and every byte knows where it comes from; where calls and
/// parameters stand the syntax tree says.
namespace windrow::sql {

struct Macro {
  MacroText text;
  std::string sql;   ///< its body as a whole SELECT
  size_t shift = 0;  ///< bytes of `sql` before the body
  std::vector<Token> tokens;
  Json tree;
  std::set<std::string> calls;   ///< other macros, directly
  std::set<std::string> tables;  ///< that it reads, also through others
  bool broken = false;
};

/// A text that is put together from pieces of files.
class Pieced {
 public:
  const std::string& text() const { return text_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  void add(std::string_view text, Place begin, size_t written, Place call);
  void add(const Pieced& other);

 private:
  std::string text_;
  std::vector<Piece> pieces_;
};

/// The piece in which a byte lies; nothing where there are no pieces.
const Piece* piece_at(const std::vector<Piece>& pieces, size_t position);

/// Replaces `parsed.text` by what it says without macros. Error with all problems.
void expand(duck::Connection& connection, const Macros& macros, Parsed& parsed);

/// A macro's own text with the macros that it calls expanded and its parameters as they are.
Pieced expanded_body(const Macros& macros, const Macro& macro, Problems& problems);

}  // namespace windrow::sql
