#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "base/secrets.h"
#include "duck/quoting.h"
#include "lake/row_work.h"
#include "project/folders.h"
#include "project/kinds.h"
#include "sources/record_rows.h"
#include "sources/rest/extraction.h"
#include "sources/rest/fetcher.h"
#include "sources/rest/json_slices.h"
#include "sources/rest/kind.h"
#include "sources/shared.h"

/// REST APIs. An extraction asks for every resource once, parents before children; it is cut into
/// commits, and each keeps in its record how far every list has come (extraction.h), so a restart
/// goes on behind the last commit. Requests run ahead of the commits; what was not committed is
/// asked for again.
namespace windrow::sources {

namespace {

using duck::quote_name;
using duck::quote_text;
using Clock = std::chrono::steady_clock;

constexpr size_t kParentsMax = 100'000;  // read from the table at a time
constexpr size_t kKeysMax = 16'000'000;  // of one list, looked at for ids seen twice
constexpr size_t kShortListsMax = 20;

const std::vector<Column>& spool_columns() {
  static const std::vector<Column> columns = {
      {"endpoint", "VARCHAR"},   {"request", "VARCHAR"},
      {"page", "BIGINT"},        {"parent", "VARCHAR"},
      {"key", "VARCHAR"},        {"etag", "VARCHAR"},
      {"extraction", "VARCHAR"}, {"extracted_at", "TIMESTAMP WITH TIME ZONE"},
      {"raw", "VARCHAR"}};
  return columns;
}

Time clock_now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

uint64_t hash_of(std::string_view text) {
  const std::string bytes = sha256_bytes(text);
  uint64_t out = 0;
  std::copy_n(bytes.begin(), sizeof out, reinterpret_cast<char*>(&out));
  return out;
}

std::string quoted_or_null(const std::string& text) {
  return text.empty() ? "null" : json_quoted(text);
}

class RestReader final : public Reader {
 public:
  RestReader(const project::Source& source, const Context& context)
      : source_(source),
        config_(rest_config(context.project, source,
                            context.shared ? context.shared->secrets : nullptr)),
        now_(context.now),
        cancel_(context.cancel),
        meter_(context.meter),
        folder_(project::spill_folder(context.project)),
        throttles_(context.shared ? &context.shared->throttles : nullptr),
        secrets_(context.shared ? context.shared->secrets : nullptr),
        from_table_(context.whole) {
    if (config_.keep_responses) check_without_children();
  }

  bool keeps_state() const override { return true; }

  void restore(const TableNow& table) override {
    table_ = table;
    auto progress = progress_from_json(table.state);
    if (begun_ && table.state == last_state_) return;
    fetcher_.reset();  // another run has moved it, or this is the first look
    finished_ = begun_ && progress.complete;
    begun_ = false;
    progress_ = std::move(progress);
  }

  std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) override {
    check_history(txns);
    if (not_due()) return {};
    if (!progress_.extraction.empty() && !progress_.complete)
      return "goes on with the extraction of " + progress_.extraction;
    return fmt::format("{} resource{} of \"{}\"", config_.resources.size(),
                       config_.resources.size() == 1 ? "" : "s", config_.server.connection);
  }

  std::optional<LogRows> log_rows() override;
  std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                            lake::DuckRows& session) override;

 private:
  std::string app_id() const { return "rest/" + source_.name; }
  bool not_due() const {
    const auto began = parse_time(progress_.extraction);
    return progress_.complete && config_.every.count() > 0 && began &&
           now_ - *began < config_.every;
  }
  void check_history(const std::map<std::string, lake::Txn>& txns) const;
  void check_without_children() const;
  void begin();
  void health_check();
  void begin_level(lake::DuckRows& session);
  void hand_out_parents(lake::DuckRows& session);
  void read_parents(lake::DuckRows& session, size_t resource);
  bool level_done() const { return fetcher_->streams() == 0 && parents_.empty() && parents_read_; }
  void take(Stream& stream, const PageAt& at, const Answer& answer);
  void keep(const Stream& stream, const PageAt& at, const Answer& answer,
            const std::vector<std::string_view>& records);
  void end_of_list(Stream& stream);
  void end_level();
  Batch batch(const std::map<std::string, lake::Txn>& txns, lake::DuckRows& session);
  Batch with_progress(Batch out, const std::map<std::string, lake::Txn>& txns);
  std::string etag_of(const RestResource& resource, const std::string& url);
  std::string redacted(const std::string& text) const {
    return secrets_ ? secrets_->redact(text) : text;
  }
  std::vector<Stream> kept_streams() const;
  void read_etags(lake::DuckRows& session);

  const project::Source& source_;
  RestConfig config_;
  Time now_;
  Cancel* cancel_;
  Meter* meter_;
  Cancel never_;
  std::string folder_;
  Throttles* throttles_;
  Throttles own_throttles_;
  const Secrets* secrets_;
  bool from_table_;
  TableNow table_;
  Progress progress_;
  bool begun_ = false, finished_ = false;
  std::string last_state_;  // of the last batch
  std::unique_ptr<Requester> requester_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<Intake> spool_;
  std::vector<Stream> parents_;  // lists that wait for their turn, last first
  bool parents_read_ = true;
  std::map<std::string, std::string> etags_;  // request → ETag of its last answer
  std::map<std::string, std::string> cursors_;
  std::vector<std::string> warnings_;
};

void RestReader::check_history(const std::map<std::string, lake::Txn>& txns) const {
  const auto found = txns.find(app_id());
  const int64_t known = found == txns.end() ? 0 : found->second.version;
  if (known == progress_.sequence) return;
  throw Error(
      Code::history_lost,
      fmt::format("\"{}\": the log tells of {} commits of this source, its last record of {}",
                  source_.name, known, progress_.sequence),
      "another program has cleaned the log: move the table away, and it is read anew",
      source_.place);
}

void RestReader::check_without_children() const {
  for (const auto& resource : config_.resources) {
    if (resource.parent.empty()) continue;
    throw Error(Code::configuration,
                "resource \"" + resource.name + "\" reads fields of \"" + resource.parent +
                    "\", which `keep: responses` does not take apart",
                "leave out `keep`", resource.place);
  }
}

// --- an extraction

void RestReader::health_check() {
  if (config_.server.health.empty()) return;
  const std::string url = config_.server.url + (config_.server.health.starts_with('/') ? "" : "/") +
                          config_.server.health;
  const auto answer = requester_->get(url, {}, cancel_ ? *cancel_ : never_);
  if (answer.status == 404 || answer.status == 410) {
    throw Error(Code::unavailable,
                fmt::format("health check GET {}: the server answers {}", clients::shown_url(url),
                            answer.status),
                "check `health` of the connection", source_.from.place);
  }
}

void RestReader::begin() {
  const auto& server = config_.server;
  auto throttle = (throttles_ ? *throttles_ : own_throttles_)
                      .of(server.connection, server.per_second, server.burst,
                          server.breaker_failures, server.breaker_pause);
  if (!requester_) {
    requester_ = std::make_unique<Requester>(server, std::move(throttle));
    health_check();
  }
  if (!spool_)
    spool_ = std::make_unique<Intake>(folder_, spool_columns(), config_.record_bytes_max);
  spool_->clear();
  if (progress_.extraction.empty() || progress_.complete) {
    progress_.extraction = iso(clock_now());
    progress_.complete = false;
    progress_.level = 0;
    progress_.marks.clear();
    progress_.streams.clear();
    progress_.parents_resource = 0;
    progress_.parents_after.clear();
    progress_.tallies.clear();
  }
  cursors_ = progress_.cursors;
  begun_ = true;
}

void RestReader::begin_level(lake::DuckRows& session) {
  fetcher_ = std::make_unique<Fetcher>(config_, *requester_, cancel_ ? *cancel_ : never_, meter_);
  fetcher_->cursor_of = [this](const RestResource& resource) {
    const auto found = cursors_.find(resource.name);
    return found == cursors_.end() ? std::string() : found->second;
  };
  fetcher_->headers_of = [this](const RestResource& resource, const std::string& url) {
    const std::string etag = etag_of(resource, url);
    return etag.empty() ? clients::HttpHeaders{} : clients::HttpHeaders{{"If-None-Match", etag}};
  };
  read_etags(session);
  parents_.clear();
  parents_read_ = progress_.level == 0;
  const bool goes_on = !progress_.streams.empty() || progress_.parents_resource > 0 ||
                       !progress_.parents_after.empty() || !progress_.tallies.empty();
  for (auto& stream : progress_.streams) {
    auto& resource = config_.resources[stream.resource];
    if (!stream.found) {
      stream.paging = resource.paging;
      stream.next.number = resource.paging.by == Paging::By::automatic ? 0 : resource.paging.first;
    } else {
      const Paging found = stream.paging;
      stream.paging = resource.paging;
      stream.paging.by = found.by;
      stream.paging.param = found.param;
      stream.paging.from = found.from;
      stream.paging.total_pages = found.total_pages;
      stream.paging.size = found.size;
      const bool link = found.by == Paging::By::link || found.by == Paging::By::header;
      if (link && !stream.next.token.empty() && stream.next.token.find("://") == std::string::npos)
        stream.next.token = config_.server.url + stream.next.token;
    }
    fetcher_->add(std::move(stream));
  }
  progress_.streams.clear();
  if (progress_.level == 0 && !goes_on) {
    for (size_t i = 0; i < config_.resources.size(); ++i) {
      const auto& resource = config_.resources[i];
      if (resource.level != 0) continue;
      Stream stream;
      stream.resource = i;
      stream.paging = resource.paging;
      stream.next.number = resource.paging.by == Paging::By::automatic ? 0 : resource.paging.first;
      fetcher_->add(std::move(stream));
    }
  }
  for (const auto& resource : config_.resources) {
    if (resource.level == progress_.level && !progress_.tallies.contains(resource.name))
      progress_.tallies[resource.name].began = clock_now();
  }
}

/// Lists of children, in the order of their parents, as many at a time as keep the threads busy.
void RestReader::hand_out_parents(lake::DuckRows& session) {
  const size_t wanted =
      std::min<size_t>(256, std::max<size_t>({16, size_t(4 * config_.server.parallel),
                                              size_t(5 * config_.server.per_second)}));
  if (progress_.level == 0 || fetcher_->streams() > wanted / 2) return;
  while (fetcher_->streams() < wanted) {
    while (parents_.empty() && !parents_read_) {
      size_t& at = progress_.parents_resource;
      while (at < config_.resources.size() && config_.resources[at].level != progress_.level) {
        ++at;
        progress_.parents_after.clear();
      }
      if (at == config_.resources.size()) {
        parents_read_ = true;
      } else {
        read_parents(session, at);
        if (parents_.empty()) {
          ++at;
          progress_.parents_after.clear();
        }
      }
    }
    if (parents_.empty()) return;
    progress_.parents_after = parents_.back().parent;
    fetcher_->add(std::move(parents_.back()));
    parents_.pop_back();
  }
}

void RestReader::read_parents(lake::DuckRows& session, size_t at) {
  const auto& resource = config_.resources[at];
  const auto parent = std::find_if(config_.resources.begin(), config_.resources.end(),
                                   [&](const auto& each) { return each.name == resource.parent; });
  const auto rows =
      session.query(parents_select(resource, *parent, table_.rows_sql, source_.raw, progress_) +
                    " LIMIT " + std::to_string(kParentsMax));
  for (auto row = rows.rows.rbegin(); row != rows.rows.rend(); ++row) {
    Stream stream;
    stream.resource = at;
    stream.parent = cell_text((*row)[0]);
    stream.paging = resource.paging;
    stream.next.number = resource.paging.by == Paging::By::automatic ? 0 : resource.paging.first;
    parents_.push_back(std::move(stream));
  }
}

void RestReader::read_etags(lake::DuckRows& session) {
  etags_.clear();
  std::string names;
  for (const auto& resource : config_.resources) {
    if (resource.conditional && resource.level == progress_.level)
      names += (names.empty() ? "" : ", ") + quote_text(resource.name);
  }
  if (names.empty() || table_.rows_sql.empty()) return;
  const auto rows =
      session.query("SELECT request, arg_max(etag, extracted_at) FROM (" + table_.rows_sql +
                    ") WHERE endpoint IN (" + names + ") AND etag IS NOT NULL GROUP BY request");
  for (const auto& row : rows.rows) etags_[cell_text(row[0])] = cell_text(row[1]);
}

std::string RestReader::etag_of(const RestResource& resource, const std::string& url) {
  if (!resource.conditional) return {};
  const auto found = etags_.find(redacted(requester_->shown(url)));
  return found == etags_.end() ? std::string() : found->second;
}

// --- answers

void RestReader::take(Stream& stream, const PageAt& at, const Answer& answer) {
  const auto& resource = config_.resources[stream.resource];
  auto& tally = progress_.tallies[resource.name];
  ++tally.requests;
  tally.attempts += answer.attempts;
  tally.throttled += answer.throttled;
  if (answer.status == 304) {
    ++tally.not_modified;
    stream.done = true;
    return;
  }
  if (answer.status == 404 || answer.status == 410) {
    ++tally.missing;
    // A page behind the end of a list that became shorter; or a thing that is gone.
    if (at.index > 0 &&
        (stream.paging.by == Paging::By::page || stream.paging.by == Paging::By::offset)) {
      stream.moved = true;
      end_of_list(stream);
      return;
    }
    if (!resource.skip_missing) {
      throw Error(Code::not_found,
                  fmt::format("GET {}: the server answers {}", clients::shown_url(answer.url),
                              answer.status),
                  "check the path of resource \"" + resource.name + "\", or say `missing: skip`",
                  resource.place);
    }
    stream.done = true;
    return;
  }
  const PageRead page = read_page(resource, at, answer, *requester_, stream);
  keep(stream, at, answer, page.records);
  stream.received += int64_t(page.records.size());
  tally.records += int64_t(page.records.size());
  for (const auto& record : page.records) {
    if (const auto key = key_of(resource, record)) {
      if (stream.keys.size() < kKeysMax)
        stream.keys.push_back(hash_of(*key));
      else
        stream.keys_whole = false;
    }
    if (resource.cursor.empty()) continue;
    if (const auto value = json_at(record, resource.cursor)) {
      auto& mark = progress_.marks[resource.name];
      mark = later_cursor(mark, json_text(*value).value_or(""));
    }
  }
  if (page.next)
    stream.next = *page.next;
  else
    end_of_list(stream);
}

void RestReader::keep(const Stream& stream, const PageAt& at, const Answer& answer,
                      const std::vector<std::string_view>& records) {
  const auto& resource = config_.resources[stream.resource];
  const std::string endpoint = json_quoted(resource.name);
  const std::string shown = redacted(requester_->shown(answer.url));
  const std::string request = json_quoted(shown);
  const std::string page = std::to_string(at.index + 1);
  const std::string parent = quoted_or_null(stream.parent);
  const std::string etag =
      resource.conditional ? quoted_or_null(std::string(answer.header("ETag"))) : "null";
  const std::string extraction = json_quoted(progress_.extraction);
  const std::string time = json_quoted(iso(clock_now()));
  const auto add = [&](const std::string& key, std::string_view raw) {
    spool_->add(shown, {endpoint, request, page, parent, key, etag, extraction, time}, raw);
  };
  if (config_.keep_responses) {
    add("null", answer.body);
    return;
  }
  for (const auto& record : records) {
    const auto key = key_of(resource, record);
    add(key ? json_quoted(*key) : "null", record);
  }
}

/// A list that moved while it was read, or that is shorter than promised, is read once more.
void RestReader::end_of_list(Stream& stream) {
  const auto& resource = config_.resources[stream.resource];
  auto& tally = progress_.tallies[resource.name];
  auto& keys = stream.keys;
  const auto all = int64_t(keys.size());
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const bool by_key = stream.keys_whole && all == stream.received;
  const int64_t distinct = by_key ? int64_t(keys.size()) : stream.received;
  const int64_t twice = stream.received - distinct;
  const bool cut = stream.next.index + 1 >= resource.paging.pages_max;
  const bool fewer = stream.promised >= 0 && distinct < stream.promised;
  const bool left_out = fewer && cut && resource.paging.pages_max_given;  // as was asked
  const bool short_of = fewer && !left_out;
  const bool single = stream.paging.by == Paging::By::none && !stream.records;
  tally.twice += twice;
  if (!single && !cut && (short_of || stream.moved || twice > 0) && stream.pass < config_.passes) {
    ++stream.pass;
    ++stream.generation;
    ++tally.extra_passes;
    stream.next = {0,
                   stream.paging.by == Paging::By::page || stream.paging.by == Paging::By::offset
                       ? stream.paging.first
                       : 0,
                   {}};
    stream.moved = false;
    stream.keys_whole = true;
    stream.received = 0;
    stream.shown_total = stream.promised = stream.pages = -1;
    keys.clear();
    return;
  }
  tally.distinct += distinct;
  tally.promised += std::max<int64_t>(stream.promised, 0);
  if (!single && (short_of || left_out)) {
    tally.incomplete += short_of;
    const std::string words = fmt::format(
        "{}{}: {} promised, {} received{}", resource.name,
        stream.parent.empty() ? "" : " " + stream.parent, stream.promised, distinct,
        cut ? fmt::format(", pages after {} left out", resource.paging.pages_max) : std::string());
    if (std::count(tally.short_lists.begin(), tally.short_lists.end(), ';') + 1 <
        int64_t(kShortListsMax))
      tally.short_lists += (tally.short_lists.empty() ? "" : "; ") + words;
    if (left_out) {
      stream.done = true;
      return;
    }
    if (config_.incomplete_fails) {
      throw Error(Code::data, "incomplete: " + words,
                  "say `incomplete: warn` to go on all the same", resource.place);
    }
    if (tally.incomplete <= int64_t(kShortListsMax)) warnings_.push_back("incomplete: " + words);
  }
  stream.done = true;
}

void RestReader::end_level() {
  for (auto& [name, tally] : progress_.tallies) tally.ended = clock_now();
  progress_.logged = std::move(progress_.tallies);
  progress_.tallies.clear();
  progress_.parents_resource = 0;
  progress_.parents_after.clear();
  progress_.streams.clear();
  if (progress_.level < config_.resources.back().level) {
    ++progress_.level;
  } else {
    progress_.complete = true;
    for (const auto& [name, mark] : progress_.marks) {
      auto& cursor = progress_.cursors[name];
      cursor = later_cursor(cursor, mark);
    }
    progress_.marks.clear();
    finished_ = true;
  }
  fetcher_.reset();
}

// --- batches

std::optional<Batch> RestReader::next(const std::map<std::string, lake::Txn>& txns,
                                      lake::DuckRows& session) {
  check_history(txns);
  if (from_table_) {
    if (table_.rows_sql.empty()) return {};
    progress_.logged.clear();  // it is told already
    return with_progress(kept_again(table_, rest_columns(), "request", source_, session), txns);
  }
  if (finished_ || (!begun_ && not_due())) return {};
  if (!begun_) begin();
  spool_->clear();
  if (!fetcher_) begin_level(session);
  const auto deadline = Clock::now() + config_.flush_every;
  uint64_t taken = 0;
  try {
    for (;;) {
      hand_out_parents(session);
      if (level_done()) break;
      if (spool_->rows() >= config_.flush_rows || spool_->bytes() >= config_.flush_bytes) break;
      const bool took = fetcher_->take(taken == 0 ? Clock::now() + config_.flush_every : deadline,
                                       [&](Stream& stream, const PageAt& at, const Answer& answer) {
                                         take(stream, at, answer);
                                       });
      if (took) ++taken;
      if (taken > 0 && Clock::now() >= deadline) break;
    }
  } catch (const Error& error) {
    // What came before it is kept; the next call meets the error again, or goes on. An answer that
    // was taken in part is not: its list is as it was only before.
    if (taken == 0 || error.code() == Code::canceled || !retryable(error.code())) throw;
    return batch(txns, session);
  }
  if (level_done()) {
    end_level();
  } else {
    progress_.logged.clear();
  }
  return batch(txns, session);
}

/// What is under way, as the log may have it: links are kept relative to the connection's URL,
/// which may hold a secret. A list whose next link holds one all the same is read from its
/// beginning.
std::vector<Stream> RestReader::kept_streams() const {
  auto out = fetcher_->copy();
  const std::string& base = config_.server.url;
  for (auto& stream : out) {
    std::string& token = stream.next.token;
    if (token.starts_with(base)) token.erase(0, base.size());
    if (redacted(token) == token) continue;
    Stream again;
    again.resource = stream.resource;
    again.parent = stream.parent;
    stream = std::move(again);
  }
  return out;
}

Batch RestReader::batch(const std::map<std::string, lake::Txn>& txns, lake::DuckRows& session) {
  if (fetcher_) progress_.streams = kept_streams();
  const auto rows = record_rows(spool_->relation(), rest_columns(), "request", source_, session);
  Batch out;
  out.select = rows.sql;
  out.rejected_select = spool_->rejected();
  out.misfits_select = rows.misfits;
  out.held = spool_->held();
  out.rows_by_origin = "SELECT request, count(*) FROM (" + rows.sql + ") GROUP BY 1";
  out.what = fmt::format("{} records", spool_->rows());
  out.warnings = std::move(warnings_);
  warnings_.clear();
  out = with_progress(std::move(out), txns);
  progress_.streams.clear();
  return out;
}

Batch RestReader::with_progress(Batch out, const std::map<std::string, lake::Txn>& txns) {
  ++progress_.sequence;
  out.parameters = {{"extracted_at", {iso(now_), "TIMESTAMP"}}};
  out.state = last_state_ = to_json(progress_);
  const auto found = txns.find(app_id());
  out.expect_txn[app_id()] =
      found == txns.end() ? std::nullopt : std::optional(found->second.version);
  out.txns.push_back({app_id(), progress_.sequence, micros(clock_now()) / 1000});
  return out;
}

std::optional<LogRows> RestReader::log_rows() {
  if (progress_.logged.empty()) return {};
  return LogRows{log_select(progress_), {app_id(), progress_.sequence, micros(clock_now()) / 1000}};
}

}  // namespace

std::unique_ptr<Reader> rest_reader(const project::Source& source, const Context& context) {
  return std::make_unique<RestReader>(source, context);
}

std::vector<Column> rest_columns() {
  auto out = spool_columns();
  out.pop_back();
  return out;
}

}  // namespace windrow::sources
