#include "cli/text_table.h"

#include <algorithm>
#include <numeric>

namespace windrow::cli {

namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 12;
constexpr size_t kWidest = 1000;  // a cell is never wider, wherever it goes

size_t total(const std::vector<size_t>& widths) {
  if (widths.empty()) return 0;
  return std::accumulate(widths.begin(), widths.end(), size_t(0)) + kGap * (widths.size() - 1);
}

/// Takes columns from the widest text until the line fits; then leaves out columns from the end.
void shrink(std::vector<size_t>& widths, const std::vector<bool>& right, size_t width) {
  while (total(widths) > width) {
    size_t widest = widths.size();
    for (size_t i = 0; i < widths.size(); ++i) {
      if (right[i] || widths[i] <= kNarrowest) continue;
      if (widest == widths.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == widths.size()) break;
    --widths[widest];
  }
  while (widths.size() > 1 && total(widths) > width) widths.pop_back();
}

std::string toned(const Style& style, TextTable::Tone tone, const std::string& text) {
  switch (tone) {
    case TextTable::Tone::plain: return text;
    case TextTable::Tone::dim: return style.dim(text);
    case TextTable::Tone::good: return style.green(text);
    case TextTable::Tone::warn: return style.yellow(text);
    case TextTable::Tone::bad: return style.red(text);
  }
  return text;
}

std::string line(const std::vector<TextTable::Cell>& cells, const std::vector<size_t>& widths,
                 const std::vector<bool>& right, const Style& style) {
  std::string out;
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string cell = clipped(cells[i].text, widths[i]);
    const std::string space(widths[i] - std::min(widths[i], display_width(cell)), ' ');
    if (i > 0) out += std::string(kGap, ' ');
    const auto shown = toned(style, cells[i].tone, cell);
    out += right[i] ? space + shown : shown + space;
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

}  // namespace

void TextTable::add(std::vector<Cell> cells) {
  cells.resize(heads_.size(), Cell(""));
  rows_.push_back(std::move(cells));
}

void TextTable::leave_out(size_t column) {
  const auto at = std::ptrdiff_t(column);
  heads_.erase(heads_.begin() + at);
  right_.erase(right_.begin() + at);
  for (auto& row : rows_) row.erase(row.begin() + at);
  std::erase(gives_way_, column);
  for (auto& other : gives_way_) other -= other > column;
}

void TextTable::make_room(size_t width) {
  const auto wide = [&](size_t column) {
    size_t out = display_width(heads_[column]);
    for (const auto& row : rows_) out = std::max(out, display_width(row[column].text));
    return out;
  };
  const auto excess = [&] {
    std::vector<size_t> widths;
    for (size_t i = 0; i < heads_.size(); ++i) widths.push_back(wide(i));
    const size_t all = total(widths);
    return all > width ? all - width : 0;
  };
  for (size_t i = heads_.size(); i-- > 0 && !rows_.empty() && excess() > 0;) {
    if (std::all_of(rows_.begin(), rows_.end(),
                    [&](const auto& row) { return row[i].text.empty(); }))
      leave_out(i);
  }
  while (!gives_way_.empty() && excess() > 0) {
    const size_t column = gives_way_.front();
    if (wide(column) < excess() + kNarrowest) {
      leave_out(column);
      continue;
    }
    const size_t room = wide(column) - excess();
    heads_[column] = clipped(heads_[column], room);
    for (auto& row : rows_) row[column].text = clipped(row[column].text, room);
  }
}

std::string TextTable::text(const Layout& layout) const {
  if (layout.width < kNoTerminal && !made_room_) {
    TextTable fits = *this;
    if (layout.secrets) {
      for (auto& row : fits.rows_) {
        for (auto& cell : row) cell.text = layout.secrets->redact(cell.text);
      }
    }
    fits.made_room_ = true;
    fits.make_room(layout.width);
    return fits.text(layout);
  }
  auto rows = rows_;
  std::vector<Cell> heads;
  std::vector<size_t> widths;
  for (const auto& head : heads_) {
    heads.emplace_back(head, Tone::dim);
    widths.push_back(display_width(clipped(head, kWidest)));
  }
  for (auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (layout.secrets) row[i].text = layout.secrets->redact(row[i].text);
      row[i].text = clipped(row[i].text, kWidest);
      widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  }
  shrink(widths, right_, layout.width);
  std::string out = line(heads, widths, right_, layout.style);
  for (const auto& row : rows) out += line(row, widths, right_, layout.style);
  if (widths.size() == heads_.size()) return out;
  std::string names;
  for (size_t i = widths.size(); i < heads_.size(); ++i)
    names += (names.empty() ? "" : ", ") + heads_[i];
  return out +
         layout.style.dim(clipped(
             "… and " + counted(int64_t(heads_.size() - widths.size()), "column") + ": " + names,
             layout.width)) +
         "\n";
}

TextTable table_of(const Rows& rows) {
  std::vector<std::string> heads;
  for (const auto& column : rows.columns) heads.push_back(column.name);
  TextTable out(heads);
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const auto& type = rows.columns[i].type;
    const bool number = type.ends_with("INT") || type == "INTEGER" || type == "UINTEGER" ||
                        type == "DOUBLE" || type == "FLOAT" ||
                        (type.starts_with("DECIMAL") && type.ends_with(")"));
    if (number) out.align_right(i);
  }
  for (const auto& row : rows.rows) {
    std::vector<TextTable::Cell> cells;
    for (const auto& cell : row) {
      const bool null = std::holds_alternative<std::monostate>(cell);
      cells.emplace_back(cell_text(cell), null ? TextTable::Tone::dim : TextTable::Tone::plain);
    }
    out.add(std::move(cells));
  }
  return out;
}

}  // namespace windrow::cli
