#include "cli/line_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace windrow::cli {
namespace {

using Lines = std::vector<std::string_view>;

constexpr size_t kAround = 3;
/// Beyond this many pairs of lines what lies between the first and the last difference is told as
/// replaced as a whole.
constexpr size_t kPairsMax = 4'000'000;

/// Each with its line end.
Lines lines_of(std::string_view text) {
  Lines out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

/// A line that is in both, went or came.
struct Step {
  char kind;
  std::string_view line;
};

/// By the longest common subsequence of what lies between the equal ends.
std::vector<Step> steps_between(const Lines& a, const Lines& b) {
  const size_t n = a.size(), m = b.size();
  std::vector<Step> out;
  if (n * m > kPairsMax) {
    for (const auto line : a) out.push_back({'-', line});
    for (const auto line : b) out.push_back({'+', line});
    return out;
  }
  std::vector<uint32_t> longest((n + 1) * (m + 1), 0);
  const auto at = [&](size_t i, size_t j) -> uint32_t& { return longest[i * (m + 1) + j]; };
  for (size_t i = n; i-- > 0;)
    for (size_t j = m; j-- > 0;)
      at(i, j) = a[i] == b[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
  for (size_t i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && a[i] == b[j])
      out.push_back({' ', a[i]}), ++i, ++j;
    else if (i < n && (j == m || at(i + 1, j) >= at(i, j + 1)))
      out.push_back({'-', a[i++]});
    else
      out.push_back({'+', b[j++]});
  }
  return out;
}

std::vector<Step> steps(const Lines& a, const Lines& b) {
  size_t begin = 0, end = 0;
  const size_t both = std::min(a.size(), b.size());
  while (begin < both && a[begin] == b[begin]) ++begin;
  while (end < both - begin && a[a.size() - 1 - end] == b[b.size() - 1 - end]) ++end;
  const auto middle = [&](const Lines& all) {
    return Lines(all.begin() + ptrdiff_t(begin), all.end() - ptrdiff_t(end));
  };
  std::vector<Step> out;
  for (size_t i = 0; i < begin; ++i) out.push_back({' ', a[i]});
  const auto between = steps_between(middle(a), middle(b));
  out.insert(out.end(), between.begin(), between.end());
  for (size_t i = a.size() - end; i < a.size(); ++i) out.push_back({' ', a[i]});
  return out;
}

std::string range(size_t first, size_t count) {
  const size_t shown = count == 0 ? first - 1 : first;
  return count == 1 ? std::to_string(shown) : fmt::format("{},{}", shown, count);
}

}  // namespace

std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after) {
  std::vector<DiffLine> out;
  for (const auto& [kind, line] : steps(lines_of(before), lines_of(after)))
    out.push_back(
        {kind, std::string(line.ends_with('\n') ? line.substr(0, line.size() - 1) : line)});
  return out;
}

std::string line_diff(std::string_view name, std::string_view before, std::string_view after) {
  if (before == after) return {};
  const auto all = steps(lines_of(before), lines_of(after));
  std::string out = fmt::format("--- {}\n+++ {}\n", name, name);
  size_t line_a = 1, line_b = 1, at = 0;
  const auto differs = [&](size_t i) { return all[i].kind != ' '; };
  while (true) {
    size_t first = at;
    while (first < all.size() && !differs(first)) ++first;
    if (first == all.size()) return out;
    const size_t begin = first - std::min(kAround, first - at);
    size_t last = first;  // of the differences that are less than two surroundings apart
    for (size_t i = first; i < all.size() && i <= last + 2 * kAround; ++i)
      if (differs(i)) last = i;
    const size_t end = std::min(all.size(), last + 1 + kAround);
    line_a += begin - at;
    line_b += begin - at;
    size_t count_a = 0, count_b = 0;
    std::string text;
    for (size_t i = begin; i < end; ++i) {
      count_a += all[i].kind != '+';
      count_b += all[i].kind != '-';
      text += all[i].kind;
      text += all[i].line;
      if (!all[i].line.ends_with('\n')) text += "\n\\ No newline at end of file\n";
    }
    out += fmt::format("@@ -{} +{} @@\n", range(line_a, count_a), range(line_b, count_b)) + text;
    line_a += count_a;
    line_b += count_b;
    at = end;
  }
}

}  // namespace windrow::cli
