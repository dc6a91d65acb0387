#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "access/accounts.h"
#include "access/passwords.h"
#include "base/error.h"
#include "base/id.h"

namespace windrow::access {
namespace {

class AccountsTest : public testing::Test {
 protected:
  ~AccountsTest() override { std::filesystem::remove_all(folder_); }
  std::string bytes() const {
    std::string out;
    for (const char* name : {"/server.db", "/server.db-wal"}) {
      std::ifstream file(folder_ + name, std::ios::binary);
      out.append(std::istreambuf_iterator<char>(file), {});
    }
    return out;
  }

  const FakeClock clock_{time_from_micros(1'800'000'000'000'000)};
  const std::string folder_ = testing::TempDir() + "accounts-" + new_uuid();
  Accounts accounts_{folder_, clock_};
  const std::string good_ = "four plain words here";
};

TEST_F(AccountsTest, PasswordsSessionsAndRoles) {
  EXPECT_FALSE(accounts_.any_users());
  accounts_.add_user("ada", good_, Role::operators);
  EXPECT_TRUE(accounts_.any_users());
  EXPECT_FALSE(accounts_.with_password("ada", "another password"));
  EXPECT_FALSE(accounts_.with_password("eve", good_));
  const auto ada = accounts_.with_password("ada", good_);
  ASSERT_TRUE(ada);
  EXPECT_EQ(ada->role, Role::operators);
  const auto session = accounts_.begin_session("ada");
  EXPECT_EQ(accounts_.with_session(session.secret)->name, "ada");
  EXPECT_FALSE(accounts_.with_session("else"));
  EXPECT_EQ(accounts_.users()[0].last_login, clock_.now());
  for (const auto& secret : {good_, session.secret})
    EXPECT_EQ(bytes().find(secret), std::string::npos) << "kept as it is";
  struct stat about {};
  ASSERT_EQ(::stat((folder_ + "/server.db").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  clock_.advance(std::chrono::hours(24 * 7) + std::chrono::seconds(1));
  EXPECT_FALSE(accounts_.with_session(session.secret));
}

TEST_F(AccountsTest, WhatEndsASession) {
  accounts_.add_user("root", good_, Role::admin);
  accounts_.add_user("ada", good_, Role::viewer);
  const auto first = accounts_.begin_session("ada"), second = accounts_.begin_session("ada");
  accounts_.end_session(first.secret);
  EXPECT_FALSE(accounts_.with_session(first.secret));
  EXPECT_TRUE(accounts_.with_session(second.secret));
  accounts_.set_password("ada", "entirely other words");
  EXPECT_FALSE(accounts_.with_session(second.secret));
  EXPECT_FALSE(accounts_.with_password("ada", good_));
  const auto third = accounts_.begin_session("ada");
  const auto token = accounts_.add_token("bot", Role::viewer, "ada", {}).second;
  accounts_.remove_user("ada");
  EXPECT_FALSE(accounts_.with_session(third.secret));
  EXPECT_FALSE(accounts_.with_token(token));
  EXPECT_THROW(accounts_.remove_user("ada"), Error);
}

TEST_F(AccountsTest, TheLastAdministratorStaysWhileThereAreOthers) {
  accounts_.add_user("root", good_, Role::admin);
  accounts_.add_user("ada", good_, Role::viewer);
  EXPECT_THROW(accounts_.remove_user("root"), Error);
  accounts_.remove_user("ada");
  accounts_.remove_user("root");
  EXPECT_FALSE(accounts_.any_users());
}

TEST_F(AccountsTest, TokensExpireAndSayWhenTheyWereUsed) {
  const auto later = clock_.now() + std::chrono::hours(1);
  const auto [id, secret] = accounts_.add_token("ci", Role::operators, "ada", later);
  EXPECT_TRUE(secret.starts_with("wrt_"));
  EXPECT_EQ(bytes().find(secret), std::string::npos);
  EXPECT_FALSE(accounts_.tokens()[0].last_used);
  const auto who = accounts_.with_token(secret);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->name, "token ci");
  EXPECT_EQ(who->role, Role::operators);
  EXPECT_EQ(accounts_.tokens()[0].last_used, clock_.now());
  clock_.advance(std::chrono::hours(1));
  EXPECT_FALSE(accounts_.with_token(secret));
  const auto for_ever = accounts_.add_token("old", Role::viewer, "ada", {});
  EXPECT_TRUE(accounts_.with_token(for_ever.second));
  accounts_.remove_token(for_ever.first);
  EXPECT_FALSE(accounts_.with_token(for_ever.second));
  EXPECT_THROW(accounts_.remove_token(for_ever.first), Error);
}

TEST_F(AccountsTest, TheFirstAdministratorIsMadeOnce) {
  const auto old = accounts_.new_setup(), link = accounts_.new_setup();
  EXPECT_THROW(accounts_.set_up(old, "root", good_), Error);
  EXPECT_THROW(accounts_.set_up(link, "root", "short"), Error) << "and the link holds still";
  accounts_.set_up(link, "root", good_);
  EXPECT_EQ(accounts_.users()[0].role, Role::admin);
  EXPECT_THROW(accounts_.set_up(link, "eve", good_), Error);
  const auto late = accounts_.new_setup();
  EXPECT_THROW(accounts_.set_up(late, "eve", good_), Error) << "there is a user";
  accounts_.remove_user("root");
  clock_.advance(std::chrono::hours(1));
  EXPECT_THROW(accounts_.set_up(late, "eve", good_), Error) << "an hour has passed";
}

TEST_F(AccountsTest, NamesAndPasswordsThatWillNotDo) {
  for (const char* name : {"", "a b", "-a", "a/b", "ä"})
    EXPECT_THROW(accounts_.add_user(name, good_, Role::viewer), Error) << name;
  for (const char* password : {"", "short", "aaaaaaaaaaaaaaaa", "ada and nobody else"})
    EXPECT_THROW(accounts_.add_user("ada", password, Role::viewer), Error) << password;
  accounts_.add_user("ada", good_, Role::viewer);
  EXPECT_THROW(accounts_.add_user("ada", good_, Role::admin), Error);
}

TEST_F(AccountsTest, RequestsAreRememberedForADay) {
  EXPECT_FALSE(accounts_.remembered("ada", "k", "hash"));
  const auto begun = accounts_.remembered("ada", "k", "hash");
  ASSERT_TRUE(begun);
  EXPECT_FALSE(begun->status);
  EXPECT_TRUE(begun->ours);
  EXPECT_FALSE(Accounts(folder_, clock_).remembered("ada", "k", "hash")->ours);
  accounts_.remember("ada", "k", 202, "{}", "application/json");
  EXPECT_EQ(accounts_.remembered("ada", "k", "hash")->status, 202);
  EXPECT_FALSE(accounts_.remembered("eve", "k", "hash")) << "somebody else's key is another";
  accounts_.forget("eve", "k");
  EXPECT_FALSE(accounts_.remembered("eve", "k", "hash"));
  clock_.advance(std::chrono::hours(25));
  EXPECT_FALSE(accounts_.remembered("ada", "k", "hash"));
}

TEST(Passwords, OnlyFewAtATime) {
  Passwords passwords;
  const auto hash = passwords.hash("some words");
  std::atomic<int> done{0}, refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 30; ++i) {
    threads.emplace_back([&] {
      try {
        if (passwords.matches(hash, "some words")) ++done;
      } catch (const Error& error) {
        if (error.code() == Code::unavailable) ++refused;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done + refused, 30);
  EXPECT_GE(done, 18);
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_NE(random_text(32), random_text(32));
  EXPECT_EQ(random_text(32).size(), 43u);
}

}  // namespace
}  // namespace windrow::access
