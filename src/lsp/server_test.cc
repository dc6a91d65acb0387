#include "lsp/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/clock.h"

namespace windrow::lsp {
namespace {

/// A session with nothing behind it: what is sent is there before the server listens.
struct Session {
  std::vector<Json> answers;
  bool shut = false;

  explicit Session(const std::vector<std::string>& wire) {
    int in[2], out[2];
    EXPECT_EQ(::pipe(in), 0);
    EXPECT_EQ(::pipe(out), 0);
    for (const auto& bytes : wire)
      EXPECT_EQ(::write(in[1], bytes.data(), bytes.size()), ssize_t(bytes.size()));
    ::close(in[1]);
    Secrets secrets;
    Cancel cancel;
    const auto clock = system_clock({});
    {
      app::Options options;
      options.folder = "/";
      Server server(options, secrets, *clock, {in[0], out[1], [](const std::string&) {}});
      shut = server.serve(cancel);
    }
    ::close(out[1]);
    Framing framing;
    char bytes[4096];
    for (ssize_t got; (got = ::read(out[0], bytes, sizeof bytes)) > 0;)
      framing.feed({bytes, size_t(got)});
    while (auto frame = framing.next()) answers.push_back(Json::parse(frame->text));
    ::close(in[0]);
    ::close(out[0]);
  }
  int code(size_t i) const { return answers.at(i).at("error").at("code").get<int>(); }
};

std::string call(int id, const std::string& method, const std::string& params = "{}") {
  return framed(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method +
                R"(","params":)" + params + "}");
}
std::string tell(const std::string& method) {
  return framed(R"({"jsonrpc":"2.0","method":")" + method + R"("})");
}

TEST(Server, GoesByTheRulesOfItsLife) {
  const Session session({call(1, "textDocument/hover"), call(2, "initialize"),
                         call(3, "initialize"), call(4, "no/such"), tell("no/such"),
                         call(5, "shutdown"), call(6, "textDocument/hover"), tell("exit"),
                         call(7, "initialize")});
  EXPECT_TRUE(session.shut);
  ASSERT_EQ(session.answers.size(), 6u);
  EXPECT_EQ(session.code(0), -32002);
  EXPECT_EQ(session.answers[1]["result"]["capabilities"]["positionEncoding"], "utf-16");
  EXPECT_EQ(session.code(2), -32600);
  EXPECT_EQ(session.code(3), -32601);
  EXPECT_TRUE(session.answers[4]["result"].is_null());
  EXPECT_EQ(session.code(5), -32600);
}

TEST(Server, SaysWhetherItWasAskedToShutDown) {
  EXPECT_FALSE(Session({call(1, "initialize"), tell("exit")}).shut);
  EXPECT_FALSE(Session({call(1, "initialize")}).shut);
  EXPECT_FALSE(Session({}).shut);
  EXPECT_FALSE(Session({"Content-Length: 100\r\n\r\n{"}).shut);
  EXPECT_TRUE(Session({call(1, "initialize"), call(2, "shutdown")}).shut);
}

TEST(Server, LivesOnWhateverComes) {
  const Session session({"garbage\r\n\r\n", framed("no json"), framed("[]"), framed("{}"),
                         framed("\xff\xfe"), framed(R"({"id":1,"method":7})"),
                         framed(R"({"id":{},"method":"initialize"})"),
                         framed(std::string(20'000, '[')), call(1, "initialize", "[]"),
                         call(2, "textDocument/hover", "7"), call(3, "shutdown")});
  EXPECT_TRUE(session.shut);
  ASSERT_EQ(session.answers.size(), 11u);
  EXPECT_TRUE(session.answers[8].contains("result"));
  EXPECT_EQ(session.code(9), -32602);
}

TEST(Server, CountsAsTheEditorAsks) {
  const auto encoding = [](const std::string& offered) {
    const Session session({call(
        1, "initialize", R"({"capabilities":{"general":{"positionEncodings":)" + offered + "}}}")});
    return session.answers.at(0)["result"]["capabilities"]["positionEncoding"].get<std::string>();
  };
  EXPECT_EQ(encoding(R"(["utf-16","utf-8"])"), "utf-8");
  EXPECT_EQ(encoding(R"(["utf-32"])"), "utf-32");
  EXPECT_EQ(encoding(R"(["utf-32","utf-16"])"), "utf-16");
  EXPECT_EQ(encoding("7"), "utf-16");
}

}  // namespace
}  // namespace windrow::lsp
