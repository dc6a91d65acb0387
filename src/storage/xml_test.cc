#include "storage/xml.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace windrow::storage {
namespace {

TEST(Xml, ReadsWhatServersSend) {
  const auto root = parse_xml(
      "<?xml version=\"1.0\"?>\n<!-- x --><ns:Result xmlns:ns=\"u\">\n <Key a='1'>a&amp;b&#xFC;"
      "<![CDATA[<c>]]></Key><Empty/><Key>2</Key>\n</ns:Result>");
  EXPECT_EQ(root.name, "Result");
  ASSERT_EQ(root.children.size(), 3u);
  EXPECT_EQ(root.child_text("Key"), "a&bü<c>");
  EXPECT_EQ(root.child_text("Empty"), "");
  EXPECT_EQ(root.child("None"), nullptr);
}

TEST(Xml, RefusesWhatIsNone) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  for (const std::string& bad :
       {std::string(), std::string("text"), std::string("<a>"), std::string("<a></b>"),
        std::string("<a>&unknown;</a>"), std::string("<a>&#x110000;</a>"), std::string("<a"),
        std::string("<!DOCTYPE a><a/>"), deep}) {
    EXPECT_THROW(parse_xml(bad), Error) << bad;
  }
}

TEST(Xml, Escapes) {
  EXPECT_EQ(parse_xml("<a>" + xml_escaped("<&>\"'ü") + "</a>").text, "<&>\"'ü");
}

}  // namespace
}  // namespace windrow::storage
