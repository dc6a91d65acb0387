#include "tasks/balance.h"

#include <fmt/format.h>

namespace windrow::tasks {

namespace {

constexpr size_t kNamed = 3;

int64_t of(const CountByOrigin& counts, const std::string& origin) {
  if (origin.empty()) {  // all of them as one
    int64_t sum = 0;
    for (const auto& [name, count] : counts) sum += count;
    return sum;
  }
  const auto found = counts.find(origin);
  return found == counts.end() ? 0 : found->second;
}

std::string words(const std::string& what, const sources::Held& held, int64_t rows,
                  int64_t set_aside) {
  std::string out = fmt::format("{} holds {} records, but {} were read and {} set aside", what,
                                held.records, rows, set_aside);
  if (held.passed_over > 0) out += fmt::format(" ({} are passed over by rule)", held.passed_over);
  return out;
}

}  // namespace

int64_t missing(const sources::Batch& batch, int64_t rows, const CountByOrigin& set_aside) {
  int64_t out = -rows;
  for (const auto& [origin, held] : batch.held)
    out += held.records - held.passed_over - of(set_aside, origin);
  return out;
}

Error uneven(const std::string& source, const sources::Batch& batch, int64_t rows,
             const CountByOrigin& set_aside, const std::optional<CountByOrigin>& rows_of) {
  std::string text;
  size_t named = 0;
  for (const auto& [origin, held] : batch.held) {
    if (!rows_of && batch.held.size() > 1) break;
    const int64_t read = rows_of ? of(*rows_of, origin) : rows;
    const int64_t aside = of(set_aside, origin);
    if (read + aside + held.passed_over == held.records || ++named > kNamed) continue;
    text += (text.empty() ? "" : "; ") +
            words(origin.empty() ? batch.what : "\"" + origin + "\"", held, read, aside);
  }
  if (named > kNamed) text += fmt::format("; and {} more", named - kNamed);
  if (text.empty()) {
    sources::Held all;
    int64_t aside = 0;
    for (const auto& [origin, held] : batch.held) {
      all.records += held.records;
      all.passed_over += held.passed_over;
      aside += of(set_aside, origin);
    }
    text = words(batch.what, all, rows, aside);
  }
  return {Code::corrupt, fmt::format("source \"{}\" does not come out even: {}", source, text),
          "nothing of it was committed: look at the named parts, and report it as a bug of their "
          "reader"};
}

}  // namespace windrow::tasks
