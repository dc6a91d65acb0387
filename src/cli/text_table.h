#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "base/rows.h"
#include "base/secrets.h"
#include "cli/text.h"

namespace windrow::cli {

constexpr size_t kNoTerminal = 100'000;  ///< columns where nothing is cut to fit

struct TableLayout {
  size_t width = kNoTerminal;  ///< columns of the terminal
  Style style;
  const Secrets* secrets = nullptr;  ///< masked before cells are cut, so that no part of one stays
};

/// Rows of text in aligned columns. Numbers go to the right.
class TextTable {
 public:
  enum class Tone { plain, dim, good, warn, bad };
  struct Cell {
    std::string text;
    Tone tone = Tone::plain;
    Cell(std::string t, Tone tone_ = Tone::plain) : text(std::move(t)), tone(tone_) {}  // NOLINT
    Cell(const char* t) : text(t) {}                                                    // NOLINT
  };
  using Layout = TableLayout;

  explicit TextTable(std::vector<std::string> heads)
      : heads_(std::move(heads)), right_(heads_.size(), false) {}
  /// `numbers`: which columns go to the right.
  TextTable(std::vector<std::string> heads, std::initializer_list<size_t> numbers)
      : TextTable(std::move(heads)) {
    for (const size_t column : numbers) align_right(column);
  }
  void align_right(size_t column) { right_[column] = true; }
  /// Where a terminal has no room for all: the first of these is cut, and goes where that does not
  /// help, then the next. Columns without a value go before.
  void give_way(std::vector<size_t> columns) { gives_way_ = std::move(columns); }
  void add(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  /// Lines of at most `width` columns: the widest texts are cut first, numbers never; columns that
  /// then still have no room are named below the table.
  std::string text(const Layout& layout = {}) const;

 private:
  void make_room(size_t width);
  void leave_out(size_t column);

  std::vector<std::string> heads_;
  std::vector<bool> right_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<size_t> gives_way_;
  bool made_room_ = false;
};

/// A query's result as such a table; NULL is dim, so that it is not taken for the text.
TextTable table_of(const Rows& rows);

}  // namespace windrow::cli
