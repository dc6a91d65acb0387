#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace windrow::lake::fuzz {

/// The files of a folder, in the order of their names.
inline std::vector<std::string> kept_corpus(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> out;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return out;
}

/// Inputs made from a corpus by chance; the same for the same seed.
class Mutations {
 public:
  Mutations(std::vector<std::string> corpus, unsigned long seed)
      : corpus_(std::move(corpus)), random_(seed) {}

  std::string next() {
    std::string out = corpus_[below(corpus_.size())];
    for (size_t i = 1 + below(4); i > 0; --i) change(out);
    if (out.size() > kBytesMost) out.resize(kBytesMost);
    return out;
  }

 private:
  static constexpr size_t kBytesMost = 1 << 16;

  size_t below(size_t end) { return end == 0 ? 0 : size_t(random_() % end); }

  void change(std::string& text) {
    // The first byte says which reader; it stays.
    const size_t at = 1 + below(text.size());
    if (at >= text.size()) {
      text += interesting();
      return;
    }
    const size_t length = std::min(text.size() - at, 1 + below(16));
    switch (below(8)) {
      case 0: text[at] = char(random_()); break;
      case 1: text[at] = char(text[at] ^ (1 << below(8))); break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(at, text.substr(at, length)); break;
      case 4: text.insert(at, interesting()); break;
      case 5: text.replace(at, length, interesting()); break;
      case 6: text.resize(at); break;
      default: {  // a piece of another one
        const std::string& other = corpus_[below(corpus_.size())];
        text.insert(at, other.substr(below(other.size()), below(64)));
      }
    }
  }

  std::string interesting() {
    static const std::vector<std::string> kPieces = {"null",
                                                     "true",
                                                     "{}",
                                                     "[]",
                                                     "\"\"",
                                                     "-1",
                                                     "0",
                                                     "1e999",
                                                     "1e300",
                                                     "9223372036854775807",
                                                     "-9223372036854775808",
                                                     "18446744073709551616",
                                                     "NaN",
                                                     "Infinity",
                                                     "../../etc",
                                                     "%2e%2e%2f",
                                                     "\\u0000",
                                                     "\\ud800",
                                                     "\xFF\xFE",
                                                     "\xC3",
                                                     "\n",
                                                     "{",
                                                     "]",
                                                     "\"add\":{",
                                                     "\"struct\"",
                                                     ",",
                                                     "%",
                                                     "99999-12-31",
                                                     "decimal(99,-1)",
                                                     "decimal(4294967297,2)",
                                                     std::string(1, '\0'),
                                                     std::string(2000, '['),
                                                     std::string(4, '\xFF')};
    return kPieces[below(kPieces.size())];
  }

  const std::vector<std::string> corpus_;
  std::mt19937_64 random_;
};

}  // namespace windrow::lake::fuzz
