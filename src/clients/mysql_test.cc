#include "clients/mysql.h"

#include <gtest/gtest.h>

#include <map>

namespace windrow::clients {
namespace {

MysqlOptions options(const std::string& url, std::map<std::string, std::string> more = {}) {
  more["url"] = url;
  return mysql_options([&](const char* key) { return more[key]; },
                       [&](const char* key) { return more[key]; });
}

TEST(MysqlOptions, ComeFromTheUrlAndTheWordsBesideIt) {
  const auto whole = options("mysql://app:p%40s%2Fs@db.example:3307/films%201");
  EXPECT_EQ(whole.user, "app");
  EXPECT_EQ(whole.password, "p@s/s");
  EXPECT_EQ(whole.address(), "db.example:3307/films 1");
  EXPECT_EQ(options("mariadb://db.example/d").port, 3306);
  EXPECT_EQ(options("mysql://[::1]:33/d").host, "::1");
  EXPECT_EQ(options("mysql://[::1]:33/d").port, 33);
  EXPECT_EQ(options("mysql://a:b@h/d", {{"user", "u"}, {"password", "p"}}).password, "p");
}

TEST(MysqlOptions, WhatDoesNotReadIsNotShown) {
  for (const char* url : {"", "h/d", "postgres://u:hunter2@h/d", "mysql://u:hunter2@h:x/d",
                          "mysql://u:hunter2@h:70000/d", "mysql://u:hunter2@h", "mysql:///d",
                          "mysql://u:hunter2@a,b/d", "mysql://u:hunter2@h/d?ssl-mode=DISABLED"}) {
    try {
      options(url);
      ADD_FAILURE() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::configuration);
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
    }
  }
}

TEST(MysqlOptions, AreProtectedUnlessLessIsSpelledOut) {
  const auto protection = [](const std::string& url, const std::string& tls = {},
                             const std::string& ca = {}) {
    return options(url, {{"tls", tls}, {"ca", ca}}).transport.protection;
  };
  EXPECT_EQ(protection("mysql://db.example/d"), Protection::verified);
  EXPECT_EQ(protection("mysql://127.0.0.1/d"), std::nullopt);
  EXPECT_EQ(protection("mysql://127.0.0.1/d", "", "ca.pem"), Protection::verified);
  EXPECT_EQ(protection("mysql://db.example/d", "unverified"), Protection::unverified);
  EXPECT_EQ(protection("mysql://db.example/d", "off"), Protection::off);
  EXPECT_THROW(protection("mysql://db.example/d", "preferred"), Error);
}

TEST(MysqlText, IsQuoted) {
  EXPECT_EQ(mysql_name("a`b"), "`a``b`");
  EXPECT_EQ(mysql_literal("it's \\"), "'it''s \\'");
  EXPECT_THROW(mysql_name(std::string("a\0b", 3)), Error);
}

}  // namespace
}  // namespace windrow::clients
