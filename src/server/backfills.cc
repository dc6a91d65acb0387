#include "server/fields.h"
#include "server/serving.h"

namespace windrow::server {

namespace {

/// One may be left by a process that worked alone, and was killed.
constexpr auto kLookAtBackfills = std::chrono::seconds(10);

}  // namespace

void Serving::look_at_backfills(Served& served, bool now) {
  if (stopping_ || !served.taken) return;
  if (!now && clock_.steady() < served.backfills_next) return;
  served.backfills_next = clock_.steady() + kLookAtBackfills;
  const auto in_trouble = [&](const std::string& text, const std::string& id, const Error& error) {
    if (!served.backfills_told.insert(error.what()).second) return;
    auto line = told(served, "trouble");
    line.backfill = id;
    line.text = text;
    line.problems = error.problems();
    tell(line);
  };
  std::vector<history::Backfill> running;
  try {
    running = served.backfills().running();
  } catch (const Error& error) {
    in_trouble("backfills cannot be looked at", "", error);
  }
  for (const auto& record : running) {
    if (served.backfilling.contains(record.id)) continue;
    try {
      look_at_backfill(served, record);
    } catch (const Error& error) {
      in_trouble("a backfill is not taken up", record.id, error);
    }
  }
}

void Serving::look_at_backfill(Served& served, const history::Backfill& record) {
  const auto option = app::option_of_command(app::read_backfill(record).request);
  if (option.empty()) return begin_backfill(served, record);
  if (state_now(served.state_folder(), record) != "interrupted" ||
      !served.backfills_told.insert(record.id).second)
    return;
  auto line = told(served, "trouble");
  line.backfill = record.id;
  line.text = "a backfill was interrupted and is not taken up, as it has " + option +
              ": `windrow backfills resume` goes on with it";
  tell(line);
}

void Serving::begin_backfill(Served& served, const history::Backfill& record) {
  auto claim = Claim::take(served.state_folder(), backfill_lock(record.id));
  if (!claim) return;  // somebody builds it
  auto line = told(served, "backfilling");
  line.backfill = record.id;
  line.text = record.name;
  tell(line);
  served.backfilling[record.id] = std::make_unique<Backfilling>(
      std::move(claim), served.app(), served.state_folder() + "/history.db", served.environment(),
      record.id, clock_, [this, &served](const app::BackfillState& state) {
        inbox_.post([this, &served, state] { backfill_ended(served, state); });
      });
}

void Serving::backfill_ended(Served& served, const app::BackfillState& state) {
  const auto& record = state.record;
  served.backfilling.erase(record.id);
  if (record.ended) remove_backfill_lock(served.state_folder(), record.id);
  auto line = told(served, "backfill_ended");
  line.backfill = record.id;
  line.status = record.state == "running" ? "interrupted" : record.state;
  line.count = state.counts().failed;
  line.text = record.reason;
  tell(line);
  // Paused and resumed before it had stopped it runs again; what is in trouble waits.
  if (record.state != "trouble") look_at_backfills(served, true);
}

app::Json Serving::backfill_asked(Served& served, const app::Json& request) {
  const auto id = text_in(request, "backfill");
  if (!served.backfills().find(id))
    throw Error(Code::usage, "there is no backfill \"" + id + "\" in environment \"" +
                                 served.environment() + "\", which the server serves");
  look_at_backfills(served, true);
  return {{"backfill", id}};
}

}  // namespace windrow::server
