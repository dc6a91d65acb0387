#include "cli/text_table.h"

#include <algorithm>
#include <numeric>

#include "cli/out.h"

namespace windrow::cli {

namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 8;

/// Takes columns from the widest until the line fits.
void shrink(std::vector<size_t>& widths, size_t width) {
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), size_t(0)) + kGap * (widths.size() - 1);
  };
  while (!widths.empty() && total() > width) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) return;
    --*widest;
  }
}

}  // namespace

std::string TextTable::text(size_t width, const std::string& head_begin,
                            const std::string& head_end) const {
  std::vector<size_t> widths;
  for (const auto& head : heads_) widths.push_back(display_width(head));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(clipped(row[i], 1000)));
  }
  shrink(widths, width);
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string cell = clipped(cells[i], widths[i]);
      const std::string space(widths[i] - std::min(widths[i], display_width(cell)), ' ');
      if (i > 0) out += std::string(kGap, ' ');
      out += right_[i] ? space + cell : cell + (i + 1 < cells.size() ? space : "");
    }
    return out;
  };
  std::string out = head_begin + line(heads_) + head_end + "\n";
  for (const auto& row : rows_) out += line(row) + "\n";
  return out;
}

TextTable table_of(const duck::Rows& rows) {
  std::vector<std::string> heads;
  for (const auto& column : rows.columns) heads.push_back(column.name);
  TextTable out(heads);
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const auto& type = rows.columns[i].type;
    if (type.find("INT") != std::string::npos || type == "DOUBLE" || type == "FLOAT" ||
        type.starts_with("DECIMAL")) {
      if (type.find('[') == std::string::npos && type.find('(') == std::string::npos)
        out.align_right(i);
      if (type.starts_with("DECIMAL") && !type.ends_with("]")) out.align_right(i);
    }
  }
  for (const auto& row : rows.rows) {
    std::vector<std::string> cells;
    for (const auto& cell : row) cells.push_back(duck::text_of(cell));
    out.add(std::move(cells));
  }
  return out;
}

}  // namespace windrow::cli
