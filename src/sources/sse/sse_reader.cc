#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "project/folders.h"
#include "project/kinds.h"
#include "sources/record_rows.h"
#include "sources/rest/json_slices.h"
#include "sources/rest/requester.h"
#include "sources/settings.h"
#include "sources/shared.h"
#include "sources/sse/event_parser.h"
#include "sources/sse/kind.h"

/// Server-sent events. A thread keeps the connection and asks again behind the last event that it
/// has seen; each commit keeps the id of its last event, so that a restart goes on behind it.
namespace windrow::sources {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kHeldEvents = 50'000;
constexpr uint64_t kHeldBytes = 32ull << 20;
constexpr auto kSilenceMax = std::chrono::seconds(120);

const std::vector<Column>& spool_columns() {
  static const std::vector<Column> columns = {{"id", "VARCHAR"},
                                              {"event", "VARCHAR"},
                                              {"extracted_at", "TIMESTAMP WITH TIME ZONE"},
                                              {"raw", "VARCHAR"}};
  return columns;
}

Time clock_now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

struct State {
  int64_t sequence = 0;
  std::string last_id;
};

/// The connection, and what came over it and is not taken yet.
class Listener {
 public:
  Listener(Requester& requester, std::string url, std::string last_id, uint64_t event_bytes_max,
           Cancel& cancel, Meter* meter)
      : requester_(requester),
        meter_(meter),
        url_(std::move(url)),
        last_id_(std::move(last_id)),
        event_bytes_max_(event_bytes_max),
        cancel_(cancel) {
    on_cancel_ = cancel_.on_request([this] {
      const std::scoped_lock lock(mutex_);
      changed_.notify_all();
    });
    thread_ = std::thread([this] { work(); });
  }
  ~Listener() {
    cancel_.request();
    thread_.join();
  }

  struct Heard {
    StreamEvent event;
    Time at;
  };

  /// The next event; nothing where `until` passed or the server has said that there is no more.
  std::optional<Heard> next(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    while (held_.empty() && !ended_ && !failure_ && !cancel_.requested()) {
      if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
    }
    if (held_.empty()) {
      cancel_.check();
      if (failure_) std::rethrow_exception(failure_);
      return {};
    }
    Heard out = std::move(held_.front());
    held_.pop_front();
    bytes_ -= out.event.data.size();
    changed_.notify_all();
    return out;
  }
  bool ended() const {
    const std::scoped_lock lock(mutex_);
    return ended_ && held_.empty();
  }

 private:
  void hold(StreamEvent event) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return cancel_.requested() || held_.empty() ||
             (held_.size() < kHeldEvents && bytes_ < kHeldBytes);
    });
    cancel_.check();
    if (!event.id.empty()) last_id_ = event.id;
    bytes_ += event.data.size();
    held_.push_back({std::move(event), clock_now()});
    changed_.notify_all();
  }

  /// One connection to its end; true where it brought anything.
  bool listen(std::chrono::microseconds& wait, bool& over) {
    bool any = false;
    EventParser parser(
        [&](StreamEvent event) {
          any = true;
          hold(std::move(event));
        },
        event_bytes_max_);
    clients::HttpRequest request;
    request.url = requester_.with_keys(url_);
    request.headers = requester_.headers(cancel_);
    std::erase_if(request.headers, [](const auto& header) { return header.first == "Accept"; });
    request.headers.emplace_back("Accept", "text/event-stream");
    request.headers.emplace_back("Cache-Control", "no-cache");
    if (!last_id_.empty()) request.headers.emplace_back("Last-Event-ID", last_id_);
    request.stall_timeout = kSilenceMax;
    request.body_max = ~uint64_t(0);
    request.ca_file = requester_.server().ca_file;
    request.cancel = &cancel_;
    request.on_body = [&](std::string_view piece) { parser.feed(piece); };
    const auto response = requester_.http().send(request);
    if (parser.retry_ms()) wait = std::chrono::milliseconds(*parser.retry_ms());
    over = response.status == 204;
    if (response.status == 429 || response.status >= 500) {
      wait = retry_after(response.header("Retry-After"), clock_now()).value_or(wait);
    } else if (!response.ok()) {
      throw Error(
          response.status == 401 || response.status == 403 ? Code::permission : Code::configuration,
          fmt::format("GET {}: the server answers {}", clients::shown_url(url_), response.status),
          "check `path` and `auth`");
    }
    return any;
  }

  void work() {
    const CpuScope cpu(meter_);
    const auto& server = requester_.server();
    int failures = 0;
    try {
      for (bool over = false; !over && !cancel_.requested();) {
        auto wait = std::min(server.delay * (1 << std::min(failures, 6)), server.delay_max);
        try {
          failures = listen(wait, over) ? 0 : failures + 1;
        } catch (const clients::HttpError& error) {
          if (!retryable(error.code())) throw;
          ++failures;
          if (failures > server.times) throw;
        }
        if (failures > server.times)
          throw Error(Code::unavailable,
                      "GET " + clients::shown_url(url_) + ": the stream brings nothing",
                      "run again later: it goes on where it was");
        if (!over) cancel_.wait_for(wait);
      }
    } catch (const Error&) {
      if (!cancel_.requested()) {
        const std::scoped_lock lock(mutex_);
        failure_ = std::current_exception();
      }
    }
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  Requester& requester_;
  Meter* meter_;
  const std::string url_;
  std::string last_id_;  // of the thread alone
  const uint64_t event_bytes_max_;
  Cancel cancel_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Heard> held_;
  uint64_t bytes_ = 0;
  bool ended_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
  Cancel::Registration on_cancel_;
};

class SseReader final : public Reader {
 public:
  SseReader(const project::Source& source, const Context& context)
      : source_(source),
        now_(context.now),
        cancel_(context.cancel ? context.cancel : &never_),
        meter_(context.meter),
        folder_(project::spill_folder(context.project)),
        shared_(context.shared ? context.shared : &own_),
        from_table_(context.whole) {
    const auto& from = project::own_or_default<SseFrom>(source);
    server_ = rest_server(context.project, from.connection, source.from.place);
    url_ = server_.url + from.path;
    types_ = from.events;
    for_ = from.listens;
    idle_ = from.idle;
    record_bytes_max_ = from.record_bytes_max;
    if (std::holds_alternative<project::Value::Map>(source.flush.data)) {
      const Settings flush(source.flush);
      flush_rows_ = uint64_t(flush.number("rows", int64_t(flush_rows_), 1));
      flush_every_ = flush.duration("every", flush_every_);
    }
  }

  bool keeps_state() const override { return true; }
  void restore(const TableNow& table) override {
    table_ = table;
    if (listener_ && table.state == last_state_) return;
    listener_.reset();
    const Json j = Json::parse(table.state, nullptr, false);
    state_ = {};
    if (!j.is_object()) return;
    state_.sequence = j.value("sequence", 0ll);
    state_.last_id = j.value("last_event_id", "");
  }

  std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) override {
    check_history(txns);
    return "events of \"" + clients::shown_url(url_) + "\"" +
           (state_.last_id.empty() ? "" : ", on behind the last commit");
  }

  std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                            lake::DuckRows& session) override {
    check_history(txns);
    if (from_table_) {
      if (table_.rows_sql.empty()) return {};
      return with_progress(kept_again(table_, sse_columns(), "id", source_, session), txns);
    }
    if (!begun_) begun_ = Clock::now();
    const auto end = *begun_ + for_;
    if (Clock::now() >= end || (listener_ && listener_->ended())) return {};
    if (!requester_) {
      requester_ = std::make_unique<Requester>(
          server_, shared_->throttles.of(server_.connection, server_.per_second, server_.burst,
                                         server_.breaker_failures, server_.breaker_pause));
      spool_ = std::make_unique<Intake>(folder_, spool_columns(), record_bytes_max_);
    }
    if (!listener_)
      listener_ = std::make_unique<Listener>(*requester_, url_, state_.last_id, record_bytes_max_,
                                             *cancel_, meter_);
    spool_->clear();
    auto flush = end;
    try {
      while (spool_->rows() < flush_rows_ && spool_->bytes() < (64u << 20)) {
        const auto held = listener_->next(std::min({flush, end, Clock::now() + idle_}));
        if (!held) break;
        if (spool_->rows() == 0) flush = std::min(end, Clock::now() + flush_every_);
        take(*held);
        if (Clock::now() >= flush) break;
      }
    } catch (const Error& error) {
      if (spool_->rows() == 0 || error.code() == Code::canceled) throw;
    }
    if (spool_->rows() == 0) {
      begun_ = begun_->min();  // nothing came: this is enough for now
      return {};
    }
    return batch(txns, session);
  }

 private:
  std::string app_id() const { return "sse/" + source_.name; }

  void check_history(const std::map<std::string, lake::Txn>& txns) const {
    const auto found = txns.find(app_id());
    if ((found == txns.end() ? 0 : found->second.version) == state_.sequence) return;
    throw Error(Code::history_lost,
                "\"" + source_.name + "\": the last record of this source is gone from the log",
                "another program has cleaned it: move the table away, and it is read anew",
                source_.place);
  }

  void take(const Listener::Heard& held) {
    const auto& event = held.event;
    if (meter_) {
      Usage taken;
      taken.bytes_read = int64_t(event.bytes);
      meter_->add(taken);
    }
    if (!event.id.empty()) state_.last_id = event.id;
    if (!types_.empty() && std::find(types_.begin(), types_.end(), event.type) == types_.end())
      return;
    spool_->add(event.id,
                {event.id.empty() ? "null" : json_quoted(event.id), json_quoted(event.type),
                 json_quoted(iso(held.at))},
                event.data, event.bytes);
  }

  Batch batch(const std::map<std::string, lake::Txn>& txns, lake::DuckRows& session) {
    const auto rows = record_rows(spool_->relation(), sse_columns(), "id", source_, session);
    Batch out;
    out.select = rows.sql;
    out.rejected_select = spool_->rejected();
    out.misfits_select = rows.misfits;
    out.held[""].records = int64_t(spool_->rows());
    out.what = fmt::format("{} events", spool_->rows());
    return with_progress(std::move(out), txns);
  }

  Batch with_progress(Batch out, const std::map<std::string, lake::Txn>& txns) {
    out.parameters = {{"extracted_at", {iso(now_), "TIMESTAMP"}}};
    ++state_.sequence;
    out.state = last_state_ =
        Json{{"format", 1}, {"sequence", state_.sequence}, {"last_event_id", state_.last_id}}.dump(
            -1, ' ', false, Json::error_handler_t::replace);
    const auto found = txns.find(app_id());
    out.expect_txn[app_id()] =
        found == txns.end() ? std::nullopt : std::optional(found->second.version);
    out.txns.push_back({app_id(), state_.sequence, micros(clock_now()) / 1000});
    return out;
  }

  const project::Source& source_;
  Time now_;
  Cancel never_;
  Cancel* cancel_;
  Meter* meter_;
  std::string folder_;
  Shared own_;
  Shared* shared_;
  bool from_table_;
  TableNow table_;
  RestServer server_;
  std::string url_, last_state_;
  std::vector<std::string> types_;
  std::chrono::microseconds for_{}, idle_{}, flush_every_{60'000'000};
  uint64_t flush_rows_ = 100'000, record_bytes_max_ = 0;
  State state_;
  std::optional<Clock::time_point> begun_;
  std::unique_ptr<Requester> requester_;
  std::unique_ptr<Intake> spool_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace

std::unique_ptr<Reader> sse_reader(const project::Source& source, const Context& context) {
  return std::make_unique<SseReader>(source, context);
}

std::vector<Column> sse_columns() {
  auto out = spool_columns();
  out.pop_back();
  return out;
}

}  // namespace windrow::sources
