#pragma once

#include <string>
#include <vector>

#include "duck/duck.h"

namespace windrow::cli {

/// Rows of text in aligned columns. Numbers go to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heads)
      : heads_(std::move(heads)), right_(heads_.size(), false) {}
  void align_right(size_t column) { right_[column] = true; }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  /// Lines of at most `width` columns where that can be: the widest cells are cut first. `dim`
  /// begins and ends the style of the heads; both empty without colour.
  std::string text(size_t width, const std::string& head_begin = {},
                   const std::string& head_end = {}) const;

 private:
  std::vector<std::string> heads_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

/// A query's result as such a table.
TextTable table_of(const duck::Rows& rows);

}  // namespace windrow::cli
