#include "page/page.h"

#include <gtest/gtest.h>

#include "page/embedded.h"

namespace windrow::page {
namespace {

TEST(Page, EveryPathOfThePageIsIndexHtml) {
  const Asset* index = asset("/");
  ASSERT_NE(index, nullptr);
  EXPECT_EQ(index->type, "text/html; charset=utf-8");
  EXPECT_TRUE(index->templated);
  EXPECT_FALSE(index->immutable);
  EXPECT_NE(index->plain.find("__NONCE__"), std::string_view::npos);
  for (const char* path : {"/index.html", "/p/films/runs/01a1", "/p/films/assets/gold.daily",
                           "/p/films/", "", "/login"})
    EXPECT_EQ(asset(path), index) << path;
}

TEST(Page, WhatIsNotThereIsNotIndexHtml) {
  for (const char* path : {"/assets/gone-1234.js", "/favicon.ico", "/../etc/passwd.txt"})
    EXPECT_EQ(asset(path), nullptr) << path;
}

TEST(Page, NamesWithAHashAreKeptForGood) {
  int scripts = 0, fonts = 0;
  for (const auto& [file, found] : embedded()) {
    EXPECT_EQ(asset(file), &found) << file;
    EXPECT_FALSE(found.plain.empty()) << file;
    EXPECT_TRUE(found.etag.starts_with('"') && found.etag.ends_with('"') && found.etag.size() > 10)
        << file;
    EXPECT_EQ(found.immutable, file.starts_with("assets/")) << file;
    EXPECT_TRUE(found.gzip.size() < found.plain.size()) << file;
    EXPECT_TRUE(found.gzip.empty() || found.gzip.starts_with("\x1f\x8b")) << file;
    scripts += file.ends_with(".js") && found.type == "text/javascript; charset=utf-8" &&
               !found.brotli.empty() && found.brotli.size() < found.gzip.size();
    fonts += file.ends_with(".woff2") && found.type == "font/woff2";
  }
  EXPECT_GT(scripts, 5);
  EXPECT_EQ(fonts, 1);
}

// The page's share of a first visit: scripts, styles and font as they go over the line.
TEST(Page, WeighsLessThan400KilobytesInAll) {
  size_t bytes = 0;
  for (const auto& [file, found] : embedded())
    bytes += found.gzip.empty() ? found.plain.size() : found.gzip.size();
  EXPECT_LT(bytes, 400'000u);
  EXPECT_GT(bytes, 100'000u);
}

// Answers may not carry scripts or styles of their own: the policy of the server refuses them.
TEST(Page, IndexHtmlHasNoInlineScriptOrStyle) {
  const auto html = asset("/")->plain;
  EXPECT_EQ(html.find("<style"), std::string_view::npos);
  EXPECT_EQ(html.find("style="), std::string_view::npos);
  for (size_t at = html.find("<script"); at != std::string_view::npos;
       at = html.find("<script", at + 1)) {
    const auto tag = html.substr(at, html.find('>', at) - at);
    EXPECT_NE(tag.find("src="), std::string_view::npos) << tag;
  }
  for (const char* elsewhere : {"http://", "https://", "//cdn"})
    EXPECT_EQ(html.find(elsewhere), std::string_view::npos) << elsewhere;
}

}  // namespace
}  // namespace windrow::page
