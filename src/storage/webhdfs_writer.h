#pragma once

#include <string>

#include "storage/file_system.h"
#include "storage/webhdfs_client.h"

namespace windrow::storage {

/// A file under a temporary name that gets its own name when it is whole. Removed where it does not
/// come to that.
class WebHdfsTemporary {
 public:
  WebHdfsTemporary(WebHdfsClient& client, WebHdfsPath path);
  ~WebHdfsTemporary();
  WebHdfsTemporary(const WebHdfsTemporary&) = delete;
  WebHdfsTemporary& operator=(const WebHdfsTemporary&) = delete;

  void create(std::string_view bytes);
  void append(std::string_view bytes);
  /// Throws where it is not as long as it must be.
  void check_size();
  /// Gives it its name. With `replace` false `exists` and `unknown` may come.
  PutOutcome rename(bool replace);

 private:
  WebHdfsCall call_for(const char* method, const char* operation) const;
  /// What the name node said of the rename when it said it a second time.
  bool was_renamed();

  WebHdfsClient& client_;
  WebHdfsPath path_, temporary_;
  uint64_t size_ = 0;
  bool there_ = false;
};

/// Pieces of `append_bytes` are appended as they come.
class WebHdfsWriter final : public Writer {
 public:
  WebHdfsWriter(WebHdfsClient& client, const WebHdfsPath& path)
      : client_(client), file_(client, path) {}
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void flush();

  WebHdfsClient& client_;
  WebHdfsTemporary file_;
  std::string buffer_;
  bool created_ = false;
};

}  // namespace windrow::storage
