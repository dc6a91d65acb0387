#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/usage.h"
#include "sources/rest/extraction.h"

/// Private to sources/rest: asks for pages of several lists at once, ahead of who takes them,
/// within bounds of memory.
namespace windrow::sources {

class Fetcher {
 public:
  Fetcher(const RestConfig& config, Requester& requester, Cancel& cancel, Meter* meter);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// The cursor and headers of a request; called by several threads.
  std::function<std::string(const RestResource&)> cursor_of;
  std::function<clients::HttpHeaders(const RestResource&, const std::string& url)> headers_of;

  void add(Stream stream);
  size_t streams() const;
  std::vector<Stream> copy() const;

  /// Waits for an answer that is next in its list and hands it to `take`, with the list; false
  /// where `until` passed. Where `take` leaves the list done it is forgotten; where it has begun
  /// another pass (Stream::generation moved) what was asked ahead is thrown away. Errors of any
  /// request come out here, when everything before them is taken.
  bool take(std::chrono::steady_clock::time_point until,
            const std::function<void(Stream&, const PageAt&, const Answer&)>& take);

 private:
  struct Job {
    uint64_t stream, generation;
    PageAt at;
    Stream as_found;  ///< what the URL depends on
  };
  void work();
  void count(const Answer& answer) const;
  std::optional<Job> pick();
  Stream* ready();

  const RestConfig& config_;
  Requester& requester_;
  Meter* meter_;   ///< told of answers and of the threads' time
  Cancel cancel_;  ///< a child, so that the threads end with this
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, Stream> streams_;
  uint64_t last_id_ = 0;
  uint64_t held_ = 0;  ///< bytes of answers that wait
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
  Cancel::Registration on_cancel_;
};

}  // namespace windrow::sources
