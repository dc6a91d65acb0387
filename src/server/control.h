#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cancel.h"

/// How other programs of the same user talk to a server: a Unix socket `serve.sock` in a project's
/// state folder, a JSON object a line, one answer for each. Whoever may open the folder may ask for
/// everything. Requests and answers are text here; what they mean is `requests.h`'s.
namespace windrow::server {

inline constexpr size_t kRequestBytesMax = 64 << 10;

/// Takes the requests for all projects of a process, in one thread.
class Control {
 public:
  /// Whoever gets it answers once, from any thread, now or later. An answer to somebody who has
  /// gone is dropped.
  using Answer = std::function<void(std::string)>;
  using Handler =
      std::function<void(const std::string& project, const std::string& request, Answer answer)>;

  /// `handler` is called in the thread of this, so it has to be short.
  explicit Control(Handler handler);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// Listens for a project, whose claim the caller has: a socket that is there already is a dead
  /// one's. Error where it cannot.
  void listen(const std::string& project, const std::string& state_folder);
  /// Removes its socket.
  void close(const std::string& project);

 private:
  struct Listening {
    std::string project, path;
    int socket;
  };
  struct Client {
    std::string project;
    int socket;
    std::string in, out;
  };
  void serve();
  void accept_from(const Listening& listening);
  /// False: it has gone.
  bool read_from(uint64_t id, Client& client);
  static bool write_to(Client& client);
  void answer(uint64_t id, std::string text);
  void wake() const;

  const Handler handler_;
  const int wake_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<Listening> listening_;
  std::map<uint64_t, Client> clients_;
  uint64_t next_ = 1;
  std::thread thread_;
};

/// The other side.
class Channel {
 public:
  /// Nothing where no server listens for the project.
  static std::unique_ptr<Channel> open(const std::string& state_folder);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// The answer to a request; `patience`: nothing, for as long as it takes. Error(unavailable)
  /// where the server ends before, Error(timeout) where it does not answer in time,
  /// Error(canceled).
  std::string ask(const std::string& request, std::optional<std::chrono::milliseconds> patience,
                  Cancel& stop);

 private:
  explicit Channel(int socket) : socket_(socket) {}
  const int socket_;
};

}  // namespace windrow::server
