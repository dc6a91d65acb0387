#include "cli/completion.h"

#include "cli/doc_pages.h"
#include "cli/parser.h"

namespace windrow::cli {

namespace {

std::vector<const CLI::App*> verbs_below(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string words_of(const CLI::App& app) {
  std::string out;
  for (const auto* verb : verbs_below(app)) out += verb->get_name() + " ";
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) out += "--" + name + " ";
  }
  if (!out.empty()) out.pop_back();
  return out;
}

/// Options that take a value, as a pattern of `case`.
std::string valued(const CLI::App& app) {
  std::string out;
  for (const auto* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;
    for (const auto& name : option->get_lnames()) out += (out.empty() ? "--" : "|--") + name;
    for (const auto& name : option->get_snames()) out += (out.empty() ? "-" : "|-") + name;
  }
  return out;
}

/// `verb` and `verb_sub` → its words; the global options are offered everywhere.
std::string cases(const CLI::App& app, const std::string& global) {
  std::string out;
  for (const auto* verb : verbs_below(app)) {
    out += "    " + verb->get_name() + ") words='" + words_of(*verb) + " " + global + "' ;;\n";
    for (const auto* inner : verbs_below(*verb)) {
      out += "    '" + verb->get_name() + " " + inner->get_name() + "') words='" +
             words_of(*inner) + " " + global + "' ;;\n";
    }
  }
  return out;
}

std::string global_options(const CLI::App& app) {
  std::string out;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      if (name != "version" && name != "help") out += (out.empty() ? "--" : " --") + name;
    }
  }
  return out;
}

std::string topics() {
  std::string out;
  for (const auto& page : doc_pages()) out += (out.empty() ? "" : " ") + std::string(page.topic);
  return out;
}

std::string bash(const CLI::App& app) {
  std::string parents;
  for (const auto* verb : verbs_below(app)) {
    if (!verbs_below(*verb).empty()) parents += (parents.empty() ? "" : "|") + verb->get_name();
  }
  std::string fixed;  // values that are known
  for (const auto& [names, values] : std::vector<std::pair<std::string, std::string>>{
           {"--format", "table csv json parquet text mermaid graphviz"}}) {
    fixed +=
        "    " + names + ") COMPREPLY=($(compgen -W '" + values + "' -- \"$word\")); return ;;\n";
  }
  return "# bash completion of windrow\n_windrow() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb='' "
         "words='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n    case ${COMP_WORDS[i]} in\n      " +
         valued(app) +
         ") ((i++)) ;;\n      -*) ;;\n      *)\n        if [[ -z $verb ]]; then "
         "verb=${COMP_WORDS[i]}\n"
         "        else case $verb in " +
         parents +
         ") verb+=\" ${COMP_WORDS[i]}\" ;; esac; fi ;;\n    esac\n  done\n"
         "  case $before in\n" +
         fixed +
         "    --out|-o|--file|-f|--write|-C|--directory) COMPREPLY=($(compgen -f -- \"$word\")); "
         "return ;;\n  esac\n"
         "  case $verb in\n    '') words='" +
         words_of(app) + "' ;;\n" + cases(app, global_options(app)) +
         "  esac\n  case $verb in\n    completion) [[ $word == -* ]] || words='bash zsh fish' ;;\n"
         "    docs) [[ $word == -* ]] || words='" +
         topics() +
         "' ;;\n"
         "    schema) [[ $word == -* ]] || words=\"$(windrow schema 2>/dev/null)\" ;;\n"
         "    init) [[ $word == -* ]] || words=\"$(windrow init --list 2>/dev/null | awk 'NR > 1 "
         "{print $1}')\" ;;\n"
         "    'table '*) [[ $word == -* ]] || { COMPREPLY=($(compgen -d -- \"$word\")); return; } "
         ";;\n  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -o filenames -o default "
         "-F _windrow windrow\n";
}

std::string zsh(const CLI::App& app) {
  return "#compdef windrow\nautoload -U +X compinit && compinit\nautoload -U +X bashcompinit && "
         "bashcompinit\n" +
         bash(app);
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

std::string fish_options(const CLI::App& app, const std::string& condition) {
  std::string out;
  for (const auto* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    out += "complete -c windrow" + condition + " -l " + option->get_lnames()[0];
    for (const auto& name : option->get_snames()) out += " -s " + name;
    if (option->get_items_expected_max() > 0) out += " -r";
    out += " -d " + quoted(option->get_description()) + "\n";
  }
  return out;
}

std::string fish(const CLI::App& app) {
  std::string out = "# fish completion of windrow\n" + fish_options(app, "");
  for (const auto* verb : verbs_below(app)) {
    const auto& name = verb->get_name();
    out += "complete -c windrow -n __fish_use_subcommand -f -a " + name + " -d " +
           quoted(verb->get_description()) + "\n";
    const std::string condition = " -n '__fish_seen_subcommand_from " + name + "'";
    out += fish_options(*verb, condition);
    for (const auto* inner : verbs_below(*verb)) {
      out += "complete -c windrow" + condition + " -f -a " + inner->get_name() + " -d " +
             quoted(inner->get_description()) + "\n";
      out += fish_options(*inner, " -n '__fish_seen_subcommand_from " + inner->get_name() + "'");
    }
  }
  return out +
         "complete -c windrow -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n"
         "complete -c windrow -n '__fish_seen_subcommand_from docs' -f -a '" +
         topics() + "'\n";
}

}  // namespace

std::string completion_script(const std::string& shell) {
  Arguments ignored;
  const auto parser = make_parser(ignored);
  return shell == "bash" ? bash(*parser) : shell == "zsh" ? zsh(*parser) : fish(*parser);
}

int completion_verb(Session& session) {
  session.out.write(completion_script(session.arguments.shell));
  return kDone;
}

}  // namespace windrow::cli
