#include <algorithm>
#include <cctype>

#include "base/nearest.h"
#include "cli/doc_pages.h"
#include "cli/json_text.h"
#include "cli/markdown.h"
#include "cli/pager.h"
#include "cli/session.h"

namespace windrow::cli {

namespace {

/// Longer lines are hard to read, however wide the terminal.
constexpr size_t kWidthMax = 100;

using Words = std::vector<std::string>;

struct Hit {
  const DocPage* page;
  MarkdownSection section;
  bool by_heading = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool has_all(std::string_view text, const Words& words) {
  const auto in = lower(text);
  return std::all_of(words.begin(), words.end(),
                     [&](const auto& word) { return in.find(lower(word)) != std::string::npos; });
}

/// The page of that name, or the only one whose name begins so.
const DocPage* page_of(const std::string& name) {
  const DocPage* begun = nullptr;
  for (const auto& page : doc_pages()) {
    if (page.topic == name) return &page;
    if (!page.topic.starts_with(name)) continue;
    if (begun) return nullptr;
    begun = &page;
  }
  return begun;
}

std::vector<Hit> sections_of(const std::vector<const DocPage*>& pages) {
  std::vector<Hit> out;
  for (const auto* page : pages) {
    for (auto& section : markdown_sections(page->content))
      out.push_back({page, std::move(section), false});
  }
  return out;
}

/// Sections whose heading has all the words; where there are none, those whose text has them.
std::vector<Hit> found(const std::vector<Hit>& sections, const Words& words) {
  std::vector<Hit> out;
  for (const auto& hit : sections) {
    if (!has_all(hit.section.title, words)) continue;
    out.push_back({hit.page, hit.section, true});
    if (lower(hit.section.title) == lower(joined(words))) return {out.back()};
  }
  if (!out.empty()) return out;
  for (const auto& hit : sections) {
    if (has_all(hit.section.own, words)) out.push_back(hit);
  }
  return out;
}

int show(Session& session, const DocPage& page, std::string_view markdown,
         const std::string& section) {
  const auto& out = session.out;
  if (out.json()) {
    Json json{{"topic", page.topic}, {"markdown", markdown}};
    if (!section.empty()) json["section"] = section;
    out.write(dumped(json));
  } else if (out.terminal()) {
    show_paged(session, markdown_text(markdown, std::min(out.width(), kWidthMax), out.style()));
  } else {
    out.write(markdown);
  }
  return kDone;
}

int list_topics(Session& session) {
  Json json = Json::array();
  TextTable table({"topic", "is about"});
  for (const auto& page : doc_pages()) {
    json.push_back({{"topic", page.topic}, {"description", page.about}});
    table.add({std::string(page.topic), std::string(page.about)});
  }
  if (session.out.json()) {
    session.out.write(dumped(json));
  } else {
    session.out.table(table);
    session.out.note("\n`windrow docs TOPIC` shows one; words behind it lead to a section");
  }
  return kDone;
}

int list_hits(Session& session, const std::vector<Hit>& hits) {
  Json json = Json::array();
  TextTable table({"topic", "section"});
  for (const auto& [page, section, by_heading] : hits) {
    json.push_back({{"topic", page->topic}, {"section", section.title}});
    table.add({std::string(page->topic), section.title});
  }
  if (session.out.json()) {
    session.out.write(dumped(json));
  } else {
    session.out.table(table);
    session.out.note("\n`windrow docs TOPIC SECTION` shows one");
  }
  return kDone;
}

[[noreturn]] void not_found(const DocPage* page, const Words& words) {
  std::vector<std::string> known;
  if (page) {
    for (const auto& section : markdown_sections(page->content)) known.push_back(section.title);
    const auto hint = did_you_mean(joined(words), known);
    throw Error(
        Code::usage,
        "the page \"" + std::string(page->topic) + "\" says nothing of \"" + joined(words) + "\"",
        hint.empty() ? "`windrow docs " + joined(words) + "` searches all pages" : hint);
  }
  for (const auto& each : doc_pages()) known.emplace_back(each.topic);
  const auto hint = did_you_mean(words[0], known);
  throw Error(Code::usage, "there is no page \"" + joined(words) + "\", and none speaks of it",
              hint.empty() ? "`windrow docs` lists the pages" : hint);
}

}  // namespace

int docs_verb(Session& session) {
  Words words = session.arguments.words;
  if (words.empty()) return list_topics(session);
  const auto* page = page_of(words[0]);
  std::vector<const DocPage*> pages{page};
  if (page) {
    words.erase(words.begin());
    if (words.empty()) return show(session, *page, page->content, "");
  } else {
    pages.clear();
    for (const auto& each : doc_pages()) pages.push_back(&each);
  }
  const auto hits = found(sections_of(pages), words);
  // `sources kafka`: where no heading of the page says it, and another page is about it.
  const auto* other = page && words.size() == 1 ? page_of(words[0]) : nullptr;
  if (other && (hits.empty() || !hits[0].by_heading))
    return show(session, *other, other->content, "");
  if (hits.empty()) not_found(page, words);
  if (!page && hits.size() > 1) return list_hits(session, hits);
  const auto& [on, section, by_heading] = hits[0];
  return show(session, *on, by_heading ? section.whole : section.own, section.title);
}

}  // namespace windrow::cli
