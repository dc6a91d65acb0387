#include "schedule/memory.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace windrow::schedule {

using nlohmann::json;

namespace {

/// Of the format: a newer one is refused.
constexpr int kMemoryVersion = 1;

constexpr std::array<std::string_view, 7> kCauses = {"clock",     "after_end", "after", "change",
                                                     "freshness", "sensor",    "hand"};

// What is not set is not written.
void put(json& out, const char* key, const std::optional<Time>& t) {
  if (t) out[key] = micros(*t);
}
std::optional<Time> time_at(const json& in, const char* key) {
  if (!in.contains(key)) return {};
  return time_from_micros(in.at(key).get<int64_t>());
}

Time need_time(const json& in, const char* key) {
  return time_from_micros(in.at(key).get<int64_t>());
}

json to_json(const Fire& fire) {
  json out = {{"due", micros(fire.due)},          {"start", micros(fire.interval.start)},
              {"end", micros(fire.interval.end)}, {"cause", name_of(fire.cause)},
              {"since", micros(fire.since)},      {"not_before", micros(fire.not_before)}};
  if (!fire.detail.empty()) out["detail"] = fire.detail;
  put(out, "deadline", fire.deadline);
  if (fire.late_told) out["late_told"] = true;
  if (!fire.vars.empty()) out["vars"] = fire.vars;
  return out;
}

Fire fire_of(const json& in, const std::string& schedule) {
  Fire out;
  out.schedule = schedule;
  out.due = need_time(in, "due");
  out.interval = {need_time(in, "start"), need_time(in, "end")};
  const auto cause = in.at("cause").get<std::string>();
  bool known = false;
  for (size_t i = 0; i < kCauses.size(); ++i) {
    if (kCauses[i] != cause) continue;
    out.cause = Fire::Cause(i);
    known = true;
  }
  if (!known) throw Error(Code::corrupt, "a cause \"" + cause + "\"");
  out.detail = in.value("detail", "");
  out.since = need_time(in, "since");
  out.not_before = need_time(in, "not_before");
  out.deadline = time_at(in, "deadline");
  out.late_told = in.value("late_told", false);
  if (in.contains("vars")) out.vars = in.at("vars").get<std::map<std::string, std::string>>();
  return out;
}

Memory memory_of(const json& in) {
  Memory out;
  out.schedule = in.at("schedule").get<std::string>();
  out.rule = in.value("rule", "");
  out.settled = time_at(in, "settled");
  out.accepted = time_at(in, "accepted");
  out.covered = time_at(in, "covered");
  out.forgotten = time_at(in, "forgotten");
  out.last_hand = time_at(in, "last_hand");
  if (in.contains("fired")) {
    for (const auto& one : in.at("fired"))
      out.fired.emplace_back(time_from_micros(one.at(0).get<int64_t>()),
                             time_from_micros(one.at(1).get<int64_t>()));
  }
  if (in.contains("waiting")) {
    for (const auto& one : in.at("waiting")) out.waiting.push_back(fire_of(one, out.schedule));
  }
  if (in.contains("running")) {
    for (const auto& one : in.at("running"))
      out.running.push_back({fire_of(one.at("fire"), out.schedule), need_time(one, "started"),
                             one.value("canceling", false)});
  }
  if (in.contains("paused")) out.paused = in.at("paused").get<bool>();
  out.last_end = time_at(in, "last_end");
  out.last_failed = in.value("last_failed", false);
  out.fresh = time_at(in, "fresh");
  if (in.contains("durations")) out.durations = in.at("durations").get<std::vector<int64_t>>();
  if (in.contains("versions"))
    out.versions = in.at("versions").get<std::map<std::string, int64_t>>();
  if (in.contains("sensors"))
    out.sensors = in.at("sensors").get<std::map<std::string, std::string>>();
  return out;
}

}  // namespace

std::string_view name_of(Fire::Cause cause) { return kCauses.at(size_t(cause)); }

std::string text(const Memory& memory) {
  json out = {{"version", kMemoryVersion}, {"schedule", memory.schedule}, {"rule", memory.rule}};
  put(out, "settled", memory.settled);
  put(out, "accepted", memory.accepted);
  put(out, "covered", memory.covered);
  put(out, "forgotten", memory.forgotten);
  put(out, "last_hand", memory.last_hand);
  for (const auto& [first, last] : memory.fired)
    out["fired"].push_back({micros(first), micros(last)});
  for (const auto& fire : memory.waiting) out["waiting"].push_back(to_json(fire));
  for (const auto& running : memory.running) {
    json one = {{"fire", to_json(running.fire)}, {"started", micros(running.started)}};
    if (running.canceling) one["canceling"] = true;
    out["running"].push_back(std::move(one));
  }
  if (memory.paused) out["paused"] = *memory.paused;
  put(out, "last_end", memory.last_end);
  if (memory.last_failed) out["last_failed"] = true;
  put(out, "fresh", memory.fresh);
  if (!memory.durations.empty()) out["durations"] = memory.durations;
  if (!memory.versions.empty()) out["versions"] = memory.versions;
  if (!memory.sensors.empty()) out["sensors"] = memory.sensors;
  // Texts come from outside.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Memory read_memory(std::string_view text) {
  try {
    const json in = json::parse(text);
    const int version = in.at("version").get<int>();
    if (version > kMemoryVersion)
      throw Error(Code::unsupported,
                  "the memory of a schedule was written by a newer version of windrow",
                  "upgrade this one");
    return memory_of(in);
  } catch (const json::exception& error) {
    throw Error(Code::corrupt,
                std::string("the memory of a schedule cannot be read: ") + error.what());
  }
}

}  // namespace windrow::schedule
