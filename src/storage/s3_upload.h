#pragma once

#include <future>
#include <map>
#include <mutex>

#include "storage/file_system.h"
#include "storage/s3_client.h"

namespace windrow::storage {

/// A multipart upload: parts go out beside the writing thread, a few at once; what fits into one
/// part is one PUT. Unfinished, it is aborted, so that no parts stay that somebody pays for.
class S3Upload final : public Writer {
 public:
  S3Upload(S3Client& client, S3Path path) : client_(client), path_(std::move(path)) {}
  ~S3Upload() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  /// S3 takes at most 10,000 parts: later ones are larger.
  uint64_t part_size() const;
  void begin();
  void send_part(std::string bytes);
  void take_oldest();
  void complete();
  bool is_there() const;

  static constexpr size_t kPartsMax = 10'000;

  S3Client& client_;
  S3Path path_;
  std::string buffer_, upload_;
  uint64_t size_ = 0;
  std::vector<std::string> tags_;  ///< of the parts, in order
  std::vector<std::future<std::string>> sending_;
  bool complete_ = false;
};

}  // namespace windrow::storage
