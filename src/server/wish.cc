#include "server/wish.h"

#include "app/json.h"

namespace windrow::server {

using app::Json;

std::string text_of(const Wish& wish) {
  Json out = Json::object();
  const auto add = [&](const char* key, const std::string& text) {
    if (!text.empty()) out[key] = text;
  };
  add("select", wish.select);
  add("exclude", wish.exclude);
  add("cause", wish.cause);
  add("detail", wish.detail);
  add("retry_of", wish.retry_of);
  add("ingest", wish.ingest);
  if (wish.jobs > 0) out["jobs"] = wish.jobs;
  if (wish.fail_fast) out["fail_fast"] = true;
  for (const auto& [name, value] : wish.vars) out["vars"][name] = value;
  if (wish.interval) {
    out["start"] = micros(wish.interval->start);
    out["end"] = micros(wish.interval->end);
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Wish read_wish(const std::string& text) {
  const Json in = app::parsed(text);
  Wish out;
  if (!in.is_object()) return out;
  const auto take = [&](const char* key) {
    const auto found = in.find(key);
    return found != in.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  out.select = take("select");
  out.exclude = take("exclude");
  out.cause = take("cause");
  out.detail = take("detail");
  out.retry_of = take("retry_of");
  out.ingest = take("ingest");
  if (const auto jobs = in.find("jobs"); jobs != in.end() && jobs->is_number_integer())
    out.jobs = jobs->get<int>();
  out.fail_fast = in.contains("fail_fast");
  if (const auto vars = in.find("vars"); vars != in.end() && vars->is_object()) {
    for (const auto& [name, value] : vars->items())
      if (value.is_string()) out.vars[name] = value.get<std::string>();
  }
  const auto start = in.find("start"), end = in.find("end");
  if (start != in.end() && end != in.end() && start->is_number_integer() &&
      end->is_number_integer()) {
    out.interval =
        Interval{time_from_micros(start->get<int64_t>()), time_from_micros(end->get<int64_t>())};
  }
  return out;
}

}  // namespace windrow::server
