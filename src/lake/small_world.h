#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "lake/action_json.h"
#include "lake/log.h"
#include "storage/file_system.h"

// For tests: everything that can happen to two writers of one table, tried out. At each of their
// calls the storage answers in each way that it may (it is done; somebody else's is there; no
// answer, and it happened, did not happen, or happens at some later time; an error), in every order
// of the two, with up to `faults` answers of the unpleasant kinds. The writers run the real code.
//
// A writer is a function of the answers that it gets. So it is not stopped and gone on with: it is
// run from its beginning on the answers so far, and its next call is where it runs out of them.
// What it does next is remembered by these answers, so each list of them is run once; and a state
// of the world (what the storage holds, what is still under way, what each writer has been
// answered) that was seen before is not looked at again. That makes 100,000 states a matter of
// seconds, without threads.

namespace windrow::lake::small_world {

struct Answer {
  enum class Kind { done, exists, unknown, absent, error } kind = Kind::done;
  std::string bytes;  ///< of a read; names of a listing, one a line
  auto operator<=>(const Answer&) const = default;
};

struct Call {
  enum class Kind { read, stat, list, sync, put, put_if_absent, remove } kind;
  std::string path, bytes;
};

/// How a writer has ended, as its caller knows it.
struct Ended {
  enum class As { committed, conflicted, unknown, failed } as = As::failed;
  std::string file;  ///< the data file that it tried to commit last; empty: there was no need
  std::string application;  ///< whose progress is said to be made
};

/// Answers from a list; where that ends, the call is kept and the writer left by an exception that
/// nobody catches.
class Replayed final : public storage::FileSystem {
 public:
  struct Suspended {};

  Replayed(int writer, std::vector<const Answer*> answers)
      : writer_(writer), answers_(std::move(answers)) {}
  const std::optional<Call>& next() const { return next_; }

  std::string read(const std::string& path) override {
    const Answer& answer = answered({Call::Kind::read, path, {}});
    if (answer.kind == Answer::Kind::absent)
      throw Error(Code::not_found, "there is no file \"" + path + "\"");
    std::string bytes = answer.bytes;
    for (size_t i = 0; i < ids_.size(); ++i) replace(bytes, token(i), ids_[i]);
    return bytes;
  }
  std::string read_range(const std::string&, uint64_t, uint64_t) override { never(); }
  std::optional<storage::FileInfo> stat(const std::string& path) override {
    if (answered({Call::Kind::stat, path, {}}).kind == Answer::Kind::absent) return {};
    return storage::FileInfo{path, 1, Time{}, false, {}};
  }
  std::vector<storage::FileInfo> list(const std::string& folder, const std::string&,
                                      bool) override {
    std::vector<storage::FileInfo> out;
    const std::string& names = answered({Call::Kind::list, folder, {}}).bytes;
    for (size_t begin = 0, end; begin < names.size(); begin = end + 1) {
      end = names.find('\n', begin);
      out.push_back({folder + "/" + names.substr(begin, end - begin), 1, Time{}, false, {}});
    }
    return out;
  }
  std::vector<storage::FileInfo> list_tree(const std::string&) override { never(); }
  void put(const std::string& path, std::string_view bytes) override {
    answered({Call::Kind::put, path, std::string(bytes)});
  }
  std::unique_ptr<storage::Writer> writer(const std::string&) override { never(); }
  storage::PutOutcome put_if_absent(const std::string& path, std::string_view bytes) override {
    std::string text(bytes);
    learn_id(text);
    for (size_t i = 0; i < ids_.size(); ++i) replace(text, ids_[i], token(i));
    switch (answered({Call::Kind::put_if_absent, path, text}).kind) {
      case Answer::Kind::exists: return storage::PutOutcome::exists;
      case Answer::Kind::unknown: return storage::PutOutcome::unknown;
      default: return storage::PutOutcome::created;
    }
  }
  void remove(const std::string& path) override { answered({Call::Kind::remove, path, {}}); }
  void make_folder(const std::string&) override { never(); }
  void sync(const std::vector<std::string>& paths) override {
    answered({Call::Kind::sync, paths.front(), {}});
  }
  std::optional<uint64_t> space_left(const std::string&) override { return {}; }

 private:
  [[noreturn]] static void never() { throw std::logic_error("a commit has no need of this call"); }

  /// Each run has other ids of its commits; the world knows them as `writer-number`.
  std::string token(size_t i) const {
    return "commit-" + std::to_string(writer_) + "-" + std::to_string(i);
  }
  void learn_id(const std::string& bytes) {
    static const std::string kKey = "\"txnId\":\"";
    const size_t begin = bytes.find(kKey) + kKey.size();
    const std::string id = bytes.substr(begin, bytes.find('"', begin) - begin);
    if (std::find(ids_.begin(), ids_.end(), id) == ids_.end()) ids_.push_back(id);
  }
  static void replace(std::string& text, const std::string& what, const std::string& by) {
    for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
      text.replace(at, what.size(), by);
  }

  const Answer& answered(Call call) {
    if (next_) throw Suspended{};
    if (taken_ == answers_.size()) {
      next_ = std::move(call);
      throw Suspended{};
    }
    const Answer& answer = *answers_[taken_++];
    if (answer.kind == Answer::Kind::error)
      throw Error(Code::unavailable, "the storage is away: \"" + call.path + "\"");
    return answer;
  }

  const int writer_;
  const std::vector<const Answer*> answers_;
  size_t taken_ = 0;
  std::optional<Call> next_;
  std::vector<std::string> ids_;
};

using Script = std::function<Ended(storage::FileSystem&)>;

/// What a writer does after each list of answers.
class Behaviour {
 public:
  struct Node {
    int parent = -1;
    Answer answer;             ///< that led here from the parent
    std::optional<Call> next;  ///< or it has ended
    Ended ended;
    std::map<Answer, int> after;
  };

  Behaviour(int writer, Script script) : writer_(writer), script_(std::move(script)) {
    nodes_.push_back({});
    run(0);
  }
  const Node& at(int node) const { return nodes_[size_t(node)]; }
  int after(int node, const Answer& answer) {
    const auto found = at(node).after.find(answer);
    if (found != at(node).after.end()) return found->second;
    const int made = int(nodes_.size());
    Node child;
    child.parent = node;
    child.answer = answer;
    nodes_.push_back(std::move(child));
    nodes_[size_t(node)].after[answer] = made;
    run(made);
    return made;
  }

 private:
  void run(int node) {
    std::vector<const Answer*> answers;
    for (int at = node; at > 0; at = nodes_[size_t(at)].parent)
      answers.push_back(&nodes_[size_t(at)].answer);
    std::reverse(answers.begin(), answers.end());
    Replayed files(writer_, std::move(answers));
    Ended ended;
    try {
      ended = script_(files);
    } catch (const Replayed::Suspended&) {}
    nodes_[size_t(node)].next = files.next();
    nodes_[size_t(node)].ended = std::move(ended);
  }

  const int writer_;
  const Script script_;
  std::deque<Node> nodes_;
};

/// Contents and names are numbers: there are many states and few texts.
struct State {
  std::map<int64_t, int> log;                   ///< version → contents
  std::set<int> data;                           ///< data files
  std::set<std::pair<int64_t, int>> under_way;  ///< commits that may still come to be there
  int at[2] = {0, 0};                           ///< nodes of the two behaviours
  int faults = 0;

  std::string key() const {
    std::string out;
    const auto put = [&](int64_t number) { (out += std::to_string(number)) += ' '; };
    for (const int number : {at[0], at[1], faults, int(log.size()), int(data.size())}) put(number);
    for (const auto& [version, contents] : log) put(version), put(contents);
    for (const int file : data) put(file);
    for (const auto& [version, contents] : under_way) put(version), put(contents);
    return out;
  }
};

class World {
 public:
  World(std::string table, int faults, std::vector<Script> scripts)
      : table_(std::move(table)), faults_(faults) {
    for (auto& script : scripts) writers_.emplace_back(int(writers_.size()), std::move(script));
  }

  /// What there is before: a version of the log, the path of a data file.
  void begin_with(int64_t version, const std::string& bytes) {
    start_.log[version] = number(bytes);
  }
  void begin_with(const std::string& data_file) { start_.data.insert(number(data_file)); }

  /// The first promise that is broken and how it came to that; empty: none ever is.
  std::string explore() {
    see(start_, -1, "it begins");
    for (size_t i = 0; i < states_.size() && broken_.empty(); ++i) go_on_from(int(i));
    return broken_;
  }
  size_t states() const { return states_.size(); }
  /// How both have ended, over all that can happen.
  const std::set<std::pair<Ended::As, Ended::As>>& ends() const { return ends_; }

 private:
  struct Seen {
    State state;
    int parent;
    std::string step;
  };

  int number(const std::string& text) {
    const auto [found, made] = numbers_.try_emplace(text, int(texts_.size()));
    if (made) texts_.push_back(text);
    return found->second;
  }
  const std::string& text(int number) const { return texts_[size_t(number)]; }
  /// The version whose file this is; nothing: no version's.
  std::optional<int64_t> version_of(const std::string& path) const {
    for (int64_t version = 0; version < kVersions; ++version)
      if (path == commit_files_[size_t(version)]) return version;
    return {};
  }

  void see(State state, int parent, std::string step) {
    if (!broken_.empty() || !known_.insert(state.key()).second) return;
    const auto problem = broken(state);
    states_.push_back({std::move(state), parent, std::move(step)});
    if (!problem) return;
    broken_ = *problem;
    std::string story;
    for (int at = int(states_.size()) - 1; at >= 0; at = states_[size_t(at)].parent)
      story = "\n  " + states_[size_t(at)].step + story;
    broken_ += story;
  }

  /// What must hold whatever happens.
  std::optional<std::string> broken(const State& state) {
    std::map<std::string, int> added, removed, progress;
    int64_t expected = 0;
    for (const auto& [version, contents] : state.log) {
      if (version != expected++)
        return "the log has a gap before version " + std::to_string(version);
      const Commit& commit = parsed(version, contents);
      for (const auto& add : commit.adds) {
        if (++added[add.path] > 1) return "\"" + add.path + "\" is added twice";
        if (!state.data.contains(number(table_ + "/" + add.path)))
          return "version " + std::to_string(version) + " names a missing file, " + add.path;
      }
      for (const auto& remove : commit.removes)
        if (++removed[remove.path] > 1) return "\"" + remove.path + "\" is removed twice";
      for (const auto& txn : commit.txns)
        if (++progress[txn.app_id] > 1) return "the same progress is made twice";
    }
    for (int writer = 0; writer < 2; ++writer) {
      const auto& node = writers_[size_t(writer)].at(state.at[writer]);
      if (node.next) continue;
      const Ended& end = node.ended;
      const bool there =
          end.file.empty() ? progress.contains(end.application) : added.contains(end.file);
      if (end.as == Ended::As::committed && !there) return "what was acknowledged is not there";
      if ((end.as == Ended::As::conflicted || end.as == Ended::As::failed) && there)
        return "what was said not to be there is there";
    }
    return {};
  }

  const Commit& parsed(int64_t version, int contents) {
    auto found = parsed_.find(contents);
    if (found == parsed_.end())
      found =
          parsed_.emplace(contents, commit_from_json(text(contents), version, "a version")).first;
    return found->second;
  }

  void go_on_from(int seen) {
    const State state = states_[size_t(seen)].state;
    // What nobody else can see or change need not be tried in every order with the other's calls.
    for (int writer = 0; writer < 2; ++writer) {
      const auto& next = writers_[size_t(writer)].at(state.at[writer]).next;
      if (next && is_private(state, *next)) return step(state, seen, writer);
    }
    for (const auto& put : state.under_way) {
      State after = state;
      after.under_way.erase(put);
      after.log.insert(put);  // or another's is there
      see(std::move(after), seen,
          "what was under way arrives at version " + std::to_string(put.first));
    }
    for (int writer = 0; writer < 2; ++writer) step(state, seen, writer);
    const auto& first = writers_[0].at(state.at[0]);
    const auto& second = writers_[1].at(state.at[1]);
    if (!first.next && !second.next) ends_.insert({first.ended.as, second.ended.as});
  }

  bool is_private(const State& state, const Call& call) const {
    if (call.kind == Call::Kind::sync || call.kind == Call::Kind::put) return true;
    if (call.kind != Call::Kind::read && call.kind != Call::Kind::stat) return false;
    const auto version = version_of(call.path);
    return version && state.log.contains(*version);  // a version never changes
  }

  /// One call of a writer, with each answer that it may get.
  void step(const State& state, int seen, int writer) {
    const auto& next = writers_[size_t(writer)].at(state.at[writer]).next;
    if (!next) return;
    const Call call = *next;
    const auto to = [&](State after, const Answer& answer, const char* what, bool fault) {
      if (fault && ++after.faults > faults_) return;
      after.at[writer] = writers_[size_t(writer)].after(state.at[writer], answer);
      see(std::move(after), seen,
          "writer " + std::to_string(writer) + ": " + name_of(call.kind) + " " + call.path + ": " +
              what);
    };
    to(state, {Answer::Kind::error, {}}, "an error, nothing was done", true);
    if (call.kind == Call::Kind::put_if_absent) return put_if_absent(state, call, to);
    State after = state;
    Answer answer;
    const auto version = version_of(call.path);
    const auto there = version ? state.log.find(*version) : state.log.end();
    switch (call.kind) {
      case Call::Kind::read:
        if (there != state.log.end()) answer.bytes = text(there->second);
        [[fallthrough]];
      case Call::Kind::stat:
        if (there == state.log.end()) answer.kind = Answer::Kind::absent;
        break;
      case Call::Kind::list:
        for (const auto& [each, contents] : state.log)
          answer.bytes += version_text(each) + ".json\n";
        break;
      case Call::Kind::put: after.data.insert(number(call.path)); break;
      case Call::Kind::remove: after.data.erase(number(call.path)); break;
      default: break;
    }
    to(std::move(after), answer, "done", false);
  }

  template <typename To>
  void put_if_absent(const State& state, const Call& call, const To& to) {
    const int64_t version = version_of(call.path).value();
    if (state.log.contains(version)) {
      to(state, {Answer::Kind::exists, {}}, "somebody's is there", false);
      to(state, {Answer::Kind::unknown, {}}, "no answer; somebody's is there", true);
      return;
    }
    State done = state, late = state;
    done.log[version] = number(call.bytes);
    late.under_way.insert({version, number(call.bytes)});
    to(done, {}, "done", false);
    to(done, {Answer::Kind::unknown, {}}, "no answer; it is done", true);
    to(state, {Answer::Kind::unknown, {}}, "no answer; it is lost", true);
    to(late, {Answer::Kind::unknown, {}}, "no answer; it is under way", true);
  }

  static const char* name_of(Call::Kind kind) {
    static constexpr const char* kNames[] = {"read", "stat",          "list",  "sync",
                                             "put",  "put_if_absent", "remove"};
    return kNames[int(kind)];
  }

  static constexpr int64_t kVersions = 10;  // none is made a checkpoint of
  const std::string table_;
  const int faults_;
  std::vector<std::string> commit_files_ = [this] {
    std::vector<std::string> out;
    for (int64_t version = 0; version < kVersions; ++version)
      out.push_back(commit_file(table_, version));
    return out;
  }();
  std::deque<Behaviour> writers_;
  State start_;
  std::deque<Seen> states_;
  std::set<std::string> known_;
  std::map<std::string, int> numbers_;
  std::deque<std::string> texts_;
  std::map<int, Commit> parsed_;
  std::string broken_;
  std::set<std::pair<Ended::As, Ended::As>> ends_;
};

}  // namespace windrow::lake::small_world
