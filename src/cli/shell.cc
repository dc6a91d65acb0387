#include "cli/shell.h"

#include <editline/readline.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "duck/duck.h"
#include "storage/private_file.h"

namespace windrow::cli {

namespace {

// libedit asks through plain functions, so what they need lives here while a shell runs.
std::vector<std::string> words;   // NOLINT: that can be completed
int interruptions[2] = {-1, -1};  // NOLINT: a pipe that Ctrl-C writes into
bool dropped = false;             // NOLINT: the line that was just returned

char* next_word(const char* text, int state) {
  static size_t at;
  if (state == 0) at = 0;
  const std::string_view begun(text);
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  while (at < words.size()) {
    const auto& word = words[at++];
    if (word.size() >= begun.size() && std::equal(begun.begin(), begun.end(), word.begin(), same)) {
      return ::strdup(word.c_str());
    }
  }
  return nullptr;
}

char** complete(const char* text, int, int) {
  rl_attempted_completion_over = 1;  // no names of files
  return rl_completion_matches(text, next_word);
}

/// A byte of the terminal; -1 at its end; -2 after Ctrl-C.
int next_byte() {
  pollfd waiting[2] = {{STDIN_FILENO, POLLIN, 0}, {interruptions[0], POLLIN, 0}};
  for (;;) {
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return -1;
    if (waiting[1].revents) {
      char ignored[64];
      [[maybe_unused]] const auto got = ::read(interruptions[0], ignored, sizeof ignored);
      return -2;
    }
    if (!waiting[0].revents) continue;
    unsigned char byte = 0;
    const auto got = ::read(STDIN_FILENO, &byte, 1);
    if (got == 1) return byte;
    if (got == 0 || errno != EINTR) return -1;
  }
}

/// A character of the terminal, decoded: libedit takes it as a wide one. Ctrl-C ends the line.
int next_character(FILE*) {
  int byte = next_byte();
  if (byte == -2) {
    dropped = true;
    return '\n';
  }
  if (byte < 0x80) return byte;
  const int more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
  int character = byte & (0x3f >> more);
  for (int i = 0; i < more; ++i) {
    byte = next_byte();
    if (byte < 0) return '?';
    character = character << 6 | (byte & 0x3f);
  }
  return character;
}

/// Columns are those of the tables that a statement has named so far: no other is open.
std::vector<std::string> known_words(app::Query& query) {
  std::vector<std::string> out{".help", ".tables", ".version-at", ".quit"};
  for (auto& name : query.tables()) out.push_back(std::move(name));
  const auto rows = query.connection().query(
      "SELECT DISTINCT w FROM ("
      "SELECT column_name AS w FROM duckdb_columns() WHERE NOT internal "
      "UNION ALL SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = "
      "'reserved') ORDER BY w");
  for (const auto& row : rows.rows) out.push_back(cell_text(row[0]));
  return out;
}

std::string history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  const std::string folder =
      state && *state ? std::string(state) : std::string(home ? home : ".") + "/.local/state";
  storage::make_private_folder(folder + "/windrow");
  return folder + "/windrow/query_history";
}

constexpr const char* kHelp =
    "SQL ends with ;  Tab completes tables, columns and keywords\n"
    "  .tables              the tables of the lake\n"
    "  .version-at TIME     read all tables as they were at a time; without one, as they are now\n"
    "  .help                this\n"
    "  .quit                leave (so does Ctrl-D); Ctrl-C drops a line or stops a statement\n";

class Shell {
 public:
  Shell(Session& session, app::App& app, const app::QueryOptions& options)
      : session_(session), app_(app), options_(options), query_(app.query(options)) {
    words = known_words(*query_);
  }

  void run() {
    const Interrupts::Handler handler(session_.interrupts, [this] { interrupted(); });
    const auto stop = session_.interrupts.cancel().on_request([this] { interrupted(); });
    std::string statement;
    while (!session_.interrupts.cancel().requested()) {
      dropped = false;
      char* read = readline(statement.empty() ? "windrow> " : "    ...> ");
      if (!read) break;
      const std::string line = read;
      std::free(read);
      if (dropped) {
        statement.clear();
      } else if (statement.empty() && line.starts_with(".")) {
        add_history(line.c_str());
        if (!command(line)) return;
      } else {
        statement += (statement.empty() ? "" : "\n") + line;
        if (statement.find_first_not_of(" \t\n") == std::string::npos) statement.clear();
        if (statement_ends(statement)) run_statement(std::exchange(statement, ""));
      }
      std::fflush(stdout);
    }
    session_.out.write("\n");
  }

 private:
  /// From the thread of the signals.
  void interrupted() {
    std::lock_guard lock(mutex_);
    if (running_) return query_->connection().interrupt();
    [[maybe_unused]] const auto wrote = ::write(interruptions[1], "x", 1);
  }

  void running(bool is) {
    std::lock_guard lock(mutex_);
    running_ = is;
  }

  void run_statement(const std::string& statement) {
    add_history(statement.c_str());
    guarded([&] {
      running(true);
      answer(session_, *query_, statement);
    });
    running(false);
    guarded([&] { words = known_words(*query_); });
  }

  template <typename F>
  void guarded(F&& work) {
    try {
      work();
    } catch (const Error& error) {
      session_.out.error(error);
    }
  }

  /// False where it is time to leave.
  bool command(const std::string& line) {
    const auto blank = line.find(' ');
    const auto name = line.substr(0, blank);
    if (name == ".quit" || name == ".exit") return false;
    guarded([&] {
      if (name == ".tables") {
        for (const auto& name : query_->tables()) session_.out.print(name);
      } else if (name == ".version-at") {
        version_at(blank == std::string::npos ? ""
                                              : line.substr(line.find_first_not_of(' ', blank)));
      } else if (name == ".help") {
        session_.out.write(kHelp);
      } else {
        throw Error(Code::usage, "there is no command \"" + name + "\"", ".help names them");
      }
    });
    return true;
  }

  void version_at(const std::string& text) {
    std::optional<Time> at;
    if (!text.empty()) at = time_argument(text, ".version-at", app_.workspace()->project.zone);
    auto options = options_;
    options.version_of.clear();
    options.at = at;
    auto query = app_.query(options);
    words = known_words(*query);
    std::lock_guard lock(mutex_);
    query_ = std::move(query);
    session_.out.print(at ? "tables as they were at " + iso(*at) : "tables as they are now");
  }

  Session& session_;
  app::App& app_;
  const app::QueryOptions options_;
  std::unique_ptr<app::Query> query_;
  std::mutex mutex_;
  bool running_ = false;
};

}  // namespace

bool statement_ends(std::string_view sql) {
  bool ended = false;
  for (size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (c == '\'' || c == '"') {
      const auto close = sql.find(c, i + 1);
      if (close == std::string_view::npos) return false;
      i = close;
      ended = false;
    } else if (sql.substr(i, 2) == "--") {
      i = std::min(sql.find('\n', i), sql.size());
    } else if (sql.substr(i, 2) == "/*") {
      const auto close = sql.find("*/", i + 2);
      if (close == std::string_view::npos) return false;
      i = close + 1;
    } else if (c == ';') {
      ended = true;
    } else if (!std::isspace(static_cast<unsigned char>(c))) {
      ended = false;
    }
  }
  return ended;
}

int run_shell(Session& session, app::App& app, const app::QueryOptions& options) {
  if (::pipe(interruptions) != 0) throw system_error(errno, "make", "a pipe");
  std::setlocale(LC_CTYPE, "C.UTF-8");  // before libedit begins: it asks what can be printed
  rl_readline_name = const_cast<char*>("windrow");
  rl_attempted_completion_function = complete;
  rl_getc_function = next_character;
  const auto file = history_file();
  using_history();
  read_history(file.c_str());
  stifle_history(1000);
  session.out.print(app.workspace()->project.name +
                    ": SQL over the lake; .help helps, .quit leaves");
  Shell(session, app, options).run();
  write_history(file.c_str());
  words.clear();
  ::close(interruptions[0]);
  ::close(interruptions[1]);
  return kDone;
}

}  // namespace windrow::cli
