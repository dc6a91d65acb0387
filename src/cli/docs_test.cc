#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "cli/completion.h"
#include "cli/fake_app.h"
#include "cli/parser.h"
#include "cli/text.h"

// docs/cli.md and the completion scripts against the tree that parses the command line.
namespace windrow::cli {
namespace {

using Options =
    std::map<std::string, std::set<std::string>>;  ///< verb → its options, long and short

Options options_of(const CLI::App& app, const std::string& path) {
  Options out;
  auto& own = out[path];
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) own.insert("--" + name);
    for (const auto& name : option->get_snames()) own.insert("-" + name);
  }
  if (!path.empty()) own.erase("--help"), own.erase("-h");
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    out.merge(options_of(*verb, path.empty() ? verb->get_name() : path + " " + verb->get_name()));
  }
  return out;
}

std::string page() {
  std::ifstream stream(std::string(WINDROW_SOURCE_DIR) + "/docs/cli.md");
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Headings `## `verb`` and the first cells of the tables below them.
Options documented() {
  Options out;
  std::string verb;
  bool counts = true;
  std::istringstream lines(page());
  const std::regex option("`(--?[A-Za-z-]+)`");
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (line.starts_with("#")) {
      counts = std::regex_search(line, match, std::regex("^##+ `([a-z -]+)`")) ||
               line == "## Every verb";
      verb = match.empty() ? "" : match[1].str();
      if (counts) out[verb];
    } else if (counts && line.starts_with("| `-")) {
      const std::string cell = line.substr(0, line.find(" | ", 2));
      for (std::sregex_iterator it(cell.begin(), cell.end(), option), end; it != end; ++it)
        out[verb].insert((*it)[1]);
    }
  }
  return out;
}

TEST(Docs, NameEveryVerbAndOptionAndNoOther) {
  Arguments arguments;
  EXPECT_EQ(documented(), options_of(*make_parser(arguments), ""));
}

TEST(Docs, GiveTheJsonOfEveryVerb) {
  Arguments arguments;
  const auto text = page();
  const auto shapes = text.substr(text.find("## JSON"));
  for (const auto& [verb, options] : options_of(*make_parser(arguments), "")) {
    // Groups of verbs: each of theirs has a line of its own.
    if (verb.empty() || verb == "completion" || verb == "table" || verb == "lake" ||
        verb == "source" || verb == "env" || verb == "schedule" || verb == "sensor" ||
        verb == "user" || verb == "token")
      continue;
    EXPECT_NE(shapes.find("`" + verb + "`"), std::string::npos) << verb;
  }
}

/// Up to what is the shell's: a comment, a pipe, another command, a file.
std::string own_words(std::string line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '|' || c == '>' || c == '&' || c == ';' || c == '<' ||
               (c == '#' && line[i - 1] == ' ')) {
      line.resize(i);
    }
  }
  return line;
}

/// Why the words are no command; empty: they are one. Not `whole`: what it needs may be missing.
std::string refusal(const std::string& words, bool whole) {
  Arguments arguments;
  const auto parser = make_parser(arguments);
  try {
    parser->parse(words);
  } catch (const CLI::CallForHelp&) {
  } catch (const CLI::Success&) {
  } catch (const CLI::ExtrasError& error) {
    return error.what();
  } catch (const CLI::ParseError& error) {
    if (whole) return error.what();
  }
  return {};
}

/// Those that are shown, and those that the text speaks of, which may be in part.
TEST(Docs, EveryCommandOfThePagesIsOne) {
  const std::filesystem::path root = WINDROW_SOURCE_DIR;
  std::vector<std::filesystem::path> pages = {root / "README.md"};
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  const std::regex shown(R"(^(?:\$ |.*\| )?windrow ([a-z-].*))"), told("`windrow ([a-z-][^`]*)`");
  size_t commands = 0;
  for (const auto& path : pages) {
    std::ifstream stream(path);
    bool block = false;
    size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
      ++number;
      const auto place = path.filename().string() + ":" + std::to_string(number);
      if (line.starts_with("```")) block = !block;
      std::smatch match;
      if (block && !line.ends_with("\\") && std::regex_match(line, match, shown)) {
        ++commands;
        EXPECT_EQ(refusal(own_words(match[1]), true), "") << place;
      }
      if (block) continue;
      for (std::sregex_iterator it(line.begin(), line.end(), told), end; it != end; ++it) {
        const std::string words = (*it)[1];
        if (words.find_first_of("[|") != words.npos || words.find("…") != words.npos) continue;
        ++commands;
        EXPECT_EQ(refusal(own_words(words), false), "") << place;
      }
    }
  }
  EXPECT_GT(commands, 150u);
}

TEST(Help, HasExamplesForEveryVerb) {
  Arguments arguments;
  const auto parser = make_parser(arguments);
  for (const auto* verb : parser->get_subcommands([](const CLI::App*) { return true; })) {
    EXPECT_NE(verb->get_footer().find("windrow " + verb->get_name()), std::string::npos)
        << verb->get_name();
    EXPECT_FALSE(verb->get_description().empty());
  }
}

void expect_narrow(const CLI::App& app, const std::string& path) {
  std::istringstream lines(app.help());
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(display_width(line), 80u) << "windrow" << path << " --help: " << line;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    expect_narrow(*verb, path + " " + verb->get_name());
}

TEST(Help, FitsATerminalOf80Columns) {
  Arguments arguments;
  expect_narrow(*make_parser(arguments), "");
}

TEST(Completion, EveryScriptNamesEveryVerbAndOption) {
  Arguments arguments;
  const auto options = options_of(*make_parser(arguments), "");
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell);
    for (const auto& [verb, names] : options) {
      EXPECT_NE(script.find(verb.substr(verb.rfind(' ') + 1)), std::string::npos)
          << shell << " " << verb;
      for (const auto& name : names) {
        if (!name.starts_with("--")) continue;
        const std::string needle = shell == std::string("fish") ? "-l " + name.substr(2) : name;
        EXPECT_NE(script.find(needle), std::string::npos) << shell << " " << verb << " " << name;
      }
    }
  }
}

/// What bash offers when Tab is pressed behind `words`, of which the last is begun.
std::string offered(const std::string& script, const std::string& words, int at) {
  TestFolder folder;
  std::ofstream(folder / "c.bash") << script << "COMP_WORDS=(" << words << ")\nCOMP_CWORD=" << at
                                   << "\n_windrow\nprintf '%s ' \"${COMPREPLY[@]}\"\n";
  FILE* pipe = ::popen(("bash '" + (folder / "c.bash") + "' 2>&1").c_str(), "r");
  std::string out;
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += char(c);
  ::pclose(pipe);
  return out;
}

TEST(Completion, BashOffersVerbsOptionsAndValues) {
  const auto script = completion_script("bash") + "complete() { :; }\n";
  EXPECT_EQ(offered(script, "windrow ba", 1), "backfill backfills ");
  EXPECT_EQ(offered(script, "windrow -C dir pl", 3), "plan ");
  EXPECT_EQ(offered(script, "windrow plan --re", 2), "--rebuild-sealed ");
  EXPECT_EQ(offered(script, "windrow plan --select x --no-", 4), "--no-color ");
  EXPECT_EQ(offered(script, "windrow table re", 2), "read restore ");
  EXPECT_EQ(offered(script, "windrow table diff x --fr", 4), "--from ");
  EXPECT_EQ(offered(script, "windrow query --format pa", 3), "parquet ");
  EXPECT_EQ(offered(script, "windrow completion z", 2), "zsh ");
  EXPECT_EQ(offered(script, "windrow docs maint", 2), "maintenance ");
}

}  // namespace
}  // namespace windrow::cli
