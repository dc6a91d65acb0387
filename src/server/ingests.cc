#include <algorithm>

#include "project/source.h"
#include "server/serving.h"

namespace windrow::server {

namespace {

constexpr auto kFirstWait = std::chrono::seconds(1);
constexpr auto kMostWait = std::chrono::minutes(5);
/// What went on for so long was well: its next failure is a first one.
constexpr auto kWell = std::chrono::minutes(10);

}  // namespace

void Serving::ingest(Served& served) {
  if (stopping_) return;
  const auto app = served.app();
  const auto workspace = app->workspace();
  const auto& texts = workspace->options.version->texts;
  std::map<std::string, std::string> wanted;
  for (const auto& source : workspace->project.sources) {
    if (source.ingest != "always") continue;
    const auto text = texts.find(source.file), project = texts.find("windrow.yaml");
    wanted[source.name] = (text != texts.end() ? text->second.value_or("") : "") +
                          (project != texts.end() ? project->second.value_or("") : "");
  }
  const auto now = clock_.steady();
  for (auto at = served.ingests.begin(); at != served.ingests.end();) {
    auto& [source, ingest] = *at;
    const auto found = wanted.find(source);
    const bool stays = found != wanted.end() && found->second == ingest.written;
    if (!stays && ingest.run && !ingest.stopping) {
      ingest.stopping = true;
      ingest.run->cancel();
    }
    at = !stays && !ingest.run ? served.ingests.erase(at) : std::next(at);
  }
  for (const auto& [source, written] : wanted) {
    auto& ingest = served.ingests[source];
    if (ingest.run || ingest.stopping || ingest.next > now) continue;
    ingest.written = written;
    begin_ingest(served, source, ingest);
  }
}

void Serving::begin_ingest(Served& served, const std::string& source, Served::Ingest& ingest) {
  Wish wish;
  wish.ingest = source;
  app::IngestOptions options;
  options.source = source;
  options.command = "windrow serve";
  try {
    // So that the next server knows that it went on: nobody else would give it an end.
    options.id = asked_for(served, wish).run;
  } catch (const Error&) {
    ingest.next = clock_.steady() + kMostWait;
    return;
  }
  auto line = told(served, "ingesting");
  line.source = source;
  line.run = options.id;
  tell(line);
  ingest.since = clock_.steady();
  ingest.run = served.app()->ingest(options, {});
  ingest.run->when_ended([this, &served, source, run = options.id] {
    inbox_.post([this, &served, source, run] { ingest_ended(served, source, run); });
  });
}

void Serving::ingest_ended(Served& served, const std::string& source, const std::string& run) {
  const auto found = served.ingests.find(source);
  if (found == served.ingests.end() || !found->second.run || found->second.run->id() != run) return;
  auto& ingest = found->second;
  auto line = told(served, "ingest_ended");
  line.source = source;
  line.run = run;
  line.status = "done";
  try {
    ingest.run->wait();
  } catch (const Error& error) {
    // Asked to stop it may meet a broker that does not answer before it hears of it.
    line.status = ingest.stopping || error.code() == Code::canceled ? "canceled" : "failed";
    if (line.status == "failed") line.problems = error.problems();
  }
  ingest.run.reset();
  const auto now = clock_.steady();
  if (now - ingest.since > kWell) ingest.failures = 0;
  if (line.status == "failed") {
    const int doubled = std::min(ingest.failures++, 10);
    const auto wait = std::min<std::chrono::microseconds>(kFirstWait * (1 << doubled), kMostWait);
    ingest.next = now + wait;
    line.wait = wait;
  } else {
    ingest.next = now + kFirstWait;
  }
  ingest.stopping = false;
  try {
    served.state().ended(run, line.status, clock_.now());
  } catch (const Error&) {
    // The next server gives it an end.
  }
  tell(line);
}

}  // namespace windrow::server
