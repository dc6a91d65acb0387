#include "server/control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>

#include "base/error.h"
#include "server/claim.h"
#include "server/notify.h"

namespace windrow::server {
namespace {

using namespace std::chrono_literals;

class ControlTest : public testing::Test {
 protected:
  ControlTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "windrow control ü XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    // Longer than the path of a socket may be.
    state_ = (folder_ / std::string(150, 'x') / ".windrow").string();
  }
  ~ControlTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
  std::string state_;
  Cancel never_;
};

TEST_F(ControlTest, OneProcessClaimsAProject) {
  auto claim = Claim::take(state_);
  ASSERT_TRUE(claim);
  EXPECT_FALSE(Claim::take(state_));
  EXPECT_EQ(Claim::holder(state_), ::getpid());
  claim.reset();
  EXPECT_EQ(Claim::holder(state_), 0);
  EXPECT_TRUE(Claim::take(state_));
}

TEST_F(ControlTest, RequestsAreAnsweredInAnyOrder) {
  const auto claim = Claim::take(state_);
  EXPECT_FALSE(Channel::open(state_));
  std::mutex mutex;
  std::vector<Control::Answer> later;
  std::condition_variable asked;
  {
    Control control(
        [&](const std::string& project, const std::string& request, Control::Answer answer) {
          if (request == "now") return answer(project + " says hello");
          if (request == "large") return answer(std::string(3'000'000, 'a'));
          std::lock_guard lock(mutex);
          later.push_back(std::move(answer));
          asked.notify_all();
        });
    control.listen("films", state_);
    struct stat status {};
    ASSERT_EQ(::stat((state_ + "/serve.sock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    const auto waiting = Channel::open(state_), quick = Channel::open(state_);
    ASSERT_TRUE(waiting && quick);
    std::string answered;
    std::thread other([&] { answered = waiting->ask("later", std::nullopt, never_); });
    EXPECT_EQ(quick->ask("now", 5s, never_), "films says hello");
    EXPECT_EQ(quick->ask("now", 5s, never_), "films says hello");
    EXPECT_EQ(quick->ask("large", 5s, never_).size(), 3'000'000u);
    std::unique_lock lock(mutex);
    asked.wait(lock, [&] { return later.size() == 1; });
    later[0]("at last");
    lock.unlock();
    other.join();
    EXPECT_EQ(answered, "at last");
    EXPECT_THROW(quick->ask("later", 50ms, never_), Error) << "nobody answers";
    const auto chatty = Channel::open(state_);
    EXPECT_THROW(chatty->ask(std::string(kRequestBytesMax + 5000, 'x'), 5s, never_), Error);
    EXPECT_EQ(Channel::open(state_)->ask("now", 5s, never_), "films says hello");
    later.clear();
  }
  EXPECT_FALSE(Channel::open(state_)) << "its socket goes with it";
}

TEST_F(ControlTest, AnotherSocketOfADeadServerIsNoObstacle) {
  const auto claim = Claim::take(state_);
  const auto answer = [](const auto&, const auto&, const Control::Answer& tell) { tell("yes"); };
  std::filesystem::create_directories(state_);
  {
    const auto path = folder_ / "s";
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(dead);
    std::filesystem::rename(path, state_ + "/serve.sock");
  }
  EXPECT_FALSE(Channel::open(state_));
  Control control(answer);
  control.listen("films", state_);
  EXPECT_EQ(Channel::open(state_)->ask("?", 5s, never_), "yes");
}

TEST_F(ControlTest, WhoAsksMayStopWaiting) {
  const auto claim = Claim::take(state_);
  Control control([](const auto&, const auto&, const Control::Answer&) {});
  control.listen("films", state_);
  const auto channel = Channel::open(state_);
  Cancel stop;
  std::thread stopper([&] {
    std::this_thread::sleep_for(50ms);
    stop.request();
  });
  try {
    channel->ask("?", std::nullopt, stop);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::canceled);
  }
  stopper.join();
}

TEST_F(ControlTest, TheServiceManagerHears) {
  const auto path = (folder_ / "notify").string();
  const int manager = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(manager, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const ServiceManager service(path, "3000000");
  EXPECT_EQ(service.watchdog(), std::chrono::microseconds(1'500'000));
  service.tell("READY=1\nSTATUS=serving");
  char buffer[100];
  const auto got = ::recv(manager, buffer, sizeof buffer, 0);
  EXPECT_EQ(std::string(buffer, size_t(std::max<ssize_t>(0, got))), "READY=1\nSTATUS=serving");
  ::close(manager);
  service.tell("STOPPING=1");  // nobody listens any more
  EXPECT_FALSE(ServiceManager("", "3000000").watchdog());
  EXPECT_FALSE(ServiceManager(path, "soon").watchdog());
}

}  // namespace
}  // namespace windrow::server
