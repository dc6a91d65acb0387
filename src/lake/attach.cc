#include <functional>
#include <list>
#include <mutex>
#include <unordered_map>

#include "duck/duck.h"
#include "duck/files.h"
#include "lake/deletion_vector.h"
#include "lake/guided_scan.h"

namespace windrow::lake {
namespace {

/// What was read last, by its key; shared by the threads of a query and by queries.
template <typename T>
class Cache {
 public:
  using Read = std::function<std::shared_ptr<const T>(std::string_view key)>;
  Cache(size_t most, Read read) : most_(most), read_(std::move(read)) {}

  std::shared_ptr<const T> get(std::string_view key) {
    std::lock_guard lock(mutex_);
    const std::string text(key);
    if (const auto found = held_.find(text); found != held_.end()) return found->second;
    auto value = read_(key);
    if (order_.size() >= most_) {
      held_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(text);
    return held_[text] = std::move(value);
  }

 private:
  const size_t most_;
  const Read read_;
  std::mutex mutex_;
  std::list<std::string> order_;
  std::unordered_map<std::string, std::shared_ptr<const T>> held_;
};

/// Something that gives what the cache holds, for as long as somebody may ask.
template <typename T>
auto cached(size_t most, typename Cache<T>::Read read) {
  return [cache = std::make_shared<Cache<T>>(most, std::move(read))](std::string_view key) {
    return cache->get(key);
  };
}

constexpr size_t kVectorsMost = 256;
constexpr size_t kGuidesMost = 8;  // each holds a table's list of files

}  // namespace

void attach(duck::Database& database, storage::FileSystem& files) {
  duck::attach_files(database, files);
  duck::add_row_set_function(database, kDeletedFunction,
                             cached<duck::RowSet>(kVectorsMost, [&files](std::string_view key) {
                               return read_vector(files, key);
                             }));
  duck::add_guided_parquet(database,
                           cached<duck::FileGuide>(kGuidesMost, [&files](std::string_view key) {
                             return load_guide(files, key);
                           }));
}

}  // namespace windrow::lake
