#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/secrets.h"
#include "tasks/command/guard.h"
#include "tasks/command/lines.h"
#include "tasks/command/process.h"

namespace windrow::tasks {
namespace {

using namespace std::chrono_literals;

class CommandTest : public testing::Test {
 protected:
  CommandTest() { std::filesystem::create_directories(folder_); }
  ~CommandTest() override { std::filesystem::remove_all(folder_); }

  CommandEnd run(std::vector<std::string> words) {
    Command command;
    command.words = std::move(words);
    command.environment = {"PATH=/usr/bin:/bin"};
    command.folder = folder_;
    command.grace = grace_;
    command.memory = memory_;
    command.cpu = cpu_;
    out_.clear();
    err_.clear();
    return run_command(command, cancel_,
                       [&](bool error, std::string_view bytes) { (error ? err_ : out_) += bytes; });
  }
  CommandEnd sh(const std::string& line) { return run({"sh", "-c", line}); }
  Code code_of(std::vector<std::string> words) {
    try {
      run(std::move(words));
    } catch (const Error& error) {
      return error.code();
    }
    return Code::internal;
  }
  /// The process that wrote its number into the file is gone.
  bool gone(const std::string& file) {
    std::ifstream stream(folder_ + "/" + file);
    pid_t pid = 0;
    stream >> pid;
    EXPECT_GT(pid, 0) << file;
    return ::kill(pid, 0) != 0;
  }

  const std::string folder_ = testing::TempDir() + "command-" + std::to_string(::getpid());
  Cancel cancel_;
  std::chrono::microseconds grace_ = 200ms;
  uint64_t memory_ = 0;
  std::optional<std::chrono::microseconds> cpu_;
  std::string out_, err_;
};

TEST_F(CommandTest, HasItsArgumentsItsFolderAndAnEnvironmentOfItsOwn) {
  ::setenv("SOMETHING_OF_OURS", "x", 1);
  const auto end =
      run({"sh", "-c", "echo \"$1|$(pwd)|$(env | grep -c SOMETHING)\"; echo no >&2; exit 7", "sh",
           "a b"});
  EXPECT_EQ(end.code, 7);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(out_, "a b|" + std::filesystem::canonical(folder_).string() + "|0\n");
  EXPECT_EQ(err_, "no\n");
}

TEST_F(CommandTest, WhatCannotBeginSaysWhy) {
  EXPECT_EQ(code_of({"there-is-no-such-program"}), Code::not_found);
  EXPECT_EQ(code_of({"./not-there"}), Code::not_found);
  std::ofstream(folder_ + "/plain") << "x";
  EXPECT_EQ(code_of({"./plain"}), Code::permission);
}

TEST_F(CommandTest, InputIsEmptyAndClosedDescriptorsAreNoEnd) {
  EXPECT_EQ(sh("read line; echo \"<$line>\"").code, 0);
  EXPECT_EQ(out_, "<>\n");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(sh("exec >&- 2>&-; sleep 0.3; exit 5").code, 5);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 300ms);
}

TEST_F(CommandTest, ASignalIsNoExitCode) { EXPECT_EQ(sh("kill -9 $$").signal, SIGKILL); }

TEST_F(CommandTest, WhatIsLeftBehindIsEnded) {
  const auto end =
      sh("setsid sh -c 'echo $$ > a; exec sleep 60' & sh -c 'echo $$ > b; exec sleep 60' & "
         "while [ ! -s a ] || [ ! -s b ]; do sleep 0.02; done; echo done");
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.left, 2);
  EXPECT_EQ(out_, "done\n");
  EXPECT_TRUE(gone("a"));
  EXPECT_TRUE(gone("b"));
}

/// Ignores SIGTERM, and so does a grandchild in a session of its own, forked twice.
TEST_F(CommandTest, WhoIgnoresTheRequestIsKilledWithAllThatItBegan) {
  std::thread stopper([&] {
    while (!std::filesystem::exists(folder_ + "/c")) std::this_thread::sleep_for(10ms);
    std::this_thread::sleep_for(50ms);
    cancel_.request();
  });
  const auto began = std::chrono::steady_clock::now();
  try {
    sh("trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo $$ > c; while :; do sleep 1; done' &) ; "
       "while :; do sleep 1; done");
    ADD_FAILURE() << "it ended";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::canceled);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  stopper.join();
  EXPECT_TRUE(gone("c"));
}

TEST_F(CommandTest, WhoCleansUpHasTheGrace) {
  grace_ = 5s;
  std::thread stopper([&] {
    while (!std::filesystem::exists(folder_ + "/begun")) std::this_thread::sleep_for(10ms);
    cancel_.request();
  });
  EXPECT_THROW(sh("trap 'echo bye > bye; exit 0' TERM; echo > begun; while :; do sleep 0.05; done"),
               Error);
  stopper.join();
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/bye"));
}

TEST_F(CommandTest, WhoKillsTheGuardIsKilledWithIt) {
  try {
    sh("kill -9 $PPID; sleep 60");
    ADD_FAILURE() << "it ended";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("watches over"), std::string::npos);
  }
}

TEST_F(CommandTest, LimitsHold) {
  cpu_ = 1s;
  EXPECT_EQ(sh("while :; do :; done").signal, SIGXCPU);
  cpu_.reset();
  memory_ = 200 << 20;
  EXPECT_NE(run({"python3", "-c", "x = bytearray(1 << 30)"}).code, 0);
  EXPECT_EQ(run({"python3", "-c", "x = bytearray(1 << 20)"}).code, 0);
}

TEST_F(CommandTest, AManyAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      Command command;
      command.words = {"sh", "-c", "exit " + std::to_string(i)};
      command.environment = {"PATH=/usr/bin:/bin"};
      command.folder = folder_;
      Cancel cancel;
      good += run_command(command, cancel, [](bool, std::string_view) {}).code == i;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 20);
}

class LinesTest : public testing::Test {
 protected:
  Secrets secrets_;
  FakeClock clock_{Time()};
  std::vector<std::string> told_;
  CommandLines lines_{secrets_, clock_, [this](bool error, std::string text) {
                        told_.push_back((error ? "2:" : "1:") + text);
                      }};
};

TEST_F(LinesTest, AreWholeMaskedAndReadable) {
  secrets_.learn("hunter2hunter2");
  lines_.said(false, "one\ntw");
  lines_.said(true, "\x1b[31mred\x1b[0m\r\n");
  lines_.said(false, "o\npass hunter2");
  lines_.said(false, std::string("hunter2\nbin \xff\x00\x07 end\nlast", 24));
  lines_.end();
  EXPECT_EQ(told_, (std::vector<std::string>{"1:one", "2:red", "1:two", "1:pass ***",
                                             "1:bin \ufffd\ufffd\ufffd end", "1:last"}));
  EXPECT_EQ(lines_.last_output(), "last");
  EXPECT_EQ(lines_.last_shown(), "red");
}

TEST_F(LinesTest, AFloodIsCutOffAndSaid) {
  const std::string many(100'000, '\n');
  lines_.said(false, many);
  lines_.end();
  EXPECT_EQ(told_.size(), CommandLines::kRateMax + 1);
  EXPECT_NE(told_.back().find("99000 further lines"), std::string::npos);
}

TEST_F(LinesTest, ALineWithoutAnEndIsHeldInBounds) {
  for (int i = 0; i < 100; ++i) lines_.said(false, std::string(10'000, 'x'));
  lines_.end();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_LE(told_[0].size(), CommandLines::kLineMax + 20);
  EXPECT_TRUE(told_[0].ends_with("(cut)"));
  EXPECT_TRUE(lines_.last_output_cut());
}

}  // namespace
}  // namespace windrow::tasks

/// The tests are the guard of their commands, as windrow is of its own.
int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], windrow::tasks::kGuardVerb) == 0)
    return windrow::tasks::guard_main(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
