#include "cli/command_line.h"

#include <map>

#include "app/app.h"
#include "base/clock.h"
#include "base/secret_text.h"
#include "cli/parser.h"

extern char** environ;  // NOLINT: the only way to all of it

namespace windrow::cli {

namespace {

using Verb = int (*)(Session&);

const std::map<std::string, Verb>& verbs() {
  static const std::map<std::string, Verb> all{{"init", init_verb},
                                               {"check", check_verb},
                                               {"plan", plan_verb},
                                               {"run", run_verb},
                                               {"backfill", backfill_verb},
                                               {"test", test_verb},
                                               {"query", query_verb},
                                               {"table", table_verb},
                                               {"ls", ls_verb},
                                               {"lineage", lineage_verb},
                                               {"runs", runs_verb},
                                               {"retry", retry_verb},
                                               {"schema", schema_verb},
                                               {"health", health_verb},
                                               {"completion", completion_verb},
                                               {"version", version_verb},
                                               {"lake", lake_verb},
                                               {"publish", publish_verb},
                                               {"ingest", ingest_verb},
                                               {"generate", generate_verb},
                                               {"source", source_verb},
                                               {"erase", erase_verb},
                                               {"docs", docs_verb},
                                               {"fmt", fmt_verb},
                                               {"env", env_verb},
                                               {"lsp", lsp_verb},
                                               {"why", why_verb},
                                               {"serve", serve_verb},
                                               {"user", user_verb},
                                               {"token", token_verb},
                                               {"schedule", schedule_verb},
                                               {"cancel", cancel_verb},
                                               {"logs", logs_verb},
                                               {"backfills", backfills_verb},
                                               {"sensor", sensor_verb}};
  return all;
}

/// One broken thing that is not the command line or the project makes it a failure; a request to
/// stop is neither.
int exit_code(const Error& error) {
  int out = kWrongUse;
  for (const auto& problem : error.problems()) {
    if (problem.code == Code::canceled) return kStopped;
    if (problem.code != Code::usage && problem.code != Code::configuration) out = kFailed;
  }
  return out;
}

/// As a shell would take it back.
std::string typed(const std::vector<std::string>& words) {
  std::string out = "windrow";
  for (const auto& word : words) {
    const bool plain =
        !word.empty() && word.find_first_of(" \t\n'\"$\\*?;|&<>(){}`") == std::string::npos;
    std::string escaped;
    for (const char c : word) escaped += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out += plain ? " " + word : " '" + escaped + "'";
  }
  return out;
}

int run_verb_of(Session& session) {
  try {
    const int result = verbs().at(session.arguments.verb)(session);
    session.out.finish();
    return result;
  } catch (const OutputClosed&) {
    return kDone;
  } catch (const Error& error) {
    session.out.error(error);
    return exit_code(error);
  } catch (const std::exception& error) {
    session.out.error(Error(Code::internal, error.what(),
                            "this is a bug: please report it with the command that led here"));
    return kFailed;
  }
}

}  // namespace

Time time_argument(const std::string& text, const std::string& option, const std::string& zone) {
  const auto t = parse_time(text, zone);
  if (!t) {
    throw Error(Code::usage, option + " takes a time, but \"" + text + "\" is none",
                "write 2025-10-17, 2025-10-17T14:00 or 2025-10-17T14:00:00Z");
  }
  return *t;
}

Time time_in_project(Session& session, const std::string& text, const std::string& option) {
  const Time utc = time_argument(text, option);
  // It says its offset where it is the same moment in another zone.
  if (parse_time(text, "Etc/GMT-14") == utc) return utc;
  try {
    project::find_root(session.arguments.folder);
  } catch (const Error&) {
    return utc;
  }
  return time_argument(text, option, open_app(session)->workspace()->project.zone);
}

std::pair<std::string, std::string> pair_argument(const std::string& text,
                                                  const std::string& option,
                                                  const std::string& form) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(Code::usage, option + " takes " + form + ", but \"" + text + "\" is none");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : " ") + part;
  return out;
}

app::Options options_of(Session& session) {
  app::Options options;
  const auto& a = session.arguments;
  options.folder = a.folder;
  options.environment = a.environment;
  options.defer = a.defer;
  for (const auto& text : a.variables) {
    const auto [name, value] = pair_argument(text, "--var", "NAME=VALUE");
    if (names_secret(name)) session.secrets.learn(value);
    options.variables.insert_or_assign(name, value);
  }
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    if (const auto equals = text.find('='); equals != std::string_view::npos) {
      options.process_environment[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  return options;
}

std::string project_root(const Session& session) {
  return project::find_root(session.arguments.folder);
}

std::unique_ptr<app::App> open_app(Session& session) {
  return session.open(options_of(session), session.secrets, session.clock);
}

int run_command_line(const std::vector<std::string>& words, Interrupts& interrupts,
                     const OpenApp& open) {
  Arguments arguments;
  Secrets secrets;
  const auto parser = make_parser(arguments);
  std::optional<Problem> problem;
  std::string help;
  try {
    parser->parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForVersion& version) {
    help = std::string(version.what()) + "\n";
  } catch (const CLI::CallForHelp&) {
    help = parser->help();
  } catch (const CLI::ParseError& error) {
    problem = usage_problem(error, *parser);
  }
  const Out out(secrets, {arguments.json, !arguments.no_color, arguments.quiet, arguments.verbose});
  if (problem) {
    out.error(Error(*problem));
    return kWrongUse;
  }
  auto chosen = parser->get_subcommands();
  if (help.empty() && chosen.empty()) help = parser->help();
  std::optional<Time> now;
  if (help.empty() && !arguments.now.empty()) {
    try {
      now = time_argument(arguments.now, "--now");
    } catch (const Error& error) {
      out.error(error);
      return kWrongUse;
    }
  }
  const auto clock = system_clock(now);
  Session session{arguments, out, secrets, *clock, interrupts, typed(words), open};
  if (!help.empty()) {
    try {
      out.write(help);
      out.finish();
    } catch (const OutputClosed&) {
    } catch (const Error& error) {
      out.error(error);
      return kFailed;
    }
    return kDone;
  }
  arguments.verb = chosen[0]->get_name();
  const auto inner = chosen[0]->get_subcommands();
  if (!inner.empty()) arguments.sub_verb = inner[0]->get_name();
  if (now && (arguments.verb == "table" || arguments.verb == "lake")) {
    out.error(Error(
        Code::usage,
        "--now is not for `" + arguments.verb + "`: what it removes it removes by the real time",
        "leave --now out; --dry-run looks first"));
    return kWrongUse;
  }
  return run_verb_of(session);
}

}  // namespace windrow::cli
