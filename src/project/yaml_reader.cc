#include "project/yaml_reader.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <map>
#include <streambuf>
#include <unordered_map>
#include <utility>
#include <vector>

namespace windrow::project {

// yaml-cpp's events are used rather than its node tree: the tree keeps duplicate keys silently,
// resolves aliases without a bound and costs several times as much.

namespace {

/// From here on a map's keys are looked up in a table; below, a plain search is faster.
constexpr size_t kSmallMap = 16;

class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    auto* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const Origin& origin, Problems& problems)
      : text_(text), origin_(origin), problems_(problems) {}

  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {origin_.file, origin_.line, origin_.column};
    return {origin_.file, origin_.line + mark.line,
            mark.column + (mark.line == 0 ? origin_.column : 1)};
  }
  void problem(const YAML::Mark& mark, std::string message, std::string hint = {}) {
    problems_.add(Code::configuration, std::move(message), std::move(hint), place(mark));
    failed_ = true;
  }
  bool failed() const { return failed_; }
  bool null_document() const { return root_.kind == Node::Kind::null; }
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      throw Error(Code::configuration, "more than one YAML document in one file",
                  "put each document into a file of its own", place(mark));
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    attach(made(Node::Kind::null, mark), 1, anchor, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = made(Node::Kind::scalar, mark);
    node.text = value;
    size_t at = skip_properties(static_cast<size_t>(mark.pos));
    const char first = at < text_.size() ? text_[at] : '\0';
    node.content_column = node.column + static_cast<int>(at - static_cast<size_t>(mark.pos));
    if (tag == "!" || tag == "tag:yaml.org,2002:str") node.style = Node::Style::quoted;
    if (first == '"' || first == '\'') {
      node.style = Node::Style::quoted;
      ++node.content_column;
    } else if ((first == '|' || first == '>') && tag != "?") {
      node.style = Node::Style::block;
      find_block_content(at, node);
    }
    check_tag(mark, tag);
    if (node.style == Node::Style::plain && is_null_word(value)) node.kind = Node::Kind::null;
    attach(std::move(node), 1, anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Error(Code::configuration, "an alias refers to a value that it is itself a part of",
                  "write the value out", place(mark));
    }
    aliased_ += found->second.count;
    if (aliased_ > kAliasedValuesMax) {
      throw Error(Code::configuration,
                  "aliases repeat more than " + std::to_string(kAliasedValuesMax) + " values",
                  "write the values out, or put them into files of their own", place(mark));
    }
    Node copy = found->second.node;
    attach(std::move(copy), found->second.count, YAML::NullAnchor, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open_.push_back({made(Node::Kind::list, mark), anchor, mark});
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open_.push_back({made(Node::Kind::map, mark), anchor, mark});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    size_t count = 1;
    std::optional<Node> key;
    bool drop = false;  // the key is refused: its value is read and forgotten
    std::unordered_map<std::string, int> lines;
  };
  struct Anchored {
    Node node;
    size_t count;
  };

  static bool is_null_word(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
  }

  Node made(Node::Kind kind, const YAML::Mark& mark) const {
    Node node;
    node.kind = kind;
    node.line = node.content_line = origin_.line + mark.line;
    node.column = node.content_column = mark.column + (mark.line == 0 ? origin_.column : 1);
    return node;
  }

  /// The mark of a value with an anchor or a tag is that of the anchor or tag.
  size_t skip_properties(size_t at) const {
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
      while (at < text_.size() && text_[at] != ' ' && text_[at] != '\n') ++at;
      while (at < text_.size() && text_[at] == ' ') ++at;
    }
    return at;
  }

  /// The content of `|` and `>` begins on the first later line that is not blank.
  void find_block_content(size_t at, Node& node) const {
    int line = node.line;
    while (true) {
      const size_t end = text_.find('\n', at);
      if (end == std::string_view::npos) return;
      ++line;
      const size_t first = text_.find_first_not_of(' ', end + 1);
      if (first == std::string_view::npos) return;
      if (text_[first] != '\n') {
        node.content_line = line;
        node.content_column = static_cast<int>(first - end);
        return;
      }
      at = first;
      // Blank lines between: `first` is the end of the line that was just counted.
    }
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    static constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag.empty() || tag == "?" || tag == "!") return;
    if (tag.starts_with(kCore)) {
      const std::string name = tag.substr(kCore.size());
      if (name == "str" || name == "map" || name == "seq" || name == "int" || name == "float" ||
          name == "bool" || name == "null") {
        return;
      }
    }
    problem(mark, "tag \"" + tag + "\" is not supported", "leave the tag out");
  }

  void attach(Node node, size_t count, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, count};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = open_.back();
    top.count += count;
    if (top.node.kind == Node::Kind::list) {
      top.node.items.push_back(std::move(node));
    } else if (!top.key) {
      take_key(top, std::move(node), mark);
    } else {
      // yaml-cpp marks a missing value at whatever comes next.
      if (node.kind == Node::Kind::null && node.text.empty()) {
        node.line = top.key->line;
        node.column = top.key->column;
      }
      if (!top.drop) top.node.entries.push_back({std::move(*top.key), std::move(node)});
      top.key.reset();
      top.drop = false;
    }
  }

  void take_key(Open& top, Node key, const YAML::Mark& mark) {
    if (key.kind == Node::Kind::null && !key.text.empty()) key.kind = Node::Kind::scalar;
    if (key.kind != Node::Kind::scalar) {
      problem(mark, "a key must be a text",
              "values with \"{…}\" or \"${…}\" at the start need quotes");
      top.drop = true;
    } else if (key.text == "<<" && key.style == Node::Style::plain) {
      problem(mark, "merge key \"<<\" is not supported",
              "write the keys out, or use a whole value again with an alias (\"key: *name\")");
      top.drop = true;
    } else if (const int line = line_of(top, key.text); line > 0) {
      problem(mark,
              "key \"" + key.text + "\" is given twice, first in line " + std::to_string(line));
      top.drop = true;
    } else if (top.node.entries.size() >= kSmallMap) {
      top.lines.emplace(key.text, key.line);
    }
    top.key = std::move(key);
  }

  static int line_of(Open& top, const std::string& key) {
    const auto& entries = top.node.entries;
    const size_t plain = std::min(entries.size(), kSmallMap);
    for (size_t i = 0; i < plain; ++i) {
      if (entries[i].key.text == key) return entries[i].key.line;
    }
    auto found = top.lines.find(key);
    return found == top.lines.end() ? 0 : found->second;
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    attach(std::move(done.node), done.count, done.anchor, done.mark);
  }

  std::string_view text_;
  const Origin& origin_;
  Problems& problems_;
  bool failed_ = false;
  int documents_ = 0;
  size_t aliased_ = 0;
  Node root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
};

/// The first byte that is not part of UTF-8 or is a control character; npos where there is none.
size_t first_bad_byte(std::string_view text, const char*& what) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
        what = "a control character";
        return i;
      }
      ++i;
      continue;
    }
    const size_t length = byte >= 0xF0 && byte <= 0xF4 ? 4
                          : byte >= 0xE0               ? 3
                          : byte >= 0xC2               ? 2
                                                       : 0;
    bool good = length != 0 && byte <= 0xF4 && i + length <= text.size();
    for (size_t k = 1; good && k < length; ++k) {
      good = (static_cast<unsigned char>(text[i + k]) & 0xC0) == 0x80;
    }
    if (!good) {
      what = "bytes that are not UTF-8";
      return i;
    }
    i += length;
  }
  return std::string_view::npos;
}

Place place_of(std::string_view text, size_t at, const Origin& origin) {
  const auto before = text.substr(0, at);
  const auto lines = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const size_t line_begin =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto column = static_cast<int>(at - line_begin);
  return {origin.file, origin.line + lines, column + (lines == 0 ? origin.column : 1)};
}

std::string_view line_at(std::string_view text, int line) {
  for (; line > 0; --line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

/// What most likely is wrong where yaml-cpp only says that something is.
Problem explain(const YAML::ParserException& error, std::string_view text,
                const TreeBuilder& builder) {
  Problem problem{
      Code::configuration, "not valid YAML: " + error.msg, {}, builder.place(error.mark)};
  if (dynamic_cast<const YAML::DeepRecursion*>(&error)) {
    problem.message = "lists and mappings lie too deep in each other";
    return problem;
  }
  if (error.mark.is_null()) return problem;
  const auto line = line_at(text, error.mark.line);
  const auto indent = line.substr(0, line.find_first_not_of(" \t"));
  if (indent.find('\t') != std::string_view::npos) {
    problem.message = "not valid YAML: a tab in the indentation";
    problem.hint = "indent with blanks";
  } else if (line.find("${") != std::string_view::npos) {
    problem.hint = "put a value with ${…} into quotes where it stands inside { } or [ ]";
  } else if (line.find_first_of("@`%*&") != std::string_view::npos) {
    problem.hint = "put a value that begins with a special character into quotes";
  }
  return problem;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const auto& entry : entries) {
    if (entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

std::optional<Node> read_yaml(std::string_view text, const Origin& origin, Problems& problems) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const char* what = nullptr;
  if (const size_t bad = first_bad_byte(text, what); bad != std::string_view::npos) {
    problems.add(Code::configuration, std::string("the file holds ") + what,
                 "save it as plain UTF-8 text", place_of(text, bad, origin));
    return std::nullopt;
  }
  std::string unix_lines;
  if (text.find('\r') != std::string_view::npos) {
    unix_lines.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\r')
        unix_lines += text[i];
      else if (i + 1 == text.size() || text[i + 1] != '\n')
        unix_lines += '\n';
    }
    text = unix_lines;
  }
  TreeBuilder builder(text, origin, problems);
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return std::nullopt;
    parser.HandleNextDocument(builder);
  } catch (const YAML::ParserException& error) {
    problems.add(explain(error, text, builder));
    return std::nullopt;
  } catch (const Error& error) {
    problems.add(error);
    return std::nullopt;
  }
  if (builder.null_document()) return std::nullopt;
  return builder.take();
}

}  // namespace windrow::project
