#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace windrow::http {

/// How often each of many may do something: a bucket each, which fills by `rate` a second up to
/// `most`. Those whose bucket is full again are forgotten. Safe from any thread.
class Rates {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  Rates(double rate, double most) : rate_(rate), most_(most) {}

  bool take(const std::string& who, Moment now);

 private:
  struct Bucket {
    double left;
    Moment at;
  };
  void forget(Moment now);

  const double rate_, most_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace windrow::http
