#include "cli/shell.h"

#include <editline/readline.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace windrow::cli {

namespace {

/// Words that can be completed. libedit asks through a plain function, so they live here while the
/// shell runs.
std::vector<std::string> words;  // NOLINT: the only way into libedit's callback

char* next_word(const char* text, int state) {
  static size_t at;
  if (state == 0) at = 0;
  const std::string_view begun(text);
  for (; at < words.size(); ++at) {
    if (words[at].size() >= begun.size() &&
        std::equal(begun.begin(), begun.end(), words[at].begin(),
                   [](char a, char b) { return std::tolower(a) == std::tolower(b); })) {
      return ::strdup(words[at++].c_str());
    }
  }
  return nullptr;
}

char** complete(const char* text, int, int) { return rl_completion_matches(text, next_word); }

std::vector<std::string> known_words(duck::Connection& connection) {
  std::vector<std::string> out;
  for (const auto& row :
       connection
           .query("SELECT DISTINCT w FROM (SELECT schema_name || '.' || view_name AS w FROM "
                  "duckdb_views() WHERE NOT internal "
                  "UNION ALL SELECT column_name FROM duckdb_columns() WHERE NOT internal "
                  "UNION ALL SELECT upper(keyword_name) FROM duckdb_keywords() WHERE "
                  "keyword_category = 'reserved') ORDER BY w")
           .rows) {
    out.push_back(duck::text_of(row[0]));
  }
  return out;
}

std::string history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  const std::string folder =
      state && *state ? std::string(state) : std::string(home ? home : ".") + "/.local/state";
  std::error_code ignored;
  std::filesystem::create_directories(folder + "/windrow", ignored);
  return folder + "/windrow/history";
}

bool command(Session& session, duck::Connection& connection, const std::string& line) {
  if (line == ".quit" || line == ".exit") return false;
  if (line == ".tables") {
    for (const auto& row : connection
                               .query("SELECT schema_name || '.' || view_name FROM duckdb_views() "
                                      "WHERE NOT internal ORDER BY 1")
                               .rows) {
      session.out.print(duck::text_of(row[0]));
    }
  } else {
    session.out.print(
        "SQL ends with ;\n  .tables   the tables of the lake\n  .quit     leave (so does Ctrl-D)");
  }
  return true;
}

}  // namespace

int run_shell(Session& session, app::App& app, duck::Connection& connection) {
  words = known_words(connection);
  rl_readline_name = const_cast<char*>("windrow");
  rl_attempted_completion_function = complete;
  const auto file = history_file();
  using_history();
  read_history(file.c_str());
  session.out.print(app.project().name + ": SQL over the lake; .help helps, .quit leaves");
  std::string statement;
  while (char* read = readline(statement.empty() ? "windrow> " : "    ...> ")) {
    const std::string line = read;
    std::free(read);
    if (statement.empty() && line.starts_with(".")) {
      if (!command(session, connection, line)) break;
      continue;
    }
    statement += (statement.empty() ? "" : "\n") + line;
    const auto end = statement.find_last_not_of(" \t\n");
    if (end == std::string::npos) {
      statement.clear();
      continue;
    }
    if (statement[end] != ';') continue;
    add_history(statement.c_str());
    try {
      answer(session, connection, statement);
    } catch (const Error& error) {
      session.out.error(error);
      if (session.cancel.requested()) break;
    }
    std::fflush(stdout);
    statement.clear();
  }
  write_history(file.c_str());
  words.clear();
  return kDone;
}

}  // namespace windrow::cli
