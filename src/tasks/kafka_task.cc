#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/id.h"
#include "lake/schema.h"
#include "sources/kafka/decoder.h"
#include "sources/kafka/options.h"
#include "sources/kafka/registry.h"
#include "tasks/audit.h"
#include "tasks/ingest.h"
#include "tasks/source_definition.h"

// A stream's progress is in the table's log alone. The life of a partition here:
//
//   assigned → its `txn` is read from the log (or a starting offset is committed there first)
//            → messages are taken from that offset on, and wait
//   flush    → dead letters are committed to their table, then rows with the new `txn`s, on
//              condition that each is still where this copy began
//   conflict → another copy was there: what waits is dropped, offsets are read from the log again
//   revoked  → what waits is committed before the partition is given up, where that is possible
//
// So a copy that was stopped for an hour and wakes up cannot write: its condition no longer holds.
namespace windrow::tasks {

namespace {

using clients::KafkaOffsets;
using clients::KafkaPartition;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Flushes are many and small: a checkpoint with each tenth would cost more than they do.
constexpr const char* kCheckpointInterval = "50";
constexpr milliseconds kBrokerTimeout{15'000};
constexpr milliseconds kPoll{100};
constexpr std::chrono::seconds kSilence{10};
constexpr size_t kPollMessages = 20'000;
constexpr int64_t kRowGroup = 51'200;
constexpr int kConflictsMax = 100;
constexpr microseconds kBackoffFirst = std::chrono::milliseconds(200);
constexpr microseconds kBackoffMost = std::chrono::seconds(10);

/// Where the table stands, as far as a stream has to know: nothing of its files.
struct Head {
  std::optional<lake::Snapshot> snapshot;
  std::vector<duck::Column> columns;
};

/// What an archiver waits for: also for somebody to make room on the disk.
bool passes(Code code) { return retryable(code) || code == Code::full; }

bool has_checks(const project::Source& source) {
  return !source.checks.empty() ||
         std::any_of(source.columns.begin(), source.columns.end(),
                     [](const auto& column) { return !column.checks.empty(); });
}

class KafkaIngest final : public clients::KafkaAssignment {
 public:
  KafkaIngest(const Context& context, const project::Source& source, const IngestLimits& limits,
              bool in_group, Cancel& cancel, const IngestSink& sink, Report& report)
      : context_(context),
        source_(source),
        limits_(limits),
        in_group_(in_group),
        cancel_(cancel),
        sink_(sink),
        report_(report),
        options_(sources::kafka_options(context.project, source)),
        decoder_(source, sources::record_format(source, sources::schema_registry(options_))),
        messages_(decoder_.needs_headers()),
        session_(context.engine.open({}, cancel, {})) {
    for (const auto& [column, expression] : source.partition_by) partition_by_.push_back(column);
    begun_ = last_commit_ = steady_clock::now();
  }

  /// Until a limit is reached or somebody asks to stop. What may pass is waited for.
  void run() {
    microseconds wait = kBackoffFirst;
    while (true) {
      const int64_t before = status_.commits;
      try {
        read();
        return;
      } catch (const Error& error) {
        drop();
        consumer_.reset();
        if (cancel_.requested() || !in_group_ || !passes(error.code())) throw;
        if (status_.commits > before) wait = kBackoffFirst;
        status_.problem = error.problem().message;
        tell("waiting", true);
      }
      if (cancel_.wait_for(wait)) cancel_.check();
      wait = std::min(wait * 2, kBackoffMost);
    }
  }

  /// Messages behind what the table has.
  int64_t waiting() {
    consumer_ = clients::kafka_consumer(options_.client, nullptr);
    cluster_ = consumer_->cluster(kBrokerTimeout);
    load();
    int64_t out = 0;
    for (const auto& each : all_partitions()) {
      const auto range = consumer_->range(each, kBrokerTimeout);
      const auto known = known_offset(each);
      out += range.end - std::min(range.end, known.value_or(start_of(each)));
    }
    return out;
  }

 private:
  // --- the table -------------------------------------------------------------------------------

  std::string app_id(const KafkaPartition& partition) const {
    return sources::kafka_app_id(source_.name, cluster_, partition);
  }

  void load() {
    head_ = {};
    const auto table = context_.lake.table(source_.name);
    if (!table.exists()) return;
    duck::Connection connection(context_.database);
    head_.snapshot = table.snapshot({}, &connection);
    if (!has_checks(source_)) {
      // An append needs none of them, and there may be many.
      head_.snapshot->files.clear();
      head_.snapshot->tombstones.clear();
    }
    take_columns();
  }

  void take_columns() {
    head_.columns.clear();
    for (const auto& field : head_.snapshot->schema.fields)
      head_.columns.push_back({field.name, lake::duck_type(field.type)});
    decoder_.set_table(head_.columns);
  }

  std::optional<int64_t> known_offset(const KafkaPartition& partition) const {
    if (!head_.snapshot) return {};
    const auto found = head_.snapshot->txns.find(app_id(partition));
    if (found == head_.snapshot->txns.end()) return {};
    return found->second.version;
  }

  lake::Txn txn(const KafkaPartition& partition, int64_t offset) const {
    return {app_id(partition), offset, micros(context_.clock.now()) / 1000};
  }

  // --- starting offsets ------------------------------------------------------------------------

  std::vector<KafkaPartition> all_partitions() {
    std::vector<KafkaPartition> out;
    for (const auto& topic : options_.topics) {
      const auto found = consumer_->partitions(topic, kBrokerTimeout);
      if (found.empty()) {
        throw Error(Code::not_found, fmt::format("kafka: there is no topic \"{}\"", topic),
                    "make it, or see to the name", source_.place);
      }
      out.insert(out.end(), found.begin(), found.end());
    }
    return out;
  }

  int64_t start_of(const KafkaPartition& partition) {
    using Start = sources::KafkaOptions::Start;
    const auto range = consumer_->range(partition, kBrokerTimeout);
    // A partition that was added later begins at its first message whatever `start` says: `latest`
    // would lose what came before anybody looked.
    bool topic_known = false;
    if (head_.snapshot) {
      const auto prefix = app_id({partition.topic, 0});
      for (const auto& [app, txn] : head_.snapshot->txns)
        topic_known |= app.starts_with(prefix.substr(0, prefix.rfind('/') + 1));
    }
    if (topic_known) return range.first;
    switch (options_.start) {
      case Start::earliest: return range.first;
      case Start::latest: return range.end;
      case Start::time:
        return consumer_->offsets_at({partition}, options_.start_ms, kBrokerTimeout).at(partition);
      case Start::offsets: {
        const auto found = options_.start_offsets.find(partition.partition);
        return found == options_.start_offsets.end() ? range.first : found->second;
      }
    }
    broken_invariant("start", __FILE__, __LINE__);
  }

  /// Before the first message is read: else a kill would let `latest` begin later the next time.
  void commit_starts(const std::vector<KafkaPartition>& partitions) {
    for (int tries = 0; tries < kConflictsMax; ++tries) {
      load();
      lake::CommitRequest request;
      for (const auto& each : partitions) {
        if (known_offset(each)) continue;
        request.txns.push_back(txn(each, start_of(each)));
        request.expect_txn[app_id(each)] = std::nullopt;
      }
      if (request.txns.empty()) return;
      if (head_.snapshot) {
        request.operation = "STREAMING UPDATE";
        request.read_version = head_.snapshot->version;
        request.base = lake::base_of(*head_.snapshot);
      } else if (!make_table(request)) {
        return;
      }
      request.provenance = record_of(context_, source_.name, "source");
      name_definition(context_, source_, *request.provenance);
      const auto version = commit(context_, source_.name, std::move(request), {});
      if (version) {
        load();
        return;
      }
      ++status_.conflicts;
    }
    throw Error(Code::conflict, "\"" + source_.name + "\" was changed by others each time",
                "run again");
  }

  /// False where nobody has said what its columns are: the first rows make it.
  bool make_table(lake::CommitRequest& request) {
    sources::Messages none(false);
    decoder_.decode(none, *session_->connection());
    const duck::BufferTable rows(*session_->connection(), decoder_.rows());
    auto table = new_table(context_, source_.name, source_.common.description);
    std::vector<duck::Column> columns;
    try {
      if (decoder_.rows().columns() > 0)
        columns = session_->describe(decoder_.select(rows.sql()), parameters());
    } catch (const duck::SqlError& error) {
      throw Error(Code::configuration,
                  fmt::format("source \"{}\": its expressions do not fit its columns: {}",
                              source_.name, error.problem().message),
                  "declare the type of every field that `value` and `partition_by` read under "
                  "`columns`",
                  source_.place);
    }
    std::erase_if(columns, [](const auto& column) { return column.name == "nothing"; });
    if (columns.empty()) {
      if (options_.start != sources::KafkaOptions::Start::latest) return false;
      throw Error(
          Code::configuration,
          fmt::format("source \"{}\" starts at `latest` and declares no column, so there is "
                      "no table that could hold where that was",
                      source_.name),
          "declare at least one of its columns with its type", source_.place);
    }
    table.schema = lake::schema_from_duck(columns);
    table.partition_by = partition_by_;
    auto [protocol, metadata] = lake::create_actions(table, context_.clock.now());
    metadata.configuration.try_emplace("delta.checkpointInterval", kCheckpointInterval);
    request.operation = "CREATE TABLE";
    request.protocol = protocol;
    request.metadata = metadata;
    return true;
  }

  duck::Parameters parameters() const {
    return {{"extracted_at", {iso(context_.clock.now()), "TIMESTAMP"}}};
  }

  // --- the group -------------------------------------------------------------------------------

  KafkaOffsets assigned(const std::vector<KafkaPartition>& partitions) override {
    commit_starts(partitions);
    KafkaOffsets out;
    for (const auto& each : partitions) out[each] = begin_at(each);
    for (const auto& [each, at] : out) position_[each] = at;
    status_.partitions = int64_t(position_.size());
    return out;
  }

  /// What the log says, unless the topic no longer has it.
  int64_t begin_at(const KafkaPartition& partition) {
    const auto logged = known_offset(partition);
    base_[partition] = logged;
    const int64_t known = logged ? *logged : start_of(partition);
    const auto range = consumer_->range(partition, kBrokerTimeout);
    if (known > range.end) {
      throw Error(
          Code::data,
          fmt::format("{}/{} ends at {}, and \"{}\" has read up to {}", partition.topic,
                      partition.partition, range.end, source_.name, known),
          "was the topic made anew? read it into another source, or bring its messages back",
          source_.place);
    }
    if (known >= range.first) return known;
    if (!options_.skip_lost) {
      throw Error(Code::history_lost,
                  fmt::format("{}/{} begins at {}: {} messages behind {} were removed by the "
                              "topic's retention before \"{}\" read them",
                              partition.topic, partition.partition, range.first,
                              range.first - known, known, source_.name),
                  "say `lost: skip` under `from` to go on without them", source_.place);
    }
    report_.warnings.push_back(fmt::format("{} messages of {}/{} were gone before they were read",
                                           range.first - known, partition.topic,
                                           partition.partition));
    return range.first;
  }

  void revoked(const std::vector<KafkaPartition>& partitions, bool lost) override {
    if (messages_.size() > 0) {
      bool written = false;
      if (!lost && !flushing_) {
        try {
          written = flush_once() == Flush::done;
        } catch (const Error&) {
          // Whoever reads them next begins at what the log says.
        }
      }
      if (!written) {
        drop();
        seek_ = true;  // what stays is read again from what the log says
      }
    }
    for (const auto& each : partitions) {
      position_.erase(each);
      base_.erase(each);
    }
    seek_ &= !position_.empty();
    status_.partitions = int64_t(position_.size());
  }

  /// Forgets what waits; its partitions go on from what the log says.
  void drop() {
    messages_.clear();
    first_waiting_.reset();
    status_.waiting = 0;
  }

  void seek_to_log() {
    seek_ = false;
    drop();  // what came since
    load();
    KafkaOffsets offsets;
    for (auto& [partition, position] : position_)
      offsets[partition] = position = begin_at(partition);
    consumer_->seek(offsets);
  }

  // --- reading ---------------------------------------------------------------------------------

  void read() {
    tell("joining", true);
    consumer_ = clients::kafka_consumer(options_.client, in_group_ ? this : nullptr);
    position_.clear();
    cluster_ = consumer_->cluster(kBrokerTimeout);
    const auto partitions = all_partitions();
    commit_starts(partitions);
    if (limits_.until_caught_up && ends_.empty()) {
      for (const auto& each : partitions) ends_[each] = consumer_->range(each, kBrokerTimeout).end;
    }
    if (in_group_) {
      consumer_->subscribe(options_.topics);
    } else {
      KafkaOffsets begin;
      for (const auto& each : partitions) {
        const auto at = begin_at(each);
        if (at < ends_[each]) begin[each] = at;
        position_[each] = at;
      }
      consumer_->assign(begin);
    }
    status_.problem.clear();
    heard_ = steady_clock::now();
    while (!done()) {
      cancel_.check();
      take();
      if (seek_) seek_to_log();
      if (due()) flush();
      tell("reading", false);
    }
    if (messages_.size() > 0) flush();
    tell("done", true);
    if (in_group_) consumer_->close();
    consumer_.reset();
  }

  void take() {
    const size_t room =
        options_.flush_rows > messages_.size() ? options_.flush_rows - messages_.size() : 1;
    const size_t before = messages_.size();
    consumer_->consume(std::min(room, kPollMessages), time_left(), [&](const auto& message) {
      if (!in_group_ && message.offset >= ends_[*message.from]) return;
      messages_.add(message);
    });
    if (messages_.size() > before || position_.empty()) heard_ = steady_clock::now();
    if (messages_.size() > 0 && !first_waiting_) first_waiting_ = steady_clock::now();
    status_.waiting = int64_t(messages_.size());
  }

  milliseconds time_left() const {
    auto out = kPoll;
    if (first_waiting_) {
      const auto until = *first_waiting_ + options_.flush_every - steady_clock::now();
      out = std::clamp(std::chrono::duration_cast<milliseconds>(until), milliseconds(0), out);
    }
    return out;
  }

  bool due() const {
    if (messages_.size() == 0) return false;
    return messages_.size() >= options_.flush_rows || messages_.bytes() >= options_.flush_bytes ||
           (first_waiting_ && steady_clock::now() - *first_waiting_ >= options_.flush_every);
  }

  /// Partitions that other copies read, or nobody just now: whether the table has them up to the
  /// ends.
  bool others_are_done() {
    const auto theirs = [&](const auto& end) { return !position_.count(end.first); };
    if (std::none_of(ends_.begin(), ends_.end(), theirs)) return true;
    const auto now = steady_clock::now();
    if (now - looked_ < std::chrono::milliseconds(500)) return false;
    looked_ = now;
    const auto table = context_.lake.table(source_.name);
    if (!table.exists()) {
      return std::all_of(ends_.begin(), ends_.end(), [&](const auto& end) {
        return !theirs(end) || start_of(end.first) >= end.second;
      });
    }
    duck::Connection connection(context_.database);
    const auto txns = table.snapshot({}, &connection).txns;
    return std::all_of(ends_.begin(), ends_.end(), [&](const auto& end) {
      if (!theirs(end)) return true;
      const auto found = txns.find(app_id(end.first));
      return found != txns.end() && found->second.version >= end.second;
    });
  }

  /// Transactions end in marks that have an offset and are no message: where the broker answers and
  /// nothing has come for so long, the last offsets are such marks.
  bool silent() {
    if (steady_clock::now() - heard_ < kSilence) return false;
    for (const auto& [partition, position] : position_) consumer_->range(partition, kBrokerTimeout);
    return steady_clock::now() - heard_ < 2 * kSilence;
  }

  bool done() {
    if (limits_.batches && status_.commits >= *limits_.batches) return true;
    if (limits_.duration && steady_clock::now() - begun_ >= *limits_.duration) return true;
    if (!limits_.until_caught_up) return false;
    for (const auto& [partition, position] : position_) {
      const auto end = ends_.find(partition);
      if (end == ends_.end()) continue;
      int64_t at = position;
      const auto waits = messages_.next().find(partition);
      if (waits != messages_.next().end()) at = waits->second;
      if (at < end->second && !silent()) return false;
    }
    return !in_group_ || others_are_done();
  }

  // --- writing ---------------------------------------------------------------------------------

  enum class Flush { done, dropped };

  /// Waits for a store that does not answer, for as long as it takes; reads nothing meanwhile, and
  /// stays in the group.
  void flush() {
    microseconds wait = kBackoffFirst;
    bool paused = false;
    while (messages_.size() > 0) {
      try {
        if (flush_once() == Flush::dropped) seek_ = true;
        break;
      } catch (const Error& error) {
        if (cancel_.requested() || !passes(error.code()) || !in_group_) throw;
        status_.problem = error.problem().message;
      }
      if (!paused) consumer_->pause();
      paused = true;
      tell("waiting for the store", true);
      const auto until = steady_clock::now() + wait;
      flushing_ = true;
      while (steady_clock::now() < until) {
        cancel_.check();
        consumer_->consume(0, kPoll, [](const auto&) {});
      }
      flushing_ = false;
      wait = std::min(wait * 2, kBackoffMost);
      look_again_ = true;  // the answer may have been lost, not the commit
    }
    status_.problem.clear();
    if (paused) consumer_->resume();
    if (seek_) seek_to_log();
    heard_ = steady_clock::now();  // nobody listened meanwhile
  }

  /// Whether the log has moved from where these messages begin, or already to where they end.
  enum class Moved { no, by_us, by_others };
  Moved moved() {
    bool begin = true, end = true;
    for (const auto& [partition, next] : messages_.next()) {
      const auto known = known_offset(partition);
      begin &= known == base_.at(partition);
      end &= known == next;
    }
    return begin ? Moved::no : end ? Moved::by_us : Moved::by_others;
  }
  Flush flush_once() {
    struct Busy {
      explicit Busy(bool& b) : flag(b) { flag = true; }
      ~Busy() { flag = false; }
      bool& flag;
    } busy(flushing_);
    const auto begun = steady_clock::now();
    tell("writing", false);
    if (look_again_) load();
    for (int tries = 0; tries < kConflictsMax; ++tries) {
      const auto moved_by = moved();
      if (moved_by == Moved::by_others) {
        drop();
        look_again_ = false;
        return Flush::dropped;
      }
      if (moved_by == Moved::by_us || write()) {
        look_again_ = false;
        after_commit(begun);
        return Flush::done;
      }
      ++status_.conflicts;
      load();
    }
    throw Error(Code::conflict, "\"" + source_.name + "\" was changed by others each time",
                "run again");
  }

  /// One commit of all that waits. False where somebody else has committed what it cannot be
  /// combined with.
  bool write() {
    auto& connection = *session_->connection();
    decoder_.decode(messages_, connection);
    if (!keep_rejected()) return false;
    const duck::BufferTable rows(connection, decoder_.rows());
    lake::StageContext stage{connection,
                             context_.files,
                             context_.lake.table_path(source_.name),
                             source_.name,
                             head_.snapshot,
                             partition_by_,
                             source_.on_new_column == "add",
                             false,
                             context_.clock.now(),
                             {}};
    stage.write = write_options(stage.table_path);
    if (!head_.snapshot && decoder_.rows().rows() == 0) {
      throw Error(Code::data,
                  fmt::format("source \"{}\": none of the first {} messages could be read: {}",
                              source_.name, messages_.size(), decoder_.rejected().front().why),
                  "see to `format`, or declare the columns", source_.place);
    }
    auto staged = lake::stage_append(stage, decoder_.select(rows.sql()), parameters());
    if (staged.rows_written != decoder_.good_rows()) {
      lake::discard(context_.files, staged);
      throw Error(
          Code::corrupt,
          fmt::format("source \"{}\" does not come out even: {} messages hold {} rows, but {} "
                      "were written",
                      source_.name, messages_.size(), decoder_.good_rows(), staged.rows_written),
          "nothing of it was committed: this is a bug, please report it");
    }
    std::optional<Audit> audit;
    if (has_checks(source_)) {
      audit.emplace(context_, Promises{source_.name, source_.columns, source_.checks}, *session_,
                    report_);
      audit->first(staged);
    }
    auto record = record_of(context_, source_.name, "source");
    name_definition(context_, source_, record);
    record.touched = staged.touched;
    record.quality_score = report_.quality_score;
    const auto paths = staged.written_paths;
    const bool evolved = !staged.columns_added.empty();
    int64_t file_bytes = 0;
    for (const auto& add : staged.adds) file_bytes += add.size;
    const auto files = int64_t(staged.adds.size());
    const int64_t written = staged.rows_written;
    auto request = lake::request_of(std::move(staged),
                                    new_table(context_, source_.name, source_.common.description));
    if (head_.snapshot) {
      request.base = lake::base_of(*head_.snapshot);
    } else {
      request.metadata->configuration.try_emplace("delta.checkpointInterval", kCheckpointInterval);
    }
    request.provenance = std::move(record);
    for (const auto& [partition, next] : messages_.next()) {
      request.txns.push_back(txn(partition, next));
      request.expect_txn[app_id(partition)] = base_.at(partition);
    }
    if (audit) {
      request.rebase = [&](const std::vector<lake::Commit>& since,
                           lake::CommitRequest& later) -> std::optional<std::string> {
        audit->again(since, later);
        return {};
      };
    }
    const auto txns = request.txns;
    const auto version = commit(context_, source_.name, std::move(request), paths);
    if (!version) return false;
    if (head_.snapshot && *version == head_.snapshot->version + 1 && !evolved &&
        !has_checks(source_)) {
      auto& head = *head_.snapshot;
      head.version = *version;
      head.timestamp = context_.clock.now();
      for (const auto& each : txns) head.txns[each.app_id] = each;
    } else {
      load();
    }
    status_.rows += written;
    status_.files += files;
    status_.file_bytes += file_bytes;
    status_.version = *version;
    return true;
  }

  duck::WriteOptions write_options(const std::string& table_path) {
    duck::WriteOptions out;
    const std::string id = new_uuid().substr(0, 8);
    const auto now = context_.clock.now();
    std::string pattern = options_.file_name.empty() ? "part-{id}" : options_.file_name;
    if (options_.file_name.empty()) {
      out.file_name = "part-" + new_uuid();
    } else {
      if (pattern.find("{id}") == std::string::npos) pattern += "_{id}";
      out.file_name = sources::filled_pattern(pattern, now, status_.commits + 1, id);
    }
    if (!options_.file_folder.empty())
      out.folder = table_path + "/" +
                   sources::filled_pattern(options_.file_folder, now, status_.commits + 1, id);
    out.compression = options_.compression;
    // The writer holds a whole group of rows beside the messages themselves.
    out.row_group_rows = kRowGroup;
    return out;
  }

  void after_commit(steady_clock::time_point begun) {
    // For lag monitors. Nobody reads them back.
    consumer_->commit(messages_.next());
    for (const auto& [partition, next] : messages_.next()) {
      base_[partition] = position_[partition] = next;
    }
    status_.messages += int64_t(messages_.size());
    status_.bytes += int64_t(messages_.bytes());
    ++status_.commits;
    messages_.clear();
    first_waiting_.reset();
    status_.waiting = 0;
    last_commit_ = steady_clock::now();
    status_.flush_seconds = std::chrono::duration<double>(last_commit_ - begun).count();
    report_.changed = true;
    report_.rows = status_.rows;
    report_.rejected = status_.rejected;
    report_.version = status_.version;
    tell("reading", true);
  }

  // --- dead letters ----------------------------------------------------------------------------

  /// They are committed before the offset moves on, with a `txn` of their own; those of a batch
  /// that is read once more are there already. False: another copy was faster.
  bool keep_rejected() {
    if (decoder_.rejected().empty()) return true;
    const std::string asset = source_.name + "_rejected";
    auto target = target_of(context_, asset, {});
    std::map<KafkaPartition, std::optional<int64_t>> known;
    for (const auto& [partition, next] : messages_.next()) {
      if (!target.current) continue;
      const auto found = target.current->txns.find(app_id(partition));
      if (found != target.current->txns.end()) known[partition] = found->second.version;
    }
    duck::RowBuffer rows;
    KafkaOffsets next;
    fill_rejected(rows, known, next);
    if (rows.rows() == 0) return true;
    const duck::BufferTable table(*session_->connection(), rows);
    const lake::StageContext stage{*session_->connection(),
                                   context_.files,
                                   target.path,
                                   asset,
                                   target.current,
                                   {},
                                   true,
                                   false,
                                   target.now,
                                   {}};
    auto staged = lake::stage_append(
        stage,
        "SELECT topic, CAST(\"partition\" AS INTEGER) AS \"partition\", \"offset\", "
        "kafka_time, error, \"key\", content FROM " +
            table.sql(),
        {});
    auto record = record_of(context_, asset, "rejected");
    record.touched = staged.touched;
    const auto paths = staged.written_paths;
    auto request = lake::request_of(
        std::move(staged),
        new_table(context_, asset, "messages of " + source_.name + " that could not be read"));
    request.provenance = std::move(record);
    for (const auto& [partition, offset] : next) {
      request.txns.push_back(txn(partition, offset));
      request.expect_txn[app_id(partition)] =
          known.count(partition) ? known[partition] : std::nullopt;
    }
    if (!commit(context_, asset, std::move(request), paths)) return false;
    status_.rejected += int64_t(rows.rows());
    return true;
  }

  void fill_rejected(duck::RowBuffer& rows,
                     const std::map<KafkaPartition, std::optional<int64_t>>& known,
                     KafkaOffsets& next) const {
    using duck::BufferKind;
    for (const auto& [name, kind] : std::initializer_list<std::pair<const char*, BufferKind>>{
             {"topic", BufferKind::text},
             {"partition", BufferKind::integer},
             {"offset", BufferKind::integer},
             {"kafka_time", BufferKind::time},
             {"error", BufferKind::text},
             {"key", BufferKind::bytes},
             {"content", BufferKind::bytes}})
      rows.add_column(name, kind);
    for (const auto& rejected : decoder_.rejected()) {
      const auto& message = messages_.all()[rejected.message];
      const auto& from = messages_.partitions()[message.from];
      const auto above = known.find(from);
      if (above != known.end() && message.offset < *above->second) continue;  // there already
      const size_t row = rows.add_row();
      rows.column(0).set_text(row, from.topic);
      rows.column(1).set_integer(row, from.partition);
      rows.column(2).set_integer(row, message.offset);
      if (message.timestamp_ms >= 0) rows.column(3).set_integer(row, message.timestamp_ms * 1000);
      rows.column(4).set_text(row, rejected.why);
      if (message.key) rows.column(5).set_text(row, *message.key);
      if (message.value) rows.column(6).set_text(row, *message.value);
      auto& end = next[from];
      end = std::max(end, message.offset + 1);
    }
  }

  // --- telling ---------------------------------------------------------------------------------

  void tell(const std::string& phase, bool now) {
    const auto t = steady_clock::now();
    if (!sink_ || (!now && t - told_ < std::chrono::milliseconds(200))) return;
    told_ = t;
    status_.phase = phase;
    status_.since_commit_seconds = std::chrono::duration<double>(t - last_commit_).count();
    status_.lag = 0;
    if (consumer_) {
      for (const auto& [partition, position] : position_) {
        const auto end = consumer_->known_end(partition);
        if (end) status_.lag += std::max<int64_t>(0, *end - position);
      }
    }
    sink_(status_);
  }

  const Context& context_;
  const project::Source& source_;
  const IngestLimits limits_;
  const bool in_group_;
  Cancel& cancel_;
  const IngestSink& sink_;
  Report& report_;
  const sources::KafkaOptions options_;
  sources::Decoder decoder_;
  sources::Messages messages_;
  std::unique_ptr<engine::Session> session_;
  std::vector<std::string> partition_by_;
  std::unique_ptr<clients::KafkaConsumer> consumer_;
  std::string cluster_;
  Head head_;
  KafkaOffsets position_;  ///< where what waits began, of each partition that is read
  /// What the log said of them then, and must still say when what waits is committed. Never taken
  /// from a later look at the log: it could be the work of another copy.
  std::map<KafkaPartition, std::optional<int64_t>> base_;
  KafkaOffsets ends_;
  IngestStatus status_;
  bool flushing_ = false, seek_ = false, look_again_ = false;
  std::optional<steady_clock::time_point> first_waiting_;
  steady_clock::time_point begun_, last_commit_, told_, looked_, heard_;
};

}  // namespace

void ingest_stream(const Context& context, const project::Source& source,
                   const IngestLimits& limits, Cancel& cancel, const IngestSink& sink,
                   Report& report) {
  if (source.kind != "kafka") {
    throw Error(Code::usage,
                fmt::format("source \"{}\" is of the kind \"{}\", and `ingest` is for streams",
                            source.name, source.kind),
                "`windrow run` reads it", source.place);
  }
  KafkaIngest(context, source, limits, true, cancel, sink, report).run();
}

void ingest_waiting(const Context& context, const project::Source& source, Cancel& cancel,
                    const ProgressSink& progress, Report& report) {
  IngestLimits limits;
  limits.until_caught_up = true;
  const IngestSink sink = [&](const IngestStatus& status) {
    if (progress) progress({source.name, status.phase, -1, status.rows});
  };
  KafkaIngest(context, source, limits, false, cancel, sink, report).run();
  if (report.rejected > 0) {
    report.warnings.push_back(fmt::format("{} messages could not be read: they are in {}_rejected",
                                          report.rejected, source.name));
  }
}

std::optional<std::string> pending_stream(const Context& context, const project::Source& source) {
  Cancel cancel;
  Report report;
  const auto waiting = KafkaIngest(context, source, {}, false, cancel, {}, report).waiting();
  if (waiting == 0) return {};
  return fmt::format("{} message{}", waiting, waiting == 1 ? "" : "s");
}

}  // namespace windrow::tasks
