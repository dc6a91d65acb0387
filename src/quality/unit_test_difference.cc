#include "quality/unit_test_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace windrow::quality {

namespace {

using Line = std::vector<Expected>;

constexpr size_t kShownRows = 20;
constexpr size_t kShownCharacters = 40;

bool fits(const Line& expected, const std::vector<Cell>& found,
          const std::vector<Column>& columns) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!equal(expected[i], found[i], columns[i].type)) return false;
  }
  return true;
}

size_t characters(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// One line, not too long.
std::string cut(const std::string& text) {
  std::string out;
  size_t seen = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && ++seen > kShownCharacters) return out + "…";
    out += c == '\n' ? std::string("⏎") : std::string(1, c);
  }
  return out;
}

/// Two rows that most likely mean the same one.
struct Pair {
  size_t expected, found;
  std::vector<size_t> differing;  // columns
};

std::vector<Pair> likely_pairs(const std::vector<Line>& expected, const Rows& found,
                               const Matching& matching) {
  std::vector<Pair> candidates;
  for (size_t e : matching.missing) {
    for (size_t f : matching.unexpected) {
      Pair pair{e, f, {}};
      size_t compared = 0;
      for (size_t i = 0; i < expected[e].size(); ++i) {
        compared += expected[e][i].compared;
        if (!equal(expected[e][i], found.rows[f][i], found.columns[i].type))
          pair.differing.push_back(i);
      }
      if (pair.differing.size() * 2 <= compared) candidates.push_back(std::move(pair));
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Pair& a, const Pair& b) {
    return a.differing.size() < b.differing.size();
  });
  std::vector<Pair> out;
  for (auto& candidate : candidates) {
    const bool taken = std::any_of(out.begin(), out.end(), [&](const Pair& pair) {
      return pair.expected == candidate.expected || pair.found == candidate.found;
    });
    if (!taken) out.push_back(std::move(candidate));
  }
  std::sort(out.begin(), out.end(),
            [](const Pair& a, const Pair& b) { return a.expected < b.expected; });
  return out;
}

/// Lines of cells, written in aligned columns at the end; a note is a line of its own.
class Table {
 public:
  void row(std::string mark, std::vector<std::string> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) {
      cells[i] = cut(cells[i]);
      widths_[i] = std::max(widths_[i], characters(cells[i]));
    }
    lines_.push_back({std::move(mark), std::move(cells)});
  }
  void note(std::string text) { lines_.push_back({"      " + std::move(text), {}}); }

  std::string text() const {
    std::string out;
    for (const auto& [mark, cells] : lines_) {
      std::string line = mark;
      for (size_t i = 0; i < cells.size(); ++i) {
        line += (i ? "  " : " ") + cells[i] + std::string(widths_[i] - characters(cells[i]), ' ');
      }
      while (line.ends_with(' ')) line.pop_back();
      out += (out.empty() ? "" : "\n") + line;
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> lines_;
  std::vector<size_t> widths_;
};

/// Writes rows, showing the columns that any expected row names (all of them where none is
/// expected).
class Difference {
 public:
  Difference(const std::vector<Line>& expected, const Rows& found)
      : expected_(expected), found_(found) {
    for (size_t i = 0; i < found.columns.size(); ++i) {
      const bool named =
          expected.empty() || std::any_of(expected.begin(), expected.end(),
                                          [&](const Line& line) { return line[i].compared; });
      if (named) columns_.push_back(i);
    }
    std::vector<std::string> names;
    for (size_t i : columns_) names.push_back(found.columns[i].name);
    table_.row("   ", std::move(names));
  }

  bool full() {
    if (shown_ < kShownRows) return false;
    ++hidden_;
    return true;
  }
  void missing(size_t index) {
    std::vector<std::string> cells;
    for (size_t i : columns_)
      cells.push_back(expected_[index][i].compared ? expected_[index][i].shown : "");
    table_.row("  -", std::move(cells));
    ++shown_;
  }
  void unexpected(size_t index) {
    std::vector<std::string> cells;
    for (size_t i : columns_) cells.push_back(cell_text(found_.rows[index][i]));
    table_.row("  +", std::move(cells));
    ++shown_;
  }
  void explain(const Pair& pair) {
    for (size_t i : pair.differing) {
      const auto& expected = expected_[pair.expected][i];
      table_.note(found_.columns[i].name + ": expected " + expected.shown + ", found " +
                  cell_text(found_.rows[pair.found][i]) +
                  (expected.misfit ? " (which is " + found_.columns[i].type + ")" : ""));
    }
  }
  std::string text() const {
    return table_.text() + (hidden_ ? fmt::format("\n    … and {} more", hidden_) : "");
  }

 private:
  const std::vector<Line>& expected_;
  const Rows& found_;
  std::vector<size_t> columns_;
  Table table_;
  size_t shown_ = 0, hidden_ = 0;
};

}  // namespace

Matching match_rows(const std::vector<Line>& expected, const Rows& found, bool ordered) {
  constexpr size_t kNone = size_t(-1);
  std::vector<size_t> partner(found.rows.size(), kNone);  // of each found row
  if (ordered) {
    for (size_t i = 0; i < std::min(expected.size(), found.rows.size()); ++i) {
      if (fits(expected[i], found.rows[i], found.columns)) partner[i] = i;
    }
  } else {
    // Augmenting paths (Kuhn): an expected row may push another one to a different partner.
    std::vector<bool> tried;
    const std::function<bool(size_t)> place = [&](size_t e) {
      for (size_t f = 0; f < found.rows.size(); ++f) {
        if (tried[f] || !fits(expected[e], found.rows[f], found.columns)) continue;
        tried[f] = true;
        if (partner[f] == kNone || place(partner[f])) {
          partner[f] = e;
          return true;
        }
      }
      return false;
    };
    for (size_t e = 0; e < expected.size(); ++e) {
      tried.assign(found.rows.size(), false);
      place(e);
    }
  }
  Matching out;
  for (size_t e = 0; e < expected.size(); ++e) {
    if (std::find(partner.begin(), partner.end(), e) == partner.end()) out.missing.push_back(e);
  }
  for (size_t f = 0; f < found.rows.size(); ++f) {
    if (partner[f] == kNone) out.unexpected.push_back(f);
  }
  return out;
}

std::string difference_text(const std::vector<Line>& expected, const Rows& found,
                            const Matching& matching) {
  if (matching.missing.empty() && matching.unexpected.empty()) return {};
  const auto pairs = likely_pairs(expected, found, matching);
  const auto pair_of = [&](size_t Pair::*side, size_t index) {
    return std::find_if(pairs.begin(), pairs.end(),
                        [&](const Pair& pair) { return pair.*side == index; });
  };
  Difference out(expected, found);
  for (size_t e : matching.missing) {
    if (out.full()) continue;
    out.missing(e);
    const auto pair = pair_of(&Pair::expected, e);
    if (pair == pairs.end()) continue;
    out.unexpected(pair->found);
    out.explain(*pair);
  }
  for (size_t f : matching.unexpected) {
    if (pair_of(&Pair::found, f) == pairs.end() && !out.full()) out.unexpected(f);
  }
  return fmt::format("{} of {} expected rows missing (-), {} of {} found rows not expected (+)\n{}",
                     matching.missing.size(), expected.size(), matching.unexpected.size(),
                     found.rows.size(), out.text());
}

}  // namespace windrow::quality
