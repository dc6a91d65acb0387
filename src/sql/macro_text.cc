#include "sql/macro_text.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "sql/sql.h"
#include "sql/tokens.h"

namespace windrow::sql {

std::string MacroText::signature() const {
  std::string out;
  for (const auto& parameter : parameters) {
    out += (out.empty() ? "" : ", ") + parameter.name;
    if (parameter.otherwise) out += " := " + *parameter.otherwise;
  }
  return name + "(" + out + ")";
}

namespace {

constexpr const char* kForm =
    "a macro is CREATE MACRO name(a, b := 1) AS expression; or CREATE MACRO name(a) AS TABLE "
    "SELECT …;";

bool is_plain(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

/// Reads statement after statement; one that is wrong throws and is passed over.
class Definitions {
 public:
  Definitions(std::string_view text, const std::string& file, Problems& problems)
      : text_(text), file_(file), problems_(problems), tokens_(tokens_of(text)) {}

  std::vector<MacroText> all() {
    std::vector<MacroText> out;
    while (at_ < tokens_.size()) {
      if (is(';')) {
        ++at_;
        continue;
      }
      end_ = at_;
      while (end_ < tokens_.size() && !is_symbol(tokens_[end_], text_, ';')) ++end_;
      try {
        out.push_back(one());
      } catch (const Error& error) {
        problems_.add(error);
      }
      at_ = end_;
    }
    return out;
  }

 private:
  bool more() const { return at_ < end_; }
  bool is(char symbol) const {
    return at_ < tokens_.size() && is_symbol(tokens_[at_], text_, symbol);
  }
  bool take(std::string_view word) {
    if (!more() || !is_word(tokens_[at_], text_, word)) return false;
    ++at_;
    return true;
  }
  bool take(char symbol) {
    if (!more() || !is(symbol)) return false;
    ++at_;
    return true;
  }

  Place place(size_t token) const {
    const size_t at = token < tokens_.size() ? tokens_[token].begin : text_.size();
    return place_at({file_, 1, 1}, text_, at);
  }
  [[noreturn]] void fail(const std::string& message, const std::string& hint = kForm) const {
    throw Error(Code::configuration, message, hint, place(std::min(at_, end_)));
  }

  /// The text of some tokens, with blanks where comments stand between them.
  std::string text_of(size_t from, size_t to) const {
    std::string out;
    for (size_t i = from; i < to; ++i) {
      if (i > from) {
        for (const char c : text_.substr(tokens_[i - 1].end, tokens_[i].begin - tokens_[i - 1].end))
          out += c == '\n' ? c : ' ';
      }
      out += tokens_[i].in(text_);
    }
    return out;
  }

  MacroText one() {
    if (!take("create")) fail("this is not the definition of a macro");
    if (take("or") && !take("replace")) fail("OR is followed by REPLACE");
    if (!take("macro") && !take("function")) {
      if (take("temp") || take("temporary"))
        fail("macros of a project are not temporary", "leave TEMP out");
      fail("this is not the definition of a macro");
    }
    if (take("if")) fail("a macro is defined once", "leave IF NOT EXISTS out");
    MacroText out;
    out.place = place(at_);
    out.name = lower(more() ? identifier(tokens_[at_], text_) : "");
    if (!is_plain(out.name)) {
      fail("this cannot be the name of a macro",
           "names have letters, digits and underscores, and do not begin with a digit");
    }
    ++at_;
    if (is('.')) fail("a macro's name has no schema", "write " + out.name + " alone");
    if (!take('(')) fail("\"" + out.name + "\" is followed by its parameters in parentheses");
    parameters(out);
    if (!take("as")) fail("the parameters of \"" + out.name + "\" are followed by AS");
    out.table = take("table");
    if (!more()) fail("the macro \"" + out.name + "\" says nothing after AS");
    out.begin = place(at_);
    out.body = text_of(at_, end_);
    return out;
  }

  void parameters(MacroText& out) {
    while (!take(')')) {
      if (!more()) fail("the parameters of \"" + out.name + "\" are not closed");
      MacroText::Parameter parameter;
      parameter.place = place(at_);
      parameter.name = lower(identifier(tokens_[at_], text_));
      if (!is_plain(parameter.name)) fail("this cannot be the name of a parameter");
      for (const auto& other : out.parameters) {
        if (other.name == parameter.name)
          fail("\"" + out.name + "\" has two parameters \"" + other.name + "\"");
      }
      ++at_;
      if (take(':')) {
        if (!take('=')) fail("a default is written name := value");
        otherwise(parameter);
      } else if (more() && !is(',') && !is(')')) {
        fail("a parameter has a name and, after :=, a default",
             "types are not written here: CAST(" + parameter.name +
                 " AS …) in the macro says which it is");
      } else if (!out.parameters.empty() && out.parameters.back().otherwise) {
        fail("parameter \"" + parameter.name + "\" has no default, but comes after one that has");
      }
      out.parameters.push_back(std::move(parameter));
      if (more() && !take(',') && !is(')'))
        fail("the parameters of \"" + out.name + "\" are divided by commas");
    }
  }

  void otherwise(MacroText::Parameter& parameter) {
    const size_t from = at_;
    while (more() && !is(',') && !is(')'))
      at_ = is('(') || is('[') || is('{') ? past_bracket(tokens_, text_, at_) : at_ + 1;
    at_ = std::min(at_, end_);
    if (at_ == from) fail("parameter \"" + parameter.name + "\" has no default after :=");
    parameter.otherwise = text_of(from, at_);
    parameter.otherwise_begin = place(from);
  }

  std::string_view text_;
  const std::string& file_;
  Problems& problems_;
  std::vector<Token> tokens_;
  size_t at_ = 0, end_ = 0;
};

}  // namespace

std::vector<MacroText> read_macros(std::string_view text, const std::string& file,
                                   Problems& problems) {
  // A byte order mark shows in no editor: columns count without it.
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Definitions(text, file, problems).all();
}

}  // namespace windrow::sql
