#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "base/nearest.h"
#include "project/declarations/files.h"
#include "project/dotenv.h"
#include "project/folder_walk.h"
#include "project/names.h"
#include "project/overlay.h"
#include "project/project.h"
#include "project/rules.h"
#include "project/schedule_rules.h"
#include "project/sensor_rules.h"
#include "project/sql_file.h"
#include "project/text_file.h"

namespace windrow::project {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProjectFiles[] = {"windrow.yaml", "windrow.yml"};
/// Files are small: more readers than this only wait for each other.
constexpr unsigned kReadersMax = 4;
/// Names that the run fills in, in tasks.
const std::set<std::string> kRunNames = {"run_id", "run_time",    "attempt", "start",
                                         "end",    "environment", "project", "task"};

std::string text_of(const std::string& root, const std::string& file, const Overlay& overlay) {
  const auto found = overlay.find(file);
  return found != overlay.end() && found->second ? *found->second
                                                 : read_text_file(root + "/" + file);
}

/// What one file gave.
struct Loaded {
  std::vector<Source> sources;
  std::vector<Model> models;
  std::vector<Seed> seeds;  ///< their declarations
  std::vector<Publication> publications;
  std::vector<Task> tasks;
  std::vector<UnitTest> tests;
  std::vector<DeclaredSchedule> schedules;
  std::vector<Sensor> sensors;
  std::vector<Problem> schedule_problems;
  Problems problems;
  std::vector<Problem> notices;
  std::string doubtful;  ///< the source, seed or model that has problems
  bool complete = true;
};

std::string stem(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  return name.substr(0, name.rfind('.'));
}

/// Of its CSV file, or of what is declared beside that.
std::string seed_name(const std::string& path) { return "seeds." + stem(path); }

class FileLoader {
 public:
  FileLoader(const std::string& root, const Interpolation& interpolation, const Kinds& kinds,
             const Project& project, const Overlay& overlay)
      : root_(root),
        interpolation_(interpolation),
        sources_(source_file(kinds)),
        model_header_(model_header(kinds)),
        publications_(publish_file(kinds)),
        schedules_(schedule_type(true)),
        sensors_(sensor_type(true)),
        project_(project),
        overlay_(overlay) {}

  void load(const ProjectFile& file, Loaded& out) const {
    Reading reading(interpolation_, file.path);
    reading.zone = project_.zone;
    reading.sandbox.external_files = project_.external_files;
    for (const auto& macro : project_.macros) reading.macros.insert(macro.name);
    for (const auto& [name, connection] : project_.connections)
      reading.connections[name] = connection.type;
    try {
      const std::string text = text_of(root_, file.path, overlay_);
      if (file.kind == FileKind::model)
        load_model(text, reading, out);
      else
        load_yaml(file, text, reading, out);
    } catch (const Error& error) {
      for (Problem problem : error.problems()) {
        if (!problem.place.known()) problem.place.file = file.path;
        reading.problems.add(std::move(problem));
      }
    }
    if (file.kind == FileKind::source || file.kind == FileKind::model) {
      const std::string name = !out.sources.empty()  ? out.sources.front().name
                               : !out.models.empty() ? out.models.front().name
                                                     : "";
      out.complete = !name.empty();
      if (!reading.problems.empty()) out.doubtful = name;
    } else if (file.kind == FileKind::seed_declaration && !reading.problems.empty()) {
      out.doubtful = seed_name(file.path);
    }
    out.schedule_problems = std::move(reading.schedule_problems);
    if (file.kind == FileKind::schedule || file.kind == FileKind::sensor) {
      for (const auto& problem : reading.problems.all()) out.schedule_problems.push_back(problem);
      reading.problems = {};
    }
    out.problems = std::move(reading.problems);
    out.notices = std::move(reading.notices);
  }

 private:
  void load_model(const std::string& text, Reading& reading, Loaded& out) const {
    const std::string& path = reading.file();
    Model model;
    model.file = path;
    model.place = {path, 1, 1};
    name_model(model, reading);
    const SqlFile parts = split_sql(text, path, reading.problems);
    if (parts.header) {
      auto header = read_yaml(*parts.header, parts.header_origin, reading.problems);
      if (header) {
        model.place = reading.place(*header);
        model_header_.read(*header, reading, model);
      }
    }
    model.sql = std::string(parts.select);
    model.sql_begin = parts.begin;
    out.models.push_back(std::move(model));
  }

  /// `models/LAYER/…/TABLE.sql`.
  static void name_model(Model& model, Reading& reading) {
    const std::string& path = model.file;
    const size_t layer_begin = path.find('/') + 1;
    const size_t layer_end = path.find('/', layer_begin);
    if (layer_end == std::string::npos) {
      reading.problems.add(
          Code::configuration, "a model lies in a folder that is named for its layer",
          "move it to a path such as models/silver/" + path.substr(layer_begin), {path, 0, 0});
      return;
    }
    const std::string layer = path.substr(layer_begin, layer_end - layer_begin), table = stem(path);
    for (const auto& [what, name] : {std::pair("layer", &layer), std::pair("table", &table)}) {
      if (is_identifier(*name)) continue;
      reading.problems.add(
          Code::configuration, in_quotes(*name) + " cannot be the name of a " + what,
          "names have letters, digits and underscores, and do not begin with a digit",
          {path, 0, 0});
      return;
    }
    model.name = layer + "." + table;
  }

  void load_yaml(const ProjectFile& file, const std::string& text, Reading& reading,
                 Loaded& out) const {
    const size_t before = reading.problems.all().size();
    auto node = read_yaml(text, {file.path, 1, 1}, reading.problems);
    if (!node) {
      if (reading.problems.all().size() == before) {
        reading.problems.add(Code::configuration, "the file is empty", "", {file.path, 1, 1});
      }
      return;
    }
    switch (file.kind) {
      case FileKind::source: load_source(*node, reading, out); break;
      case FileKind::seed_declaration: load_seed(*node, reading, out); break;
      case FileKind::publish: add(publications_, *node, reading, out.publications); break;
      case FileKind::task: load_task(*node, reading, out); break;
      case FileKind::schedule: load_each(schedules_, *node, reading, out.schedules); break;
      case FileKind::sensor: load_each(sensors_, *node, reading, out.sensors); break;
      default: load_tests(*node, reading, out); break;
    }
  }

  template <class T>
  static void add(const Keys<T>& keys, const Node& node, Reading& reading, std::vector<T>& out) {
    T made;
    made.file = reading.file();
    made.place = reading.place(node);
    if (keys.read(node, reading, made)) out.push_back(std::move(made));
  }

  void load_source(const Node& node, Reading& reading, Loaded& out) const {
    Source made;
    made.file = reading.file();
    made.place = reading.place(node);
    if (sources_.read(node, reading, made) && !made.name.empty())
      out.sources.push_back(std::move(made));
  }

  static void load_seed(const Node& node, Reading& reading, Loaded& out) {
    Seed made;
    made.name = seed_name(reading.file());
    made.declared_in = reading.file();
    made.place = reading.place(node);
    if (seed_file().read(node, reading, made)) out.seeds.push_back(std::move(made));
  }

  static void load_task(const Node& node, Reading& reading, Loaded& out) {
    reading.left_to_run = kRunNames;
    if (const Node* loop = node.find("for_each")) {
      for (const auto& entry : loop->entries) reading.left_to_run.insert(entry.key.text);
    }
    add(task_file(), node, reading, out.tasks);
  }

  template <class T>
  static void load_each(const Type<T>& type, const Node& node, Reading& reading,
                        std::vector<T>& out) {
    const auto load = [&](const Node& one) {
      T made;
      if (type.read(one, reading, made)) out.push_back(std::move(made));
    };
    if (node.kind != Node::Kind::list) return load(node);
    for (const auto& one : node.items) load(one);
  }

  static void load_tests(const Node& node, Reading& reading, Loaded& out) {
    const std::string name = stem(reading.file());
    if (node.kind != Node::Kind::list) {
      add(test_file(), node, reading, out.tests);
      if (!out.tests.empty()) out.tests.back().name = name;
      return;
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      const size_t before = out.tests.size();
      add(test_file(), node.items[i], reading, out.tests);
      if (out.tests.size() > before) out.tests.back().name = name + " " + std::to_string(i + 1);
    }
  }

  const std::string& root_;
  const Interpolation& interpolation_;
  const Keys<Source> sources_;
  const Keys<Model> model_header_;
  const Keys<Publication> publications_;
  const Type<DeclaredSchedule> schedules_;
  const Type<Sensor> sensors_;
  const Project& project_;
  const Overlay& overlay_;
};

std::vector<Loaded> load_all(const std::vector<ProjectFile>& files, const FileLoader& loader) {
  std::vector<Loaded> out(files.size());
  std::atomic<size_t> next{0};
  constexpr size_t kChunk = 32;
  auto work = [&] {
    for (size_t begin = next.fetch_add(kChunk); begin < files.size();
         begin = next.fetch_add(kChunk)) {
      const size_t end = std::min(begin + kChunk, files.size());
      for (size_t i = begin; i < end; ++i) {
        if (files[i].kind != FileKind::seed && files[i].kind != FileKind::macro &&
            files[i].kind != FileKind::calendar)
          loader.load(files[i], out[i]);
      }
    }
  };
  const size_t wanted = std::min<size_t>(
      std::clamp(std::thread::hardware_concurrency(), 1u, kReadersMax), files.size() / kChunk + 1);
  std::vector<std::jthread> readers;
  for (size_t i = 1; i < wanted; ++i) readers.emplace_back(work);
  work();
  return out;
}

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

template <class T>
void order_by_name(std::vector<T>& all) {
  std::stable_sort(all.begin(), all.end(), [](const T& a, const T& b) { return a.name < b.name; });
}

void add_seed(const ProjectFile& file, Project& project, Problems& problems) {
  const std::string name = stem(file.path);
  if (!is_identifier(name)) {
    problems.add(Code::configuration, in_quotes(name) + " cannot be the name of a table",
                 "names have letters, digits and underscores, and do not begin with a digit",
                 {file.path, 0, 0});
    return;
  }
  Seed seed;
  seed.name = seed_name(file.path);
  seed.path = project.root + "/" + file.path;
  seed.file = file.path;
  project.seeds.push_back(std::move(seed));
}

/// What is said of a seed joins it.
void declare_seed(Seed declared, Project& project, Problems& problems) {
  const auto found = std::find_if(project.seeds.begin(), project.seeds.end(),
                                  [&](const Seed& each) { return each.name == declared.name; });
  if (found == project.seeds.end()) {
    const std::string name = stem(declared.declared_in);
    std::vector<std::string> known;
    for (const auto& seed : project.seeds) known.push_back(stem(seed.file));
    const auto near = nearest(name, known);
    problems.add(
        Code::configuration,
        "there is no seeds/" + name + ".csv, whose columns this file would declare",
        near ? "did you mean \"seeds/" + *near + ".yaml\"?" : "add that file, or take this one out",
        {declared.declared_in, 0, 0});
    return;
  }
  if (!found->declared_in.empty()) {
    problems.add(
        Code::configuration,
        "seed " + in_quotes(declared.name) + " is declared twice: also in " + found->declared_in,
        "take one of them out", {declared.declared_in, 0, 0});
    return;
  }
  declared.path = std::move(found->path);
  declared.file = std::move(found->file);
  *found = std::move(declared);
}

void gather(const std::vector<ProjectFile>& files, std::vector<Loaded>& loaded, Project& project,
            Problems& problems) {
  project.models.reserve(files.size());
  std::vector<Seed> declared_seeds;
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].kind == FileKind::seed) add_seed(files[i], project, problems);
    append(project.sources, loaded[i].sources);
    append(project.models, loaded[i].models);
    append(declared_seeds, loaded[i].seeds);
    append(project.publications, loaded[i].publications);
    append(project.tasks, loaded[i].tasks);
    append(project.tests, loaded[i].tests);
    append(project.declared_schedules, loaded[i].schedules);
    append(project.declared_sensors, loaded[i].sensors);
    append(project.schedule_problems, loaded[i].schedule_problems);
    append(project.notices, loaded[i].notices);
    project.complete = project.complete && loaded[i].complete;
    if (!loaded[i].doubtful.empty()) project.doubtful.insert(loaded[i].doubtful);
    for (const auto& problem : loaded[i].problems.all()) problems.add(problem);
  }
  for (auto& declared : declared_seeds) declare_seed(std::move(declared), project, problems);
  order_by_name(project.sources);
  order_by_name(project.models);
  order_by_name(project.publications);
}

/// Before all others, since these name them.
void load_macros(const std::vector<ProjectFile>& files, const Overlay& overlay, Project& project,
                 Problems& problems) {
  for (const auto& file : files) {
    if (file.kind != FileKind::macro) continue;
    try {
      auto macros =
          sql::read_macros(text_of(project.root, file.path, overlay), file.path, problems);
      append(project.macros, macros);
    } catch (Error& error) {
      Problem problem = error.problem();
      problem.place = {file.path, 0, 0};
      problems.add(std::move(problem));
    }
  }
}

std::string project_file_in(const std::string& root) {
  for (const char* name : kProjectFiles) {
    if (is_file(root + "/" + name)) return name;
  }
  return {};
}

/// False where the file could not be read at all: nothing that refers to it can then be judged.
bool load_project_file(const Interpolation& interpolation, const LoadOptions& options,
                       const Kinds& kinds, const Overlay& overlay, Project& project,
                       Problems& problems) {
  const std::string file = project_file_in(project.root);
  Reading reading(interpolation, file);
  reading.environments = {options.environment, options.defer};
  std::optional<Node> node;
  try {
    node = read_yaml(text_of(project.root, file, overlay), {file, 1, 1}, reading.problems);
  } catch (const Error& error) {
    reading.problems.add(error);
  }
  if (!node && reading.problems.empty()) {
    reading.problems.add(Code::configuration, "the file is empty",
                         "it needs at least a line such as project: my_project", {file, 1, 1});
  }
  const bool good = node && project_file(kinds).read(*node, reading, project);
  project.complete = good && reading.problems.empty();
  for (const auto& problem : reading.problems.all()) problems.add(problem);
  append(project.notices, reading.notices);
  append(project.schedule_problems, reading.schedule_problems);
  return good;
}

void settle_environments(Project& project) {
  if (project.environments.empty()) {
    Environment& dev = project.environments["dev"];
    dev.name = "dev";
    dev.lake = "lake";
  }
  for (auto& [name, environment] : project.environments) {
    for (std::string* path : {&environment.lake, &environment.engine.spill}) {
      // What has a variable that is not set here stays as it was written.
      if (path->empty() || path->find("://") != std::string::npos ||
          path->find("${") != std::string::npos)
        continue;
      std::string full = (fs::path(project.root) / *path).lexically_normal().string();
      while (full.size() > 1 && full.ends_with('/')) full.pop_back();
      *path = std::move(full);
    }
  }
}

/// Files that only the overlay has, and without those that it takes away.
void lay_over(std::vector<ProjectFile>& files, const Overlay& overlay) {
  std::erase_if(files, [&](const ProjectFile& file) {
    const auto found = overlay.find(file.path);
    return found != overlay.end() && !found->second;
  });
  const auto before = [](const ProjectFile& a, const ProjectFile& b) { return a.path < b.path; };
  for (const auto& [path, text] : overlay) {
    const auto kind = text ? file_kind_of(path) : std::nullopt;
    if (!kind) continue;
    const ProjectFile file{*kind, path};
    const auto at = std::lower_bound(files.begin(), files.end(), file, before);
    if (at == files.end() || at->path != path) files.insert(at, file);
  }
}

std::map<std::string, std::string> load_dotenv(const std::string& root, Problems& problems) {
  const std::string path = root + "/.env";
  if (!is_file(path)) return {};
  try {
    return read_dotenv(read_text_file(path), ".env", problems);
  } catch (const Error& error) {
    problems.add(error);
    return {};
  }
}

}  // namespace

std::optional<std::string> kind_of_path(std::string_view path) {
  for (const char* name : kProjectFiles)
    if (path == name) return "project";
  const auto kind = file_kind_of(path);
  if (!kind) return std::nullopt;
  switch (*kind) {
    case FileKind::source: return "source";
    case FileKind::model: return "model";
    case FileKind::publish: return "publish";
    case FileKind::task: return "task";
    case FileKind::test: return "test";
    case FileKind::seed_declaration: return "seed";
    case FileKind::schedule: return "schedule";
    case FileKind::sensor: return "sensor";
    case FileKind::calendar:
    case FileKind::macro:
    case FileKind::seed: break;
  }
  return std::nullopt;
}

std::string find_root(const std::string& from) {
  std::error_code ignored;
  const fs::path begin = fs::absolute(from.empty() ? "." : from, ignored).lexically_normal();
  if (!is_folder(begin.string())) {
    throw Error(Code::configuration, "there is no folder \"" + from + "\"",
                "-C DIR chooses the project's folder");
  }
  for (fs::path folder = begin;; folder = folder.parent_path()) {
    std::string path = folder.string();
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (!project_file_in(path).empty()) return path;
    if (!folder.has_relative_path()) break;
  }
  throw Error(Code::configuration,
              "no windrow.yaml in " + in_quotes(begin.string()) + " or any folder above it",
              "\"windrow init\" makes a project; -C DIR chooses the folder of one");
}

Project load(const LoadOptions& options, const Kinds& kinds, Secrets& secrets) {
  Problems problems;
  auto project = load(options, kinds, secrets, problems);
  problems.raise();
  return project;
}

Project load(const LoadOptions& options, const Kinds& kinds, Secrets& secrets, Problems& problems) {
  return load(options, kinds, secrets, problems, {});
}

Project load(const LoadOptions& options, const Kinds& kinds, Secrets& secrets, Problems& problems,
             const Overlay& overlay) {
  Project project;
  project.root = find_root(options.folder);
  const Interpolation interpolation(project.root, options.environment_variables,
                                    load_dotenv(project.root, problems), secrets);
  const bool good = load_project_file(interpolation, options, kinds, overlay, project, problems);
  settle_environments(project);
  std::set<std::string> lakes;
  for (const auto& [name, environment] : project.environments) lakes.insert(environment.lake);

  auto files = walk_project(project.root, lakes, project.notices, problems);
  lay_over(files, overlay);
  load_macros(files, overlay, project, problems);
  auto loaded = load_all(files, FileLoader(project.root, interpolation, kinds, project, overlay));
  gather(files, loaded, project, problems);
  if (good) {
    settle_variables(project, options, problems);
    check_rules(project, options, problems);
    settle_sensors(project);
    settle_schedules(project, overlay);
  }
  return project;
}

}  // namespace windrow::project
