#include "tasks/stream/archiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tasks/stream/beginning.h"

namespace windrow::tasks {

using clients::KafkaOffsets;
using clients::KafkaPartition;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kPoll{100};
constexpr milliseconds kTellEvery{200};
constexpr milliseconds kLookEvery{500};
constexpr std::chrono::seconds kSilence{10};
constexpr size_t kPollMessages = 20'000;
constexpr microseconds kBackoffFirst = std::chrono::milliseconds(200);
constexpr microseconds kBackoffMost = std::chrono::seconds(10);

/// What an archiver waits for: also for somebody to make room on the disk.
bool passes(Code code) { return retryable(code) || code == Code::full; }

double seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

/// True while it lives.
class Raised {
 public:
  explicit Raised(bool& flag) : flag_(flag) { flag_ = true; }
  ~Raised() { flag_ = false; }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;

 private:
  bool& flag_;
};

}  // namespace

Archiver::Archiver(const Context& context, const project::Source& source,
                   const IngestLimits& limits, Reading reading, Consumers consumers, Cancel& cancel,
                   const IngestSink& sink, Report& report)
    : limits_(limits),
      reading_(reading),
      consumers_(std::move(consumers)),
      cancel_(cancel),
      sink_(sink),
      stream_(context, source, cancel, report),
      table_(stream_),
      inbox_(stream_.options, stream_.decoder.needs_headers(), context.clock),
      flush_(stream_, table_, progress_, inbox_) {
  begun_ = last_commit_ = now();
}

void Archiver::run() {
  microseconds wait = kBackoffFirst;
  while (true) {
    const int64_t before = stream_.status.commits;
    try {
      read();
      return;
    } catch (const Error& error) {
      inbox_.clear();
      consumer_.reset();
      if (cancel_.requested() || reading_ == Reading::alone || !passes(error.code())) throw;
      if (stream_.status.commits > before) wait = kBackoffFirst;
      stream_.status.problem = error.problem().message;
      tell("waiting", true);
    }
    if (stream_.context.clock.sleep(wait, cancel_)) cancel_.check();
    wait = std::min(wait * 2, kBackoffMost);
  }
}

int64_t Archiver::waiting() {
  connect();
  table_.load();
  int64_t out = 0;
  for (const auto& each : all_partitions()) {
    const auto range = consumer_->range(each, kBrokerTimeout);
    const auto logged = table_.logged(each);
    out += range.end - std::min(range.end, logged ? *logged : start(each));
  }
  return out;
}

// --- joining ------------------------------------------------------------------------------------

void Archiver::connect() {
  consumer_ = consumers_(stream_.options.client, reading_ == Reading::member ? this : nullptr);
  stream_.cluster = consumer_->cluster(kBrokerTimeout);
}

std::vector<KafkaPartition> Archiver::all_partitions() {
  std::vector<KafkaPartition> out;
  for (const auto& topic : stream_.options.topics) {
    const auto found = consumer_->partitions(topic, kBrokerTimeout);
    if (found.empty()) {
      throw Error(Code::not_found, fmt::format("kafka: there is no topic \"{}\"", topic),
                  "make it, or see to the name", stream_.source.place);
    }
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

void Archiver::find_ends(const std::vector<KafkaPartition>& partitions) {
  if (!limits_.until_caught_up || !progress_.ends().empty()) return;
  KafkaOffsets ends;
  for (const auto& each : partitions) {
    ends[each] = consumer_->range(each, kBrokerTimeout).end;
    // Nobody may ever ask for the partition: its end is reached.
    if (const auto logged = table_.logged(each)) refuse_shorter(stream_, each, *logged, ends[each]);
  }
  progress_.set_ends(std::move(ends));
}

void Archiver::join(const std::vector<KafkaPartition>& partitions) {
  if (reading_ == Reading::member) {
    consumer_->subscribe(stream_.options.topics);
    return;
  }
  KafkaOffsets from;
  for (const auto& each : partitions) {
    const auto at = begin(each);
    if (!progress_.beyond_end(each, at)) from[each] = at;
  }
  consumer_->assign(from);
}

int64_t Archiver::start(const KafkaPartition& partition) {
  return start_of(stream_, table_, *consumer_, partition);
}

/// From what the loaded log says on.
int64_t Archiver::begin(const KafkaPartition& partition) {
  const auto at = position_of(stream_, table_, *consumer_, partition);
  progress_.begin(partition, at, table_.logged(partition));
  return at;
}

// --- the group ----------------------------------------------------------------------------------

KafkaOffsets Archiver::assigned(const std::vector<KafkaPartition>& partitions) {
  table_.commit_starts(partitions, [this](const auto& each) { return start(each); });
  KafkaOffsets out;
  for (const auto& each : partitions) out[each] = begin(each);
  return out;
}

void Archiver::revoked(const std::vector<KafkaPartition>& partitions, bool lost) {
  if (!inbox_.empty()) {
    bool written = false;
    if (!lost && !store_away_) {
      try {
        written = flush_once() == Flush::Outcome::done;
      } catch (const Error&) {
        // Whoever reads them next begins at what the log says.
      }
    }
    if (!written) {
      inbox_.clear();
      seek_ = true;  // what stays is read again from what the log says
    }
  }
  progress_.give_up(partitions);
  seek_ &= !progress_.positions().empty();
}

// --- reading ------------------------------------------------------------------------------------

void Archiver::read() {
  tell("joining", true);
  progress_.give_up_all();
  connect();
  const auto partitions = all_partitions();
  table_.commit_starts(partitions, [this](const auto& each) { return start(each); });
  find_ends(partitions);
  join(partitions);
  stream_.status.problem.clear();
  heard_ = now();
  do {
    while (!done()) {
      cancel_.check();
      take();
      if (seek_) seek_to_log();
      if (inbox_.due()) flush();
      tell("reading", false);
    }
  } while (!inbox_.empty() && !flush());
  tell("done", true);
  if (reading_ == Reading::member) consumer_->close();
  consumer_.reset();
}

void Archiver::take() {
  const size_t before = inbox_.size();
  consumer_->consume(
      std::min(inbox_.room(), kPollMessages), inbox_.time_left(kPoll), [this](const auto& message) {
        if (reading_ == Reading::alone && progress_.beyond_end(*message.from, message.offset))
          return;
        inbox_.add(message);
      });
  if (inbox_.size() > before || progress_.positions().empty()) heard_ = now();
}

void Archiver::seek_to_log() {
  seek_ = false;
  inbox_.clear();  // what came since
  table_.load();
  auto offsets = progress_.positions();
  if (reading_ == Reading::alone) {
    // What was at its end is not read.
    std::erase_if(offsets,
                  [&](const auto& at) { return progress_.beyond_end(at.first, at.second); });
  }
  for (auto& [partition, position] : offsets) position = begin(partition);
  consumer_->seek(offsets);
}

// --- the end ------------------------------------------------------------------------------------

bool Archiver::done() {
  if (limits_.batches && stream_.status.commits >= *limits_.batches) return true;
  if (limits_.duration && now() - begun_ >= *limits_.duration) return true;
  if (!limits_.until_caught_up) return false;
  if (progress_.short_of_ends(inbox_.next()) && !silent()) return false;
  return reading_ == Reading::alone || others_are_done();
}

/// Partitions that other copies read, or nobody just now: whether the table has them up to the
/// ends.
bool Archiver::others_are_done() {
  const auto theirs = progress_.ends_of_others();
  if (theirs.empty()) return true;
  if (now() - looked_ < kLookEvery) return false;
  looked_ = now();
  return table_.has_all(theirs, [this](const auto& each) { return start(each); });
}

/// Transactions end in marks that have an offset and are no message: where the broker answers and
/// nothing has come for so long, the last offsets are such marks.
bool Archiver::silent() {
  if (now() - heard_ < kSilence) return false;
  for (const auto& [partition, position] : progress_.positions())
    consumer_->range(partition, kBrokerTimeout);
  return now() - heard_ < 2 * kSilence;
}

// --- writing ------------------------------------------------------------------------------------

/// Waits for a store that does not answer, for as long as it takes; reads nothing meanwhile, and
/// stays in the group. False where what waited was dropped: it is read again, or by others.
bool Archiver::flush() {
  microseconds wait = kBackoffFirst;
  bool paused = false, committed = false;
  while (!inbox_.empty()) {
    try {
      committed = flush_once() == Flush::Outcome::done;
      seek_ |= !committed;
      break;
    } catch (const Error& error) {
      if (cancel_.requested() || !passes(error.code()) || reading_ == Reading::alone) throw;
      stream_.status.problem = error.problem().message;
    }
    if (!paused) consumer_->pause();
    paused = true;
    tell("waiting for the store", true);
    wait_in_group(wait);
    wait = std::min(wait * 2, kBackoffMost);
  }
  stream_.status.problem.clear();
  if (paused) consumer_->resume();
  if (seek_) seek_to_log();
  heard_ = now();  // nobody listened meanwhile
  return committed;
}

void Archiver::wait_in_group(microseconds wait) {
  const Raised away(store_away_);
  const auto until = now() + wait;
  while (now() < until) {
    cancel_.check();
    consumer_->consume(0, kPoll, [](const auto&) {});
  }
}

Flush::Outcome Archiver::flush_once() {
  const auto begun = now();
  tell("writing", false);
  const auto next = inbox_.next();
  const auto outcome = flush_.commit_all();
  if (outcome == Flush::Outcome::done) {
    consumer_->commit(next);  // for lag monitors; nobody reads them back
    last_commit_ = now();
    stream_.status.flush_seconds = seconds(last_commit_ - begun);
    tell("reading", true);
  }
  return outcome;
}

// --- telling ------------------------------------------------------------------------------------

void Archiver::tell(const std::string& phase, bool at_once) {
  const auto t = now();
  if (!sink_ || (!at_once && t - told_ < kTellEvery)) return;
  told_ = t;
  auto& status = stream_.status;
  status.phase = phase;
  status.since_commit_seconds = seconds(t - last_commit_);
  status.waiting = int64_t(inbox_.size());
  status.partitions = int64_t(progress_.positions().size());
  status.lag = 0;
  if (consumer_)
    status.lag = progress_.lag([this](const auto& each) { return consumer_->known_end(each); });
  sink_(status);
}

}  // namespace windrow::tasks
