#include "clients/http.h"

#include <gtest/gtest.h>

#include "base/url.h"
#include "clients/http_server.h"

namespace windrow::clients {
namespace {

using Answer = TestHttpServer::Answer;
using Request = TestHttpServer::Request;
using std::chrono::milliseconds;

HttpRequest get(const std::string& url) {
  HttpRequest out;
  out.url = url;
  return out;
}

TEST(Http, SendsAndReceivesBytesAsTheyAre) {
  TestHttpServer server([](const Request& request) {
    return Answer{201, request.method + request.body, {{"ETag", " \"a\" "}, {"X-Empty", ""}}};
  });
  const auto client = http_client();
  auto request = get(server.url() + "/a/../b%20c?x=%2F");
  request.method = "PUT";
  request.body = std::string_view("\0\xff\n", 3);
  request.headers = {{"X-Thing", "value"}};
  const auto response = client->send(request);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, std::string("PUT\0\xff\n", 6));
  EXPECT_EQ(response.header("etag"), "\"a\"");
  EXPECT_EQ(response.header("x-none"), "");
  const auto seen = server.seen().at(0);
  EXPECT_EQ(seen.target, "/a/../b%20c?x=%2F");
  EXPECT_EQ(seen.header("x-thing"), "value");
  EXPECT_EQ(seen.header("content-type"), "");
}

TEST(Http, EmptyBodiesAndHeads) {
  TestHttpServer server([](const Request& request) {
    return Answer{200, "body", {{"X-Length", std::string(request.header("content-length"))}}};
  });
  const auto client = http_client();
  auto request = get(server.url());
  request.method = "PUT";
  EXPECT_EQ(client->send(request).header("x-length"), "0");
  request.method = "HEAD";
  EXPECT_EQ(client->send(request).body, "");
  EXPECT_EQ(client->send(request).header("content-length"), "4");
  request.method = "DELETE";
  EXPECT_EQ(client->send(request).body, "body");
}

TEST(Http, KeepsConnectionsButNotForWhatMustBeSentOnce) {
  TestHttpServer server([](const Request&) { return Answer{}; });
  const auto client = http_client();
  for (int i = 0; i < 3; ++i) client->send(get(server.url()));
  EXPECT_EQ(server.connections(), 1u);
  auto request = get(server.url());
  request.once = true;
  client->send(request);
  EXPECT_EQ(server.connections(), 2u);
}

TEST(Http, AClosedKeptConnectionIsSentAgainUnlessOnce) {
  std::atomic<int> number = 0;
  TestHttpServer server([&](const Request&) {
    Answer answer;
    answer.hang_up = number++ == 1;
    return answer;
  });
  const auto client = http_client();
  client->send(get(server.url()));
  EXPECT_EQ(client->send(get(server.url())).status, 200);
  EXPECT_EQ(server.seen().size(), 3u);  // libcurl's own second try
  number = 0;
  client->send(get(server.url()));
  auto request = get(server.url());
  request.method = "PUT";
  request.once = true;
  EXPECT_THROW(client->send(request), HttpError);
  EXPECT_EQ(server.seen().size(), 5u);
}

TEST(Http, FailuresSayWhetherTheRequestMayHaveBeenSent) {
  TestHttpServer server([](const Request& request) {
    Answer answer{200, "0123456789"};
    answer.hang_up = request.target.starts_with("/lost");
    if (request.target == "/cut") answer.cut_after = 4;
    if (request.target == "/slow") answer.delay = milliseconds(400);
    return answer;
  });
  const auto client = http_client();
  const auto failure = [&](const std::string& url) {
    auto request = get(url);
    request.timeout = milliseconds(200);
    try {
      client->send(request);
    } catch (const HttpError& error) {
      return std::pair(error.code(), error.maybe_sent());
    }
    return std::pair(Code::internal, false);
  };
  EXPECT_EQ(failure("http://127.0.0.1:1/x"), std::pair(Code::unavailable, false));
  EXPECT_EQ(failure("http://no-such-host.invalid/x"), std::pair(Code::unavailable, false));
  EXPECT_EQ(failure(server.url() + "/lost"), std::pair(Code::unavailable, true));
  EXPECT_EQ(failure(server.url() + "/cut"), std::pair(Code::unavailable, true));
  EXPECT_EQ(failure(server.url() + "/slow"), std::pair(Code::timeout, true));
  EXPECT_EQ(failure("ftp://127.0.0.1/x").first, Code::usage);
}

TEST(Http, MessagesShowHostAndPathOnly) {
  const auto client = http_client();
  try {
    client->send(get("http://user:hush@127.0.0.1:1/path?signature=hush#hush"));
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_EQ(std::string(error.what()).find("hush"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("GET http://127.0.0.1:1/path:"), std::string::npos);
  }
}

TEST(Http, StreamsGoodAnswersAndBoundsLongOnes) {
  TestHttpServer server([](const Request& request) {
    return Answer{request.target == "/bad" ? 404 : 200, std::string(1 << 20, 'x')};
  });
  const auto client = http_client();
  size_t streamed = 0;
  auto request = get(server.url());
  request.on_body = [&](std::string_view piece) { streamed += piece.size(); };
  EXPECT_TRUE(client->send(request).body.empty());
  EXPECT_EQ(streamed, size_t(1) << 20);
  request.url = server.url() + "/bad";
  EXPECT_EQ(client->send(request).body.size(), size_t(1) << 20);
  EXPECT_EQ(streamed, size_t(1) << 20);
  request.url = server.url();
  request.on_body = [](std::string_view) { throw Error(Code::canceled, "enough"); };
  EXPECT_THROW(client->send(request), Error);
  request.on_body = nullptr;
  request.body_max = 1000;
  EXPECT_THROW(client->send(request), Error);
  request.body_max = 1 << 20;
  EXPECT_EQ(client->send(request).body.size(), size_t(1) << 20);
}

TEST(Http, RedirectsOnlyWhereAsked) {
  TestHttpServer server([](const Request& request) {
    if (request.target == "/a") return Answer{307, "go", {{"Location", "/b"}}};
    return Answer{200, request.method + " " + request.body};
  });
  const auto client = http_client();
  auto request = get(server.url() + "/a");
  request.method = "PUT";
  request.body = "data";
  EXPECT_EQ(client->send(request).status, 307);
  request.follow_redirects = true;
  EXPECT_EQ(client->send(request).body, "PUT data");
}

TEST(Http, HeadersCannotBeSmuggled) {
  auto request = get("http://127.0.0.1:1/");
  request.headers = {{"X", "a\r\nEvil: yes"}};
  EXPECT_THROW(http_client()->send(request), Error);
}

TEST(Http, PercentEncoding) {
  EXPECT_EQ(percent_encoded("a b/ü~+=%"), "a%20b%2F%C3%BC~%2B%3D%25");
  EXPECT_EQ(percent_encoded("a/b", true), "a/b");
}

}  // namespace
}  // namespace windrow::clients
