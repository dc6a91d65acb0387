#include "cli/markdown.h"

#include <gtest/gtest.h>

#include "cli/doc_pages.h"

namespace windrow::cli {
namespace {

const Style kPlain{};

TEST(Markdown, WrapsParagraphsAndHangsLists) {
  EXPECT_EQ(
      markdown_text("one two three\nfour\n\n- alpha beta gamma delta epsilon\n  zeta\n12. x\n", 20,
                    kPlain),
      "one two three four\n\n- alpha beta gamma\n  delta epsilon zeta\n12. x\n");
}

TEST(Markdown, HeadingsAreBoldAndCodeIsAsItIs) {
  const Style colors{true};
  EXPECT_EQ(markdown_text("## A **b** `c`\n```sql\nSELECT  **1**;\n\n# no heading\n```\n**x**y z\n",
                          80, colors),
            "\033[1mA\033[0m b \033[1m`c`\033[0m\n  SELECT  **1**;\n\n  # no heading\n"
            "\033[1mx\033[0my z\n");
}

TEST(Markdown, LinksSayWhatDocsTakes) {
  const auto shown = [](const char* text) { return markdown_text(text, 200, kPlain); };
  EXPECT_EQ(
      shown("see [sql.md](sql.md), [there](maintenance.md#what-is-erased) and [here](#json)\n"),
      "see sql, there [maintenance what is erased] and here\n");
  EXPECT_EQ(shown("[Delta](https://delta.io) [ADR 1](adr/001-x.md) [bench](../bench/README.md)\n"),
            "Delta [https://delta.io] ADR 1 [adr/001-x.md] bench [bench/README.md]\n");
  EXPECT_EQ(shown("a list [1, 2] and `[x](y)`\n"), "a list [1, 2] and `[x](y)`\n");
}

TEST(Markdown, TablesAreAlignedAndWrapped) {
  EXPECT_EQ(
      markdown_text(
          "| key | is |\n|---|---|\n| `a` | one two three four five six |\n| bcd \\| e | x |\n", 28,
          kPlain),
      "key      is\n`a`      one two three four\n         five six\nbcd | e  x\n");
  EXPECT_EQ(markdown_text("| | |\n|---|---|\n| a | b |\n", 28, kPlain), "a  b\n");
}

TEST(Markdown, CommentsAreNotShown) {
  EXPECT_EQ(markdown_text("a\n\n<!-- one\ntwo -->\nb\n", 80, kPlain), "a\n\nb\n");
}

TEST(Markdown, SectionsEndAtTheNextHeadingOfTheirLevel) {
  const std::string page = "# A\na\n## B `c`\nb\n```\n# no\n```\n### D\nd\n## E\ne\n";
  const auto all = markdown_sections(page);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].whole, page);
  EXPECT_EQ(all[0].own, "# A\na\n");
  EXPECT_EQ(all[1].title, "B c");
  EXPECT_EQ(all[1].whole, "## B `c`\nb\n```\n# no\n```\n### D\nd\n");
  EXPECT_EQ(all[3].whole, "## E\ne\n");
}

TEST(Markdown, EveryPageCanBeShown) {
  EXPECT_GT(doc_pages().size(), 10u);
  for (const auto& page : doc_pages()) {
    EXPECT_FALSE(page.about.empty()) << page.topic;
    for (const size_t width : {1u, 30u, 80u})
      EXPECT_GT(markdown_text(page.content, width, kPlain).size(), 500u) << page.topic;
    EXPECT_EQ(markdown_sections(page.content).at(0).level, 1u) << page.topic;
  }
}

}  // namespace
}  // namespace windrow::cli
