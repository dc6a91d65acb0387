#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "http/message.h"

namespace windrow::duck {
class Connection;
}

namespace windrow::api {

class Call;

/// What asks for a stop of something that somebody waits for: the client that goes, the time that
/// is over, a word of another. Error(timeout) tells the second from the others.
class Bounded {
 public:
  Bounded(Call& call, std::chrono::microseconds most);
  Cancel& cancel() { return *cancel_; }
  const std::shared_ptr<Cancel>& shared() const { return cancel_; }
  /// What an Error(canceled) means; others are thrown on as they are.
  [[noreturn]] void tell(const std::exception_ptr& failure) const;

 private:
  const std::chrono::microseconds most_;
  std::shared_ptr<Cancel> cancel_;
  std::shared_ptr<std::atomic<bool>> over_;
  std::unique_ptr<Alarm> alarm_;
};

/// The rows of a SELECT, up to `limit`, and up to a number of bytes; as CSV where the client asks
/// for that.
http::Response rows_answer(Call& call, duck::Connection& connection, const std::string& select,
                           int64_t limit, Bounded& bounded);

}  // namespace windrow::api
