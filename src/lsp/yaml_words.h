#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lsp/text.h"

/// YAML that is being written: what stands where, by indentation and brackets, also while the whole
/// does not read. What is right is project/yaml_reader.h's to say.
namespace windrow::lsp {

/// A key of a mapping, or an element of a list.
struct YamlStep {
  std::string key;
  int item = -1;  ///< of a list, from 0
  bool operator==(const YamlStep&) const = default;
};
using YamlPath = std::vector<YamlStep>;

struct YamlWord {
  Span span;      ///< with its quotes
  YamlPath path;  ///< of a key: of its mapping; of a value: its own
  bool key = false;
  std::string text;  ///< without quotes
};

/// What the cursor is in.
struct YamlCursor {
  enum class At {
    key,    ///< where a key of the mapping `path` stands, or would
    value,  ///< where the value of `path` stands, behind its colon or in a list's brackets
    begin,  ///< where the value of `path` would begin, which may be a mapping
    none    ///< inside of a comment or a long text
  };
  At at = At::none;
  YamlPath path;
  Span word;  ///< what is written there; empty where nothing is
};

struct YamlWords {
  std::vector<YamlWord> words;
  YamlCursor cursor;

  /// Of the mapping, in the text's order.
  std::vector<std::string> keys_of(const YamlPath& path) const;
};

/// `cursor` is a byte of the text.
YamlWords yaml_words(std::string_view text, size_t cursor);

}  // namespace windrow::lsp
