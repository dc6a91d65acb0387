#include "publish/files/encoding.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace windrow::publish {
namespace {

std::string encoded(const std::string& name, std::string_view text) {
  std::string out;
  Encoding(name).append(text, out);
  return out;
}

TEST(EncodingTest, BytesOfEach) {
  EXPECT_EQ(encoded("utf-8", "ü€"), "ü€");
  EXPECT_EQ(encoded("latin-1", "aü"), "a\xFC");
  EXPECT_EQ(encoded("windows-1252", "ü€™"), "\xFC\x80\x99");
  EXPECT_EQ(encoded("utf-16", "a🙂"), std::string("a\0\x3D\xD8\x42\xDE", 6));
  EXPECT_EQ(encoded("ascii", ""), "");
  EXPECT_EQ(Encoding("utf-8-bom").mark(), "\xEF\xBB\xBF");
}

TEST(EncodingTest, NamesWhatHasNoPlace) {
  EXPECT_THROW(encoded("latin-1", "€"), Error);
  EXPECT_THROW(encoded("windows-1252", "\xC2\x81"), Error);  // U+0081
  try {
    encoded("ascii", "aé");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("U+00E9"), std::string::npos);
  }
}

TEST(EncodingTest, CountsCharacters) {
  EXPECT_EQ(characters("aü€🙂"), 4u);
  EXPECT_EQ(first_characters("aü€🙂", 3), "aü€");
  EXPECT_EQ(first_characters("a", 3), "a");
}

}  // namespace
}  // namespace windrow::publish
