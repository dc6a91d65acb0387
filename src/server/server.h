#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/options.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/secrets.h"
#include "observe/event.h"
#include "server/told.h"

/// One process that serves projects for good (docs/adr/022-a-server-that-fires-once.md).
namespace windrow::app {
class App;
}

namespace windrow::server {

/// How a project is opened.
using OpenApp =
    std::function<std::unique_ptr<app::App>(const app::Options&, Secrets&, const Clock&)>;

struct Options {
  std::vector<app::Options> projects;
  /// Asked to stop, it lets runs end for so long; then they stop at their next commit.
  std::chrono::microseconds grace = std::chrono::seconds(60);
  /// Tasks at a time, of all runs of all projects; 0: as `slots_by_itself` says, and of one run as
  /// many as there are cores.
  int jobs = 0;
  std::string notify_socket, watchdog_usec;  ///< as systemd says them
  /// Told of what happens in the runs of a project; from any thread, and has to be short.
  std::function<void(const std::string& project, const observe::Event&)> events;
};

/// Enough for tasks that wait for other machines, few enough for this one.
int slots_by_itself();

class Serving;

class Server {
 public:
  /// Takes the claims of all projects. Error(usage) where another process serves one of them.
  Server(Options options, OpenApp open, Secrets& secrets, const Clock& clock, Teller teller);
  ~Server();
  struct Project {
    std::string name, root, environment, zone;
    std::shared_ptr<app::App> app;  ///< as its files were last good; null: they never were
  };
  /// Those that it serves, as they are now. From any thread.
  std::vector<Project> projects() const;
  /// Whether it begins what is due: false before `serve`, and once it was asked to stop.
  bool deciding() const;
  /// As over the control socket of the project in `root` (requests.h). `answer` is called from
  /// another thread, or never: `serve` has to go on. From any thread.
  void ask(const std::string& root, const std::string& request,
           std::function<void(std::string)> answer);

  /// Until asked to stop. Of several projects a broken one waits for its files to be mended; Error
  /// with its problems where there is none that is not broken.
  void serve(Cancel& stop);

 private:
  std::unique_ptr<Serving> serving_;
};

}  // namespace windrow::server
