#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "lsp/framing.h"

namespace windrow::lsp {

using Json = nlohmann::json;

/// A message from the editor, or what was no message.
struct Letter {
  Json message;
  std::string broken;              ///< why it is none; empty where it is one
  std::shared_ptr<Cancel> cancel;  ///< of a request: asked for by `$/cancelRequest`
};

/// Reads from a file descriptor in a thread of its own, so that a request can be canceled while one
/// before it is answered. Holds kLettersMax at most: then the editor waits.
class Inbox {
 public:
  static constexpr size_t kLettersMax = 256;

  explicit Inbox(int fd);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// The next one; nothing where there will be none: the end of the input, or `close`.
  std::optional<Letter> next();
  /// From any thread.
  void close();
  /// The request is answered: its id may come again.
  void answered(const Json& id);

 private:
  void read();
  void take(Frame frame);
  void cancel(const Json& message);

  const int fd_;
  int wake_[2] = {-1, -1};
  Framing framing_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Letter> letters_;
  std::map<std::string, std::shared_ptr<Cancel>> requests_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace windrow::lsp
