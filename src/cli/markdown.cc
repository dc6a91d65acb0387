#include "cli/markdown.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "cli/markdown_words.h"

namespace windrow::cli {

namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_fence(std::string_view line) { return trimmed(line).starts_with("```"); }

/// The level of a heading; 0: none.
size_t heading_level(std::string_view line) {
  const size_t marks = std::min(line.find_first_not_of('#'), line.size());
  return marks >= 1 && marks <= 6 && marks < line.size() && line[marks] == ' ' ? marks : 0;
}

/// How many characters of the line are `- ` or `12. ` with what stands before it; 0: no item.
size_t item_mark(std::string_view line) {
  const size_t first = line.find_first_not_of(' ');
  if (first == std::string_view::npos) return 0;
  size_t at = first;
  if (line[at] == '-' || line[at] == '*') {
    ++at;
  } else {
    while (at < line.size() && std::isdigit(static_cast<unsigned char>(line[at]))) ++at;
    if (at == first || at >= line.size() || line[at] != '.') return 0;
    ++at;
  }
  return at < line.size() && line[at] == ' ' ? at + 1 : 0;
}

bool begins_block(std::string_view line) {
  return trimmed(line).empty() || is_fence(line) || heading_level(line) || item_mark(line) ||
         line.starts_with("|") || line.starts_with("<!--");
}

/// The cells of a table's line; `\|` is no border.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> out(1);
  line = trimmed(line);
  line.remove_prefix(1);
  if (line.ends_with("|")) line.remove_suffix(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      out.back() += line[++i];
    } else if (line[i] == '|') {
      out.emplace_back();
    } else {
      out.back() += line[i];
    }
  }
  return out;
}

class Renderer {
 public:
  Renderer(std::string_view markdown, size_t width, const Style& style)
      : lines_(lines_of(markdown)), width_(width), style_(style) {}

  std::string text() {
    while (at_ < lines_.size()) block();
    return std::move(out_);
  }

 private:
  void block() {
    const auto line = lines_[at_];
    if (trimmed(line).empty()) {
      if (!out_.empty() && !out_.ends_with("\n\n")) out_ += "\n";
      ++at_;
    } else if (line.starts_with("<!--")) {
      while (at_ < lines_.size() && lines_[at_].find("-->") == std::string_view::npos) ++at_;
      ++at_;
    } else if (is_fence(line)) {
      code();
    } else if (const size_t level = heading_level(line)) {
      for (const auto& shown : wrapped({style_, true}, line.substr(level + 1), width_))
        out_ += shown + "\n";
      ++at_;
    } else if (line.starts_with("|")) {
      table();
    } else {
      paragraph();
    }
  }

  /// As it is, two columns in.
  void code() {
    for (++at_; at_ < lines_.size() && !is_fence(lines_[at_]); ++at_)
      out_ += lines_[at_].empty() ? "\n" : "  " + std::string(lines_[at_]) + "\n";
    ++at_;
  }

  /// With the lines that go on with it; an item of a list hangs behind its mark.
  void paragraph() {
    const size_t mark = item_mark(lines_[at_]);
    const std::string first(lines_[at_].substr(0, mark));
    std::string all(lines_[at_].substr(mark));
    for (++at_; at_ < lines_.size() && !begins_block(lines_[at_]); ++at_)
      all += " " + std::string(trimmed(lines_[at_]));
    bool begun = false;
    for (const auto& shown :
         wrapped({style_, false}, all, std::max<size_t>(width_, mark + 20) - mark)) {
      out_ += (begun ? std::string(mark, ' ') : first) + shown + "\n";
      begun = true;
    }
  }

  void table() {
    std::vector<std::vector<std::string>> rows;
    const size_t begin = at_;
    for (; at_ < lines_.size() && lines_[at_].starts_with("|"); ++at_) {
      if (lines_[at_].find_first_not_of("|-: ") != std::string_view::npos || at_ == begin)
        rows.push_back(cells_of(lines_[at_]));
    }
    const bool headed = std::any_of(rows[0].begin(), rows[0].end(),
                                    [](const auto& cell) { return !trimmed(cell).empty(); });
    std::vector<size_t> widths;
    for (const auto& row : rows) {
      widths.resize(std::max(widths.size(), row.size()));
      for (size_t i = 0; i < row.size(); ++i) {
        for (const auto& shown : wrapped({Style{}, false}, row[i], kNoWrap))
          widths[i] = std::max(widths[i], display_width(shown));
      }
    }
    fit(widths);
    for (size_t i = headed ? 0 : 1; i < rows.size(); ++i)
      table_row(rows[i], widths, headed && i == 0);
  }

  /// The widest columns give way until all fit, as long as something can be read in them.
  void fit(std::vector<size_t>& widths) const {
    constexpr size_t kLeast = 12;
    size_t sum = 2 * (widths.size() - 1);
    for (const size_t width : widths) sum += width;
    while (sum > width_) {
      const auto widest = std::max_element(widths.begin(), widths.end());
      if (*widest <= kLeast) return;
      --*widest, --sum;
    }
  }

  void table_row(const std::vector<std::string>& row, const std::vector<size_t>& widths,
                 bool head) {
    std::vector<std::vector<std::string>> cells;
    size_t height = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      cells.push_back(wrapped({style_, head}, row[i], widths[i]));
      height = std::max(height, cells.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      std::string shown;
      size_t gap = 0;
      for (size_t i = 0; i < cells.size(); ++i) {
        const std::string piece = line < cells[i].size() ? cells[i][line] : "";
        if (!piece.empty()) shown += std::string(gap, ' ') + piece, gap = 0;
        const size_t used = styled_width(piece);
        gap += (used < widths[i] ? widths[i] - used : 0) + 2;
      }
      out_ += shown + "\n";
    }
  }

  const std::vector<std::string_view> lines_;
  const size_t width_;
  const Style style_;
  std::string out_;
  size_t at_ = 0;
};

}  // namespace

std::vector<MarkdownSection> markdown_sections(std::string_view markdown) {
  std::vector<MarkdownSection> out;
  std::vector<size_t> begins;
  bool code = false;
  for (const auto line : lines_of(markdown)) {
    if (is_fence(line)) code = !code;
    const size_t level = code ? 0 : heading_level(line);
    if (!level) continue;
    out.push_back({level, plain_words(line.substr(level + 1)), {}, {}});
    begins.push_back(size_t(line.data() - markdown.data()));
  }
  begins.push_back(markdown.size());
  for (size_t i = 0; i < out.size(); ++i) {
    size_t end = i + 1;
    while (end < out.size() && out[end].level > out[i].level) ++end;
    out[i].own = markdown.substr(begins[i], begins[i + 1] - begins[i]);
    out[i].whole = markdown.substr(begins[i], begins[end] - begins[i]);
  }
  return out;
}

std::string markdown_text(std::string_view markdown, size_t width, const Style& style) {
  return Renderer(markdown, width, style).text();
}

}  // namespace windrow::cli
