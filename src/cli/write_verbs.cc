#include "cli/write_verbs.h"

#include <fmt/format.h>

#include <array>

#include "base/clock.h"
#include "cli/json_text.h"
#include "cli/text.h"
#include "duck/duck.h"
#include "lake/alter.h"

namespace windrow::cli {

namespace {

constexpr std::array kVerbs = {"write", "delete", "update", "merge", "alter"};

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1));
}

/// Where `letter` first stands outside of quotes and brackets, from `begin` on.
size_t outside(std::string_view text, char letter, size_t begin = 0) {
  int depth = 0;
  char quote = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (depth == 0 && c == letter) {
      return i;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string_view::npos;
}

std::string unquoted(std::string name) {
  if (name.size() > 1 && name.front() == '"' && name.back() == '"')
    name = name.substr(1, name.size() - 2);
  return name;
}

/// `a = x, b = y`
std::vector<lake::Assignment> assignments(std::string_view text) {
  std::vector<lake::Assignment> out;
  while (!trimmed(text).empty()) {
    const size_t end = std::min(outside(text, ','), text.size());
    const std::string_view one = text.substr(0, end);
    const size_t equals = outside(one, '=');
    if (equals == std::string_view::npos) {
      throw Error(Code::usage, fmt::format("\"{}\" sets nothing", trimmed(one)),
                  "write it as COLUMN = EXPRESSION");
    }
    out.push_back({unquoted(trimmed(one.substr(0, equals))), trimmed(one.substr(equals + 1))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// The two sides of `left<letter>right`.
std::pair<std::string, std::string> sides(const std::string& text, char letter,
                                          const std::string& option, const std::string& form) {
  const size_t at = outside(text, letter);
  if (at == std::string::npos || trimmed(text.substr(0, at)).empty() ||
      trimmed(text.substr(at + 1)).empty())
    throw Error(Code::usage, fmt::format("{} \"{}\" is not {}", option, text, form));
  return {trimmed(text.substr(0, at)), trimmed(text.substr(at + 1))};
}

/// `name TYPE`
std::pair<std::string, std::string> column_and_type(const std::string& text,
                                                    const std::string& option) {
  const auto [name, type] = sides(trimmed(text), ' ', option, "COLUMN TYPE");
  return {name, type};
}

std::vector<lake::Alteration> alterations(const Arguments& a) {
  std::vector<lake::Alteration> out;
  for (const auto& text : a.drop_checks) out.push_back(lake::DropConstraint{text});
  for (const auto& text : a.renames) {
    const auto [from, to] = sides(text, '=', "--rename", "OLD=NEW");
    out.push_back(lake::RenameColumn{from, unquoted(to)});
  }
  for (const auto& text : a.drops) out.push_back(lake::DropColumn{text});
  for (const auto& text : a.adds) {
    const auto [name, type] = column_and_type(text, "--add");
    out.push_back(lake::AddColumn{name, type});
  }
  for (const auto& text : a.widens) {
    const auto [name, type] = column_and_type(text, "--widen");
    out.push_back(lake::WidenColumn{name, type});
  }
  for (const auto& text : a.not_null) out.push_back(lake::SetNotNull{text, true});
  for (const auto& text : a.nullable) out.push_back(lake::SetNotNull{text, false});
  for (const auto& text : a.checks) {
    const auto [name, expression] = sides(text, '=', "--check", "NAME=EXPRESSION");
    out.push_back(lake::AddConstraint{name, expression});
  }
  for (const auto& text : a.properties) {
    const size_t at = text.find('=');
    if (at == std::string::npos)
      throw Error(Code::usage, fmt::format("--set \"{}\" is not KEY=VALUE", text));
    out.push_back(lake::SetProperty{text.substr(0, at), text.substr(at + 1)});
  }
  for (const auto& text : a.unset) out.push_back(lake::SetProperty{text, {}});
  if (out.empty())
    throw Error(Code::usage, "there is nothing to alter", "see windrow table alter --help");
  return out;
}

/// One change by hand: stage it over the latest version, commit, and where another writer was in
/// the way once more.
class Write {
 public:
  Write(Session& session, storage::FileSystem& files, const std::string& path)
      : session_(session),
        files_(files),
        path_(path),
        table_(files, path),
        stop_(connection_.stop_on(session.interrupts.cancel())) {
    lake::attach(database_, files);
  }

  int run() {
    constexpr int kAttemptsMax = 10;
    for (int attempt = 1;; ++attempt) {
      std::optional<lake::Snapshot> current;
      if (table_.exists()) current = table_.snapshot({}, &connection_);
      const lake::StageContext context{rows_,
                                       files_,
                                       path_,
                                       session_.arguments.uri,
                                       current,
                                       partition_by(current),
                                       true,
                                       false,
                                       session_.clock.now(),
                                       {}};
      lake::Staged staged = stage(context);
      if (current && staged.adds.empty() && staged.removes.empty()) {
        lake::discard(files_, staged);
        return say(current->version, staged, true);
      }
      const lake::Staged kept = staged;
      const auto outcome = table_.commit(lake::request_of(std::move(staged), {}), session_.clock);
      if (std::holds_alternative<lake::Conflicted>(outcome)) {
        lake::discard(files_, kept);
        if (attempt < kAttemptsMax) continue;
      }
      return say(lake::committed_version(outcome, path_), kept, false);
    }
  }

  int alter() {
    const int64_t version =
        lake::alter(files_, path_, connection_, alterations(session_.arguments), session_.clock);
    session_.out.write(session_.out.json() ? dumped({{"version", version}})
                                           : fmt::format("version {}\n", version));
    return kDone;
  }

 private:
  std::vector<std::string> partition_by(const std::optional<lake::Snapshot>& current) const {
    if (current) return current->metadata.partition_columns;
    return session_.arguments.partition_by;
  }

  std::string select() const {
    const auto& a = session_.arguments;
    std::string sql = a.sql_file.empty() ? a.sql : files_.read(a.sql_file);
    while (!sql.empty() && std::string_view("; \t\r\n").find(sql.back()) != std::string_view::npos)
      sql.pop_back();
    if (sql.empty())
      throw Error(Code::usage, "there is no SELECT", "give it as text or with --file");
    return sql;
  }

  lake::Staged stage(const lake::StageContext& context) {
    const auto& a = session_.arguments;
    const std::string& verb = a.sub_verb;
    if (verb == "delete") return lake::stage_delete(context, a.where);
    if (verb == "update") {
      std::vector<lake::Assignment> set;
      for (const auto& text : a.sets) {
        for (auto& each : assignments(text)) set.push_back(std::move(each));
      }
      return lake::stage_update(context, set, a.where);
    }
    if (verb == "merge") {
      std::vector<lake::MergeClause> clauses;
      for (const auto& text : a.whens) clauses.push_back(merge_clause(text));
      if (clauses.empty())
        clauses = {merge_clause("matched: update"), merge_clause("not-matched: insert")};
      return lake::stage_merge_clauses(context, select(), {}, a.on, clauses);
    }
    if (a.mode == "overwrite") return lake::stage_replace(context, select(), {});
    if (a.mode == "partitions") return lake::stage_replace_partitions(context, select(), {});
    if (a.mode == "where") {
      if (a.where.empty()) throw Error(Code::usage, "--mode where needs --where");
      return lake::stage_replace_where(context, select(), {}, a.where);
    }
    return lake::stage_append(context, select(), {});
  }

  int say(int64_t version, const lake::Staged& staged, bool nothing) {
    Json metrics = Json::object();
    for (const auto& [name, value] : staged.metrics) metrics[name] = value;
    if (session_.out.json()) {
      session_.out.write(
          dumped({{"version", version}, {"rows", staged.rows_changed}, {"metrics", metrics}}));
    } else {
      session_.out.write(nothing ? fmt::format("nothing to do: version {} stays\n", version)
                                 : fmt::format("version {}: {} changed, {} added, {} removed\n",
                                               version, counted(staged.rows_changed, "row"),
                                               counted(int64_t(staged.adds.size()), "file"),
                                               counted(int64_t(staged.removes.size()), "file")));
    }
    return kDone;
  }

  Session& session_;
  storage::FileSystem& files_;
  const std::string& path_;
  lake::Table table_;
  duck::Database database_{duck::Options{}};
  duck::Connection connection_{database_};
  lake::DuckRows rows_{connection_};
  Cancel::Registration stop_;
};

}  // namespace

lake::MergeClause merge_clause(const std::string& text) {
  using Clause = lake::MergeClause;
  const auto bad = [&]() {
    return Error(Code::usage, fmt::format("--when \"{}\" is not a clause", text),
                 "write it as KIND [if CONDITION]: ACTION, KIND matched, not-matched or "
                 "not-matched-by-source, ACTION update [a = x, …], delete or insert [a = x, …]");
  };
  const size_t colon = outside(text, ':');
  if (colon == std::string::npos) throw bad();
  const std::string head = trimmed(text.substr(0, colon)), action = trimmed(text.substr(colon + 1));
  Clause out{};
  const size_t blank = std::min(head.find(' '), head.size());
  const std::string kind = head.substr(0, blank);
  if (kind == "matched") {
    out.when = Clause::When::matched;
  } else if (kind == "not-matched") {
    out.when = Clause::When::not_matched;
  } else if (kind == "not-matched-by-source") {
    out.when = Clause::When::not_matched_by_source;
  } else {
    throw bad();
  }
  const std::string condition = trimmed(head.substr(blank));
  if (!condition.empty()) {
    if (!condition.starts_with("if ")) throw bad();
    out.condition = trimmed(condition.substr(3));
  }
  const size_t word = std::min(action.find(' '), action.size());
  const std::string what = action.substr(0, word);
  out.set = assignments(action.substr(word));
  if (what == "update") {
    out.then = Clause::Then::update;
  } else if (what == "insert") {
    out.then = Clause::Then::insert;
  } else if (what == "delete" && out.set.empty()) {
    out.then = Clause::Then::remove;
  } else {
    throw bad();
  }
  return out;
}

bool is_writing(const std::string& verb) {
  return std::find(kVerbs.begin(), kVerbs.end(), verb) != kVerbs.end();
}

int write_table(Session& session, storage::FileSystem& files, const std::string& path) {
  Write write(session, files, path);
  return session.arguments.sub_verb == "alter" ? write.alter() : write.run();
}

}  // namespace windrow::cli
