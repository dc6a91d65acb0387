#include "lsp/framing.h"

#include <gtest/gtest.h>

#include <vector>

namespace windrow::lsp {
namespace {

std::vector<std::string> taken(Framing& framing) {
  std::vector<std::string> out;
  while (auto frame = framing.next()) out.push_back(frame->broken ? "broken" : frame->text);
  return out;
}

using Texts = std::vector<std::string>;

TEST(Framing, GivesMessagesByteByByte) {
  Framing framing;
  Texts out;
  const std::string wire = framed("{\"a\":1}") + "Content-Length: 2\nContent-Type: x\n\n{}";
  for (const char c : wire) {
    framing.feed({&c, 1});
    for (auto& each : taken(framing)) out.push_back(std::move(each));
  }
  EXPECT_EQ(out, (Texts{"{\"a\":1}", "{}"}));
}

TEST(Framing, TellsOnceOfBytesThatAreNoMessageAndGoesOn) {
  for (const auto& garbage : std::vector<std::string>{
           std::string("hello\r\n\r\n"), std::string("Content-Length: many\r\n\r\n"),
           std::string("Content-Length: 99999999999999999999\r\n\r\n"),
           std::string("Content-Length: 67108865\r\n\r\n"), std::string("X: 1\r\n\r\n"),
           std::string("Content-Length: -5\r\n\r\n"), std::string(9000, 'x'),
           std::string("\r\n\r\n"), std::string(5000, '\0') + "\n\n",
           std::string("Content-Length: 5 5\r\n\r\n")}) {
    Framing framing;
    framing.feed(garbage + framed("{}") + framed("[]"));
    EXPECT_EQ(taken(framing), (Texts{"broken", "{}", "[]"})) << garbage.substr(0, 40);
  }
}

TEST(Framing, WaitsForTheRestOfAMessage) {
  Framing framing;
  framing.feed("Content-Length: 10\r\n\r\n{}");
  EXPECT_TRUE(taken(framing).empty());
  framing.feed("12345678");
  EXPECT_EQ(taken(framing), Texts{"{}12345678"});
}

TEST(Framing, HoldsNoMoreOfGarbageThanOneHead) {
  Framing framing;
  int broken = 0;
  for (int i = 0; i < 1000; ++i) {
    framing.feed(std::string(1000, 'x'));
    while (framing.next()) ++broken;
  }
  EXPECT_EQ(broken, 1);
}

}  // namespace
}  // namespace windrow::lsp
