#include "server/told_json.h"

namespace windrow::server {

app::Json json_of(const Told& told) {
  app::Json out{{"event", told.event}, {"time", iso(told.at)}};
  const auto add = [&](const char* key, const std::string& text) {
    if (!text.empty()) out[key] = text;
  };
  add("project", told.project);
  add("schedule", told.schedule);
  add("source", told.source);
  add("backfill", told.backfill);
  add("sensor", told.sensor);
  add("run", told.run);
  add("status", told.status);
  if (told.due) out["due"] = iso(*told.due);
  if (told.next) out["next"] = iso(*told.next);
  if (told.expected) out["expected"] = iso(*told.expected);
  if (told.elapsed) out["seconds"] = double(told.elapsed->count()) / 1e6;
  if (told.wait) out["wait"] = double(told.wait->count()) / 1e6;
  if (told.count > 0) out["count"] = told.count;
  add("text", told.text);
  for (const auto& problem : told.problems) out["problems"].push_back(app::json_of(problem));
  return out;
}

}  // namespace windrow::server
