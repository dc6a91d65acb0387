#include <CLI/CLI.hpp>

#include "cli/command_line.h"

// Completion scripts are made from the same tree of verbs and options that parses the command line.
namespace windrow::cli {

namespace {

std::string options_of(const CLI::App& app) {
  std::string out;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) out += (out.empty() ? "--" : " --") + name;
  }
  return out;
}

std::string verbs_of(const CLI::App& app) {
  std::string out;
  for (const auto* verb : app.get_subcommands({}))
    out += (out.empty() ? "" : " ") + verb->get_name();
  return out;
}

std::string bash(const CLI::App& app) {
  std::string out =
      "_windrow() {\n  local word=${COMP_WORDS[COMP_CWORD]} verb= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n    case ${COMP_WORDS[i]} in\n      "
      "-C|--directory|--env|--defer|--var) ((i++)) ;;\n"
      "      -*) ;;\n      *) verb=${COMP_WORDS[i]}; break ;;\n    esac\n  done\n  local words\n  "
      "case $verb in\n"
      "    '') words='" +
      verbs_of(app) + " " + options_of(app) + "' ;;\n";
  for (const auto* verb : app.get_subcommands({})) {
    out += "    " + verb->get_name() + ") words='" + verbs_of(*verb) + " " + options_of(*verb) +
           "' ;;\n";
  }
  return out +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -o default -F "
         "_windrow windrow\n";
}

std::string zsh(const CLI::App& app) {
  return "#compdef windrow\nautoload -U +X bashcompinit && bashcompinit\n" + bash(app);
}

std::string fish(const CLI::App& app) {
  const auto quoted = [](std::string text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("\\'") : std::string(1, c);
    return out + "'";
  };
  std::string out;
  for (const auto* verb : app.get_subcommands({})) {
    out += "complete -c windrow -n __fish_use_subcommand -f -a " + verb->get_name() + " -d " +
           quoted(verb->get_description()) + "\n";
    for (const auto* option : verb->get_options()) {
      for (const auto& name : option->get_lnames()) {
        out += "complete -c windrow -n '__fish_seen_subcommand_from " + verb->get_name() + "' -l " +
               name + " -d " + quoted(option->get_description()) + "\n";
      }
    }
  }
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames())
      out += "complete -c windrow -l " + name + " -d " + quoted(option->get_description()) + "\n";
  }
  return out;
}

}  // namespace

int completion_verb(Session& session) {
  Arguments ignored;
  const auto parser = make_parser(ignored);
  const auto& shell = session.arguments.shell;
  session.out.write(shell == "bash"  ? bash(*parser)
                    : shell == "zsh" ? zsh(*parser)
                                     : fish(*parser));
  return kDone;
}

}  // namespace windrow::cli
