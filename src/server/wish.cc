#include "server/wish.h"

#include "server/fields.h"

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
  if (wish.full_refresh) out["full_refresh"] = true;
  for (const auto& [name, value] : wish.vars) out["vars"][name] = value;
  if (wish.interval) {
    out["start"] = micros(wish.interval->start);
    out["end"] = micros(wish.interval->end);
  }
  return compact(out);
}

Wish read_wish(const std::string& text) {
  const Json in = app::parsed(text);
  Wish out;
  if (!in.is_object()) return out;
  out.select = text_in(in, "select");
  out.exclude = text_in(in, "exclude");
  out.cause = text_in(in, "cause");
  out.detail = text_in(in, "detail");
  out.retry_of = text_in(in, "retry_of");
  out.ingest = text_in(in, "ingest");
  out.jobs = int(whole_in(in, "jobs").value_or(0));
  out.fail_fast = true_in(in, "fail_fast");
  out.full_refresh = true_in(in, "full_refresh");
  out.vars = texts_in(in, "vars");
  out.interval = interval_in(in);
  return out;
}

}  // namespace windrow::server
