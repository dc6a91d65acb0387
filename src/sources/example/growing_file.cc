#include "sources/example/growing_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "project/project.h"
#include "sources/record_rows.h"

namespace windrow::sources {

namespace {

constexpr int64_t kBatchBytes = 64'000'000;

/// What each row has beside the line itself: the byte of the file that it begins at.
std::vector<Column> growing_columns() { return {{"begins_at", "BIGINT"}}; }

std::string path_of(const project::Source& source, const Context& context) {
  const auto& said = project::own_or_default<GrowingFrom>(source).path;
  return (std::filesystem::path(context.project_root) / said).string();
}

int64_t size_of(const std::string& path) {
  std::error_code error;
  const auto out = std::filesystem::file_size(path, error);
  if (error) throw system_error(error.value(), "read", path);
  return int64_t(out);
}

class GrowingReader final : public Reader {
 public:
  GrowingReader(const project::Source& source, const Context& context)
      : source_(source),
        path_(path_of(source, context)),
        now_ms_(micros(context.now) / 1000),
        intake_(context.project.state_folder() + "/spill",
                {{"begins_at", "BIGINT"}, {"raw", "VARCHAR"}},
                project::own_or_default<GrowingFrom>(source).record_bytes_max) {}

  std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) override {
    const int64_t bytes = size_of(path_) - read_so_far(txns);
    if (bytes == 0) return {};
    return fmt::format("{} bytes of {}", bytes, path_);
  }

  std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                            lake::DuckRows& session) override {
    const int64_t begin = read_so_far(txns);
    const std::string lines = whole_lines(begin);
    if (lines.empty()) return {};
    intake_.clear();
    for (size_t at = 0; at < lines.size();) {
      const size_t end = lines.find('\n', at);
      intake_.add(path_, {std::to_string(begin + int64_t(at))},
                  std::string_view(lines).substr(at, end - at));
      at = end + 1;
    }
    const auto rows = record_rows(intake_.relation(), growing_columns(), "''", source_, session);
    Batch out;
    out.select = rows.sql;
    out.misfits_select = rows.misfits;
    out.rejected_select = intake_.rejected();
    // By the line ends, which have not made the rows: what goes missing in between is found.
    out.held[""].records = std::count(lines.begin(), lines.end(), '\n');
    // Both in the commit of the rows: whoever read the same lines meanwhile makes it fail.
    const auto before = txns.find(app_id());
    if (before == txns.end()) {
      out.expect_txn[app_id()] = std::nullopt;
    } else {
      out.expect_txn[app_id()] = before->second.version;
    }
    out.txns.push_back({app_id(), begin + int64_t(lines.size()), now_ms_});
    out.what = fmt::format("{} lines", out.held[""].records);
    return out;
  }

 private:
  std::string app_id() const { return "growing/" + source_.name; }

  /// The progress is the number of bytes that are in the table.
  int64_t read_so_far(const std::map<std::string, lake::Txn>& txns) const {
    const auto found = txns.find(app_id());
    const int64_t out = found == txns.end() ? 0 : found->second.version;
    if (out <= size_of(path_)) return out;
    throw Error(Code::history_lost, path_ + " is shorter than what was read of it",
                "it was replaced: give the new one another name", source_.place);
  }

  /// From there on. A line that somebody is still writing has no end yet, and comes the next time.
  std::string whole_lines(int64_t begin) const {
    std::ifstream stream(path_, std::ios::binary);
    stream.seekg(begin);
    std::string out(size_t(std::min(size_of(path_) - begin, kBatchBytes)), '\0');
    stream.read(out.data(), std::streamsize(out.size()));
    out.resize(size_t(stream.gcount()));
    out.resize(out.rfind('\n') + 1);
    return out;
  }

  const project::Source& source_;
  const std::string path_;
  const int64_t now_ms_;
  Intake intake_;
};

project::Keys<GrowingFrom> keys() {
  project::Keys<GrowingFrom> out("growing");
  out.required("growing", &GrowingFrom::path, project::text_type(),
               "The file, from the project's folder on.");
  add_record_bytes_max(out);
  return out;
}

void keep_the_line(project::Source& source) {
  if (source.raw.empty()) source.raw = "raw";
}

}  // namespace

std::unique_ptr<Reader> growing_reader(const project::Source& source, const Context& context) {
  return std::make_unique<GrowingReader>(source, context);
}

SourceKind growing_kind() {
  SourceKind out;
  out.declared = {"growing", project::own_type(keys()), keep_the_line};
  out.open = growing_reader;
  out.look = [](const project::Source& source, const Context& context, Cancel&) {
    return fmt::format("has {} bytes", size_of(path_of(source, context)));
  };
  out.columns = growing_columns();
  return out;
}

}  // namespace windrow::sources
