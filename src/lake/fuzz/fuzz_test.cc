#include <gtest/gtest.h>

#include "lake/fuzz/mutate.h"
#include "lake/fuzz/readers.h"

namespace windrow::lake {
namespace {

const std::string kCorpus = std::string(WINDROW_SOURCE_DIR) + "/src/lake/fuzz/corpus";

TEST(Fuzz, TheKeptCorpusReads) {
  const auto corpus = fuzz::kept_corpus(kCorpus);
  ASSERT_GE(corpus.size(), 10u);
  for (const auto& input : corpus) EXPECT_NO_THROW(fuzz::read(input)) << input;
}

/// A short run that is always the same; `lake_fuzz` makes longer ones.
TEST(Fuzz, NothingButErrorsComesOfMutations) {
  fuzz::Mutations mutations(fuzz::kept_corpus(kCorpus), 1);
  for (int round = 0; round < 20'000; ++round) {
    const std::string input = mutations.next();
    try {
      fuzz::read(input);
    } catch (const std::exception& error) {
      FAIL() << error.what() << " of " << input;
    }
  }
}

}  // namespace
}  // namespace windrow::lake
