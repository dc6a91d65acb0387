#include "storage/xml.h"

#include "base/error.h"
#include "base/text.h"

namespace windrow::storage {

const Xml* Xml::child(std::string_view wanted) const {
  for (const auto& one : children) {
    if (one.name == wanted) return &one;
  }
  return nullptr;
}

std::string Xml::child_text(std::string_view wanted) const {
  const Xml* found = child(wanted);
  return found ? found->text : std::string();
}

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Xml document() {
    skip_between();
    if (!at("<")) fail();
    return element(0);
  }

 private:
  static constexpr int kDepthMax = 32;

  [[noreturn]] static void fail() {
    throw Error(Code::corrupt, "the server's answer is no XML that can be read");
  }
  bool at(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  std::string_view up_to(std::string_view end) {
    const size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) fail();
    const auto out = text_.substr(at_, found - at_);
    at_ = found + end.size();
    return out;
  }
  /// Comments, declarations, white space between elements.
  void skip_between() {
    while (at_ < text_.size()) {
      if (at("<?")) {
        up_to("?>");
      } else if (at("<!--")) {
        up_to("-->");
      } else if (text_[at_] == '<') {
        return;
      } else {
        ++at_;
      }
    }
  }

  Xml element(int depth) {
    if (depth > kDepthMax) fail();
    Xml out;
    ++at_;  // <
    std::string_view tag = up_to(">");
    const bool empty = tag.ends_with('/');
    if (empty) tag.remove_suffix(1);
    tag = tag.substr(0, tag.find_first_of(" \t\r\n"));
    const size_t prefix = tag.find(':');
    out.name = tag.substr(prefix == std::string_view::npos ? 0 : prefix + 1);
    if (out.name.empty() || out.name[0] == '!') fail();
    while (!empty) {
      const size_t next = text_.find('<', at_);
      if (next == std::string_view::npos) fail();
      append_text(out.text, text_.substr(at_, next - at_));
      at_ = next;
      if (at("</")) {
        at_ += 2;
        const std::string_view end = up_to(">");
        if (!end.starts_with(tag)) fail();
        break;
      }
      if (at("<!--")) {
        up_to("-->");
      } else if (at("<![CDATA[")) {
        at_ += 9;
        out.text += up_to("]]>");
      } else {
        out.children.push_back(element(depth + 1));
      }
    }
    return out;
  }

  static void append_text(std::string& out, std::string_view text) {
    while (!text.empty()) {
      const size_t amp = text.find('&');
      out += text.substr(0, amp);
      if (amp == std::string_view::npos) return;
      const size_t end = text.find(';', amp);
      if (end == std::string_view::npos) fail();
      append_entity(out, text.substr(amp + 1, end - amp - 1));
      text.remove_prefix(end + 1);
    }
  }

  static void append_entity(std::string& out, std::string_view name) {
    if (name == "amp") {
      out += '&';
    } else if (name == "lt") {
      out += '<';
    } else if (name == "gt") {
      out += '>';
    } else if (name == "quot") {
      out += '"';
    } else if (name == "apos") {
      out += '\'';
    } else if (name.starts_with("#") && name.size() > 1 && name.size() < 10) {
      const bool hex = name[1] == 'x';
      char* end = nullptr;
      const std::string digits(name.substr(hex ? 2 : 1));
      const unsigned long code = std::strtoul(digits.c_str(), &end, hex ? 16 : 10);
      if (digits.empty() || *end != '\0' || code > 0x10FFFF) fail();
      append_utf8(out, uint32_t(code));
    } else {
      fail();
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Xml parse_xml(std::string_view document) { return Parser(document).document(); }

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace windrow::storage
