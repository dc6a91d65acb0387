#include "sources/rest/fetcher.h"

#include <algorithm>

namespace windrow::sources {

namespace {

constexpr uint64_t kHeldMax = 64ull << 20;

/// What a request needs of a stream, without its keys and answers.
Stream light(const Stream& stream) {
  Stream out;
  out.resource = stream.resource;
  out.parent = stream.parent;
  out.paging = stream.paging;
  return out;
}

}  // namespace

Fetcher::Fetcher(const RestConfig& config, Requester& requester, Cancel& cancel, Meter* meter)
    : config_(config), requester_(requester), meter_(meter), cancel_(cancel) {
  on_cancel_ = cancel_.on_request([this] {
    const std::scoped_lock lock(mutex_);
    changed_.notify_all();
  });
  for (int i = 0; i < config_.server.parallel; ++i) threads_.emplace_back([this] { work(); });
}

Fetcher::~Fetcher() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  cancel_.request();
  for (auto& thread : threads_) thread.join();
}

void Fetcher::add(Stream stream) {
  const std::scoped_lock lock(mutex_);
  stream.id = ++last_id_;
  streams_.emplace(stream.id, std::move(stream));
  changed_.notify_all();
}

size_t Fetcher::streams() const {
  const std::scoped_lock lock(mutex_);
  return streams_.size();
}

std::vector<Stream> Fetcher::copy() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Stream> out;
  for (const auto& [id, stream] : streams_) {
    Stream one = light(stream);
    one.found = stream.found;
    one.records = stream.records;
    one.next = stream.next;
    one.pages = stream.pages;
    one.pass = stream.pass;
    one.moved = stream.moved;
    one.received = stream.received;
    one.promised = stream.promised;
    one.shown_total = stream.shown_total;
    out.push_back(std::move(one));
  }
  return out;
}

std::optional<Fetcher::Job> Fetcher::pick() {
  using By = Paging::By;
  for (auto& [id, stream] : streams_) {
    const int64_t ahead = int64_t(stream.flying.size() + stream.waiting.size());
    PageAt at = stream.next;
    if (ahead > 0) {
      // Only pages that are counted can be asked for before the one before is there.
      const bool counted = stream.paging.by == By::page || stream.paging.by == By::offset;
      if (!stream.found || !counted || at.index + ahead >= stream.pages ||
          at.index + ahead >= stream.paging.pages_max || ahead >= 2 * config_.server.parallel ||
          held_ > kHeldMax)
        continue;
      const int64_t step = stream.paging.by == By::page ? 1 : stream.paging.size;
      if (step <= 0) continue;
      at.index += ahead;
      at.number += ahead * step;
    } else if (held_ > 2 * kHeldMax) {
      continue;
    }
    stream.flying.insert(at.index);
    return Job{id, stream.generation, at, light(stream)};
  }
  return {};
}

void Fetcher::count(const Answer& answer) const {
  if (!meter_) return;
  Usage taken;
  taken.bytes_read = int64_t(answer.body.size());
  meter_->add(taken);
}

void Fetcher::work() {
  const CpuScope cpu(meter_);
  std::unique_lock lock(mutex_);
  for (;;) {
    std::optional<Job> job;
    while (!stopping_ && (failure_ || cancel_.requested() || !(job = pick()))) changed_.wait(lock);
    if (stopping_) return;
    lock.unlock();
    Answer answer;
    std::exception_ptr failure;
    try {
      const auto& resource = config_.resources[job->as_found.resource];
      const std::string url =
          url_of(config_, resource, job->as_found, job->at, cursor_of(resource));
      answer = requester_.get(url, headers_of(resource, url), cancel_, resource.secret_params);
      count(answer);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && !failure_) failure_ = failure;
    const auto found = streams_.find(job->stream);
    if (!failure && found != streams_.end() && found->second.generation == job->generation) {
      found->second.flying.erase(job->at.index);
      held_ += answer.body.size();
      found->second.waiting.emplace(job->at.index, std::move(answer));
    }
    changed_.notify_all();
  }
}

Stream* Fetcher::ready() {
  for (auto& [id, stream] : streams_) {
    if (stream.waiting.contains(stream.next.index)) return &stream;
  }
  return nullptr;
}

bool Fetcher::take(std::chrono::steady_clock::time_point until,
                   const std::function<void(Stream&, const PageAt&, const Answer&)>& take) {
  std::unique_lock lock(mutex_);
  Stream* stream = nullptr;
  for (;;) {
    cancel_.check();
    stream = ready();
    if (stream) break;
    if (failure_) std::rethrow_exception(failure_);
    if (changed_.wait_until(lock, until) == std::cv_status::timeout && !ready()) return false;
  }
  auto answer = stream->waiting.extract(stream->next.index);
  held_ -= answer.mapped().body.size();
  const PageAt at = stream->next;
  const uint64_t generation = stream->generation;
  take(*stream, at, answer.mapped());
  if (stream->done || stream->generation != generation) {
    for (const auto& [index, waiting] : stream->waiting) held_ -= waiting.body.size();
    stream->waiting.clear();
    stream->flying.clear();
    if (stream->done) streams_.erase(stream->id);
  }
  changed_.notify_all();
  return true;
}

}  // namespace windrow::sources
