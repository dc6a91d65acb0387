#include <iostream>
#include <sstream>

#include "base/error.h"
#include "schedule/schedule.h"

// For tests that compare with other programs. A line each: zone, begin and end in seconds since
// 1970, most due times, and a cron expression, separated by tabs. Answers
// with the due times after begin and before end, in seconds, or `refused: …`.
namespace {

using namespace windrow;

std::string answer(const std::string& line) {
  std::istringstream in(line);
  std::string zone, begin, end, most, rule;
  for (auto* part : {&zone, &begin, &end, &most, &rule}) std::getline(in, *part, '\t');
  schedule::Schedule schedule;
  schedule.zone = Zone(zone);
  schedule.trigger = schedule::OnCron{{schedule::Cron::parse(rule)}};
  schedule.end = time_from_micros(std::stoll(end) * 1'000'000);
  std::string out;
  auto due = next_due(schedule, time_from_micros(std::stoll(begin) * 1'000'000));
  for (long n = std::stol(most); due && n > 0; --n) {
    out += (out.empty() ? "" : " ") + std::to_string(micros(*due) / 1'000'000);
    due = next_due(schedule, *due);
  }
  return out;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    try {
      std::cout << answer(line) << '\n';
    } catch (const windrow::Error& error) {
      std::cout << "refused: " << error.problem().message << '\n';
    }
  }
}
