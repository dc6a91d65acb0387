#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lake/fuzz/mutate.h"
#include "lake/fuzz/readers.h"

// With clang: a target of libFuzzer. Otherwise a program that mutates the kept corpus itself:
//
//   lake_fuzz CORPUS ROUNDS [SEED]

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  windrow::lake::fuzz::read({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifndef WINDROW_LIBFUZZER
int main(int argc, char** argv) {
  using namespace windrow::lake;
  if (argc < 3) {
    std::fputs("usage: lake_fuzz CORPUS ROUNDS [SEED]\n", stderr);
    return 2;
  }
  fuzz::Mutations mutations(fuzz::kept_corpus(argv[1]), argc > 3 ? std::stoul(argv[3]) : 1);
  for (long round = std::atol(argv[2]); round > 0; --round) {
    const std::string input = mutations.next();
    try {
      fuzz::read(input);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n%s\n", error.what(), input.c_str());
      return 1;
    }
  }
  return 0;
}
#endif
