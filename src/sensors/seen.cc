#include "sensors/seen.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace windrow::sensors {

namespace {

using Json = nlohmann::ordered_json;

/// So many names stand in a text.
constexpr size_t kNamesMax = 3;
constexpr size_t kMarkDigits = 16;

std::vector<uint64_t> marks_of(const Sight& sight) {
  std::vector<uint64_t> out;
  out.reserve(sight.things.size());
  for (const auto& each : sight.things) out.push_back(each.mark);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<const Thing*> new_things(const Seen& seen, const Sight& sight) {
  std::vector<const Thing*> out;
  for (const auto& each : sight.things)
    if (!std::binary_search(seen.marks.begin(), seen.marks.end(), each.mark)) out.push_back(&each);
  return out;
}

}  // namespace

Thing thing(std::string_view identity, std::string name) {
  const auto bytes = sha256_bytes(identity);
  uint64_t mark = 0;
  for (size_t i = 0; i < sizeof mark; ++i) mark = mark << 8 | static_cast<unsigned char>(bytes[i]);
  return {mark, std::move(name)};
}

bool is_new(const Seen& seen, const Sight& sight) { return !new_things(seen, sight).empty(); }

Seen after(const Seen& seen, const Sight& sight, Time now) {
  Seen out = seen;
  const auto fresh = new_things(seen, sight);
  out.marks = marks_of(sight);
  if (fresh.empty()) return out;
  // By the time, so that what is forgotten is not told under a number that was told before.
  out.turn = std::max(seen.turn + 1, micros(now));
  out.at = now;
  out.text.clear();
  for (size_t i = 0; i < std::min(fresh.size(), kNamesMax); ++i)
    out.text += (i == 0 ? "" : ", ") + fresh[i]->name;
  if (fresh.size() > kNamesMax) out.text += fmt::format(" and {} more", fresh.size() - kNamesMax);
  return out;
}

std::string text(const Seen& seen) {
  Json out{{"turn", seen.turn}, {"text", seen.text}};
  if (seen.at) out["at"] = micros(*seen.at);
  std::string marks;
  marks.reserve(seen.marks.size() * kMarkDigits);
  for (const auto mark : seen.marks) marks += fmt::format("{:016x}", mark);
  out["marks"] = std::move(marks);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Seen read_seen(std::string_view text) {
  try {
    const auto in = Json::parse(text);
    Seen out;
    out.turn = in.at("turn").get<int64_t>();
    out.text = in.at("text").get<std::string>();
    if (in.contains("at")) out.at = time_from_micros(in.at("at").get<int64_t>());
    const auto marks = in.at("marks").get<std::string>();
    for (size_t at = 0; at + kMarkDigits <= marks.size(); at += kMarkDigits)
      out.marks.push_back(std::stoull(marks.substr(at, kMarkDigits), nullptr, 16));
    std::sort(out.marks.begin(), out.marks.end());
    return out;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace windrow::sensors
