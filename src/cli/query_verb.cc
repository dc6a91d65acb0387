#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/app.h"
#include "cli/compiled_view.h"
#include "cli/json_text.h"
#include "cli/rows_out.h"
#include "cli/session.h"
#include "cli/shell.h"
#include "duck/duck.h"

namespace windrow::cli {

namespace {

std::string statement(const Arguments& a) {
  if (!a.sql.empty() && !a.sql_file.empty())
    throw Error(Code::usage, "SQL comes as an argument or from --file, not both");
  if (!a.sql.empty()) return a.sql;
  if (!a.sql_file.empty()) {
    std::ifstream stream(a.sql_file, std::ios::binary);
    if (!stream) throw system_error(errno, "read", a.sql_file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

/// The statement's line with a mark below the place.
std::string marked(const std::string& sql, size_t position) {
  const auto begin = sql.rfind('\n', position > 0 ? position - 1 : 0);
  const size_t from = begin == std::string::npos || position == 0 ? 0 : begin + 1;
  const auto end = sql.find('\n', position);
  return sql.substr(from, end == std::string::npos ? std::string::npos : end - from) + "\n" +
         std::string(display_width(sql.substr(from, position - from)), ' ') + "^";
}

/// Does `work` with one statement, whose tables are open; an error in it shows the line.
template <typename F>
void with_statement(app::Query& query, std::string sql, F&& work) {
  while (!sql.empty() &&
         (std::isspace(static_cast<unsigned char>(sql.back())) || sql.back() == ';'))
    sql.pop_back();
  if (sql.empty()) throw Error(Code::usage, "there is no SQL", "windrow query 'SELECT …'");
  try {
    query.prepare(sql);
    work(sql);
  } catch (const SqlError& error) {
    Problem problem = query.explained(error);
    if (error.position() && *error.position() <= sql.size())
      problem.message += "\n" + marked(sql, *error.position());
    if (error.kind() == "Parser" || error.kind() == "Binder" || error.kind() == "Catalog")
      problem.code = Code::usage;
    throw Error(std::move(problem));
  }
}

void explain(Session& session, app::App& app, app::Query& query, const std::string& sql) {
  with_statement(query, sql, [&](const std::string& select) {
    query.connection().describe(select);
    const auto tables = app.files_read(query.connection(), select);
    if (session.out.json()) return session.out.write(dumped(json_of(tables)));
    TextTable table({"table", "files read", "files there"}, {1, 2});
    for (const auto& one : tables)
      table.add({one.table, count_text(int64_t(one.read)), count_text(int64_t(one.there))});
    session.out.table(table);
  });
}

}  // namespace

void answer(Session& session, app::Query& query, const std::string& sql) {
  with_statement(query, sql, [&](const std::string& select) {
    query.connection().describe(select);
    put_rows(session, query.connection(), select);
  });
}

int query_verb(Session& session) {
  const auto& a = session.arguments;
  if (!a.compiled.empty()) return show_compiled(session);
  if (!a.start.empty() || !a.end.empty())
    throw Error(Code::usage, "--start and --end belong to --compiled");
  const auto app = open_app(session);
  app::QueryOptions options;
  options.allow_writes = a.allow_writes;
  for (const auto& text : a.versions) {
    const auto [table, number] = pair_argument(text, "--version", "TABLE=N");
    const auto [end, failure] =
        std::from_chars(number.data(), number.data() + number.size(), options.version_of[table]);
    if (failure != std::errc() || end != number.data() + number.size()) {
      throw Error(Code::usage, "--version takes TABLE=N, but \"" + text + "\" is none");
    }
  }
  if (!a.at.empty()) options.at = time_argument(a.at, "--at", app->workspace()->project.zone);
  if (a.sql.empty() && a.sql_file.empty() && ::isatty(STDIN_FILENO) != 0) {
    return run_shell(session, *app, options);
  }
  const auto query = app->query(options);
  if (a.explain) {
    explain(session, *app, *query, statement(a));
  } else {
    answer(session, *query, statement(a));
  }
  return kDone;
}

}  // namespace windrow::cli
