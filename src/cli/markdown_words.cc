#include "cli/markdown_words.h"

#include <algorithm>

namespace windrow::cli {

namespace {

/// `maintenance erasure` for `maintenance.md#erasure`: what `windrow docs` takes. Of what is not a
/// page in docs/ its path, of the web the address.
std::string place_of(std::string_view target) {
  if (target.find("://") != std::string_view::npos) return std::string(target);
  const auto hash = target.find('#');
  std::string anchor(hash == std::string_view::npos ? "" : target.substr(hash + 1));
  std::replace(anchor.begin(), anchor.end(), '-', ' ');
  auto path = target.substr(0, hash);
  if (path.empty()) return "";  // within this page: the words say it
  if (path.starts_with("../")) return std::string(path.substr(3));
  if (path.starts_with("docs/")) path.remove_prefix(5);
  if (path.find('/') != std::string_view::npos || !path.ends_with(".md")) return std::string(path);
  return std::string(path.substr(0, path.size() - 3)) + (anchor.empty() ? "" : " " + anchor);
}

std::string without_backticks(std::string_view text) {
  std::string out(text);
  std::erase(out, '`');
  return out;
}

/// `[words](target)` at the beginning of `text`: what is shown instead, and how long it was; 0: it
/// is no link.
size_t link(std::string_view text, std::string& shown) {
  const auto middle = text.find("](");
  if (middle == std::string_view::npos) return 0;
  if (text.substr(1, middle - 1).find('[') != std::string_view::npos) return 0;
  const auto end = text.find(')', middle);
  if (end == std::string_view::npos) return 0;
  const auto words = text.substr(1, middle - 1);
  const auto place = place_of(text.substr(middle + 2, end - middle - 2));
  const auto said = without_backticks(words);
  if (said == place + ".md" || said == "docs/" + place + ".md") {
    shown = place;
  } else {
    shown = std::string(words) + (place.empty() || said == place ? "" : " [" + place + "]");
  }
  return end + 1;
}

/// Takes characters and gives words, each with its escape sequences and without them counted.
class Words {
 public:
  struct Word {
    std::string shown;
    size_t width = 0;
  };
  Words(const WordStyle& how, std::string_view text) : how_(how), bold_(how.bold) {
    bool code = false;
    for (size_t i = 0; i < text.size(); ++i) {
      std::string shown;
      if (text[i] == '`') code = !code;
      if (!code && text.substr(i, 2) == "**") {
        flush();
        bold_ = !bold_;
        ++i;
      } else if (const size_t length = !code && text[i] == '[' ? link(text.substr(i), shown) : 0) {
        for (const char c : shown) add(c);
        i += length - 1;
      } else if (!code && text.substr(i, 4) == "<br>") {
        add(' ');
        i += 3;
      } else {
        add(text[i]);
      }
    }
    end_word();
  }
  std::vector<Word> words;

 private:
  void add(char c) {
    if (c == ' ' || c == '\t') {
      end_word();
    } else {
      piece_ += c;
    }
  }
  void flush() {
    word_.width += display_width(piece_);
    word_.shown += bold_ ? how_.style.bold(piece_) : piece_;
    piece_.clear();
  }
  void end_word() {
    flush();
    if (word_.width > 0) words.push_back(std::move(word_));
    word_ = {};
  }

  const WordStyle& how_;
  bool bold_;
  std::string piece_;
  Word word_;
};

}  // namespace

std::vector<std::string> wrapped(const WordStyle& how, std::string_view text, size_t width) {
  std::vector<std::string> out;
  size_t used = 0;
  for (const auto& word : Words(how, text).words) {
    if (out.empty() || used + 1 + word.width > width) {
      out.push_back(word.shown);
      used = word.width;
    } else {
      out.back() += " " + word.shown;
      used += 1 + word.width;
    }
  }
  return out;
}

std::string plain_words(std::string_view text) {
  const auto lines = wrapped({Style{}, false}, text, kNoWrap);
  return lines.empty() ? "" : without_backticks(lines[0]);
}

size_t styled_width(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      i = std::min(text.find('m', i), text.size());
    } else {
      plain += text[i];
    }
  }
  return display_width(plain);
}

}  // namespace windrow::cli
