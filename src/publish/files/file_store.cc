#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/digest.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "duck/vectors.h"
#include "publish/files/encoding.h"
#include "publish/files/excel_file.h"
#include "publish/files/report.h"
#include "publish/manifest_fields.h"

/// Deliveries: files below a folder of any home, under their final names only when they are whole.
///
/// In this order: the file, its checksum file, its control file, and then what is remembered of it
/// (`_windrow/publications/<view>.json`). Who is killed in between delivers again, with the same
/// sequence number; a receiver that waits for the last of them never takes half a delivery.
namespace windrow::publish {

namespace {

namespace fs = std::filesystem;

constexpr size_t kFlushBytes = 1 << 18;
constexpr const char* kMemory = "/_windrow/publications/";

/// A local file that goes with the object.
class Scratch {
 public:
  Scratch()
      : path_((fs::temp_directory_path() /
               fmt::format("windrow-delivery-{}-{}", ::getpid(), reinterpret_cast<uintptr_t>(this)))
                  .string()) {}
  ~Scratch() {
    std::error_code error;
    fs::remove(path_, error);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Memory {
  Manifest manifest;
  int64_t sequence = 0;
  std::string file;
};

class FileStore final : public Store {
 public:
  FileStore(std::string root, storage::FileSystem& files, const Clock& clock)
      : root_(std::move(root)), files_(files), clock_(clock) {
    while (root_.size() > 1 && root_.ends_with('/')) root_.pop_back();
  }

  std::map<std::string, Manifest> manifests() override {
    std::map<std::string, Manifest> out;
    for (const auto& file : files_.list(root_ + kMemory)) {
      const std::string name = file.path.substr(file.path.rfind('/') + 1);
      if (!name.ends_with(".json") || name.starts_with(".")) continue;
      out[name.substr(0, name.size() - 5)] = remembered(name.substr(0, name.size() - 5))->manifest;
    }
    return out;
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection,
                                Cancel& cancel, const ProgressSink& progress) override {
    for (const auto& view : views) {
      if (!project::own<ReportFormat>(view.settings))
        throw Error(Code::configuration,
                    fmt::format("view \"{}\" goes to files and has no \"file:\"", view.table),
                    "say its form: file: {format: csv, name: \"orders_{date:%Y%m%d}.csv\"}",
                    view.settings.place);
    }
    const auto stop = connection.stop_on(cancel);
    std::vector<Manifest> out;
    for (const auto& view : views) {
      cancel.check();
      out.push_back(deliver(view, connection, cancel, progress));
    }
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    for (const auto& [view, boundary] : boundaries) {
      auto memory = remembered(view);
      if (!memory) continue;
      memory->manifest.boundary = boundary;
      remember(*memory);
    }
  }

  std::vector<std::string> preview(const ViewBatch& view, duck::Connection& connection) override {
    if (!project::own<ReportFormat>(view.settings)) return {};
    const auto former = remembered(view.table);
    const Placeholders words(view, former ? former->sequence + 1 : 1, clock_.now(), connection);
    return {"deliver " + root_ + "/" + words.filled(report_format(view.settings).name)};
  }

  std::string health() override {
    const std::string probe = root_ + "/_windrow/.tmp-health-" + std::to_string(::getpid());
    files_.put(probe, "x");
    files_.remove(probe);
    return fmt::format("{} can be written to, {} views delivered", root_, manifests().size());
  }

 private:
  std::optional<Memory> remembered(const std::string& view) {
    const std::string path = root_ + kMemory + view + ".json";
    if (!files_.stat(path)) return {};
    const auto json = Json::parse(files_.read(path), nullptr, false);
    if (!json.is_object())
      throw Error(Code::corrupt, "\"" + path + "\" is no JSON", "remove it: the view is sent anew");
    Memory out;
    auto& m = out.manifest;
    m.view = view;
    m.batch_id = text_at(json, "batch_id");
    m.source_table = text_at(json, "source_table");
    m.source_version = number_at(json, "source_version");
    m.definition = text_at(json, "definition");
    m.boundary = parse_time(text_at(json, "boundary"));
    m.rows = number_at(json, "rows");
    m.checksum = text_at(json, "checksum");
    m.started = parse_time(text_at(json, "started")).value_or(Time{});
    m.published = parse_time(text_at(json, "published")).value_or(Time{});
    m.inputs = text_at(json, "inputs");
    out.sequence = std::max<int64_t>(0, number_at(json, "sequence"));
    out.file = text_at(json, "file");
    return out;
  }

  void remember(const Memory& memory) {
    const auto& m = memory.manifest;
    Json json{{"view", m.view},
              {"batch_id", m.batch_id},
              {"source_table", m.source_table},
              {"source_version", m.source_version},
              {"definition", m.definition},
              {"boundary", m.boundary ? Json(iso(*m.boundary)) : Json()},
              {"rows", m.rows},
              {"checksum", m.checksum},
              {"started", iso(m.started)},
              {"published", iso(m.published)},
              {"inputs", m.inputs},
              {"sequence", memory.sequence},
              {"file", memory.file}};
    files_.put(root_ + kMemory + m.view + ".json", json.dump(2) + "\n");
  }

  Manifest deliver(const ViewBatch& view, duck::Connection& connection, Cancel& cancel,
                   const ProgressSink& progress) {
    const auto& format = report_format(view.settings);
    const auto former = remembered(view.table);
    refuse_outrun(view, former ? former->manifest.batch_id : "");
    Memory memory;
    memory.manifest = view.manifest;
    memory.manifest.view = view.table;
    memory.manifest.started = clock_.now();
    memory.sequence = former ? former->sequence + 1 : 1;
    Placeholders words(view, memory.sequence, clock_.now(), connection);
    memory.file = words.filled(format.name);
    refuse_odd_name(view, memory.file);
    words.set("file", memory.file.substr(memory.file.rfind('/') + 1));
    std::vector<std::string> lines = format.header;
    lines.insert(lines.end(), format.trailer.begin(), format.trailer.end());
    lines.insert(lines.end(), format.control.begin(), format.control.end());
    words.count(lines, view.select);
    const std::string path = root_ + "/" + memory.file;
    Sha256 digest;
    if (format.format == "parquet" || format.format == "excel") {
      memory.manifest.rows = deliver_made(view, path, connection, digest);
    } else {
      memory.manifest.rows = deliver_texts(view, path, words, connection, cancel, progress, digest);
    }
    memory.manifest.checksum = digest.hexadecimal();
    if (const auto written = files_.stat(path)) {
      memory.manifest.bytes = int64_t(written->size);
      memory.manifest.files = 1;
    }
    if (std::to_string(memory.manifest.rows) != words.filled("{rows}"))
      throw Error(Code::internal,
                  fmt::format("view \"{}\" gave {} rows, and {} when they were counted", view.table,
                              memory.manifest.rows, words.filled("{rows}")),
                  "its SELECT gives other rows each time");
    if (!format.checksum.empty())
      files_.put(path + "." + format.checksum,
                 memory.manifest.checksum + "  " + words.filled("{file}") + "\n");
    if (!format.control_name.empty()) deliver_control(view, words, memory.manifest.checksum);
    memory.manifest.published = clock_.now();
    remember(memory);
    if (progress) progress({view.table, "writing", 1, memory.manifest.rows});
    return memory.manifest;
  }

  static void refuse_odd_name(const ViewBatch& view, const std::string& name) {
    const bool odd = name.empty() || name.starts_with('/') || name.ends_with('/') ||
                     ("/" + name + "/").find("/../") != std::string::npos ||
                     name.starts_with("_windrow/");
    if (odd)
      throw Error(
          Code::configuration,
          fmt::format("view \"{}\": \"{}\" cannot be the name of a delivery", view.table, name),
          "names are relative to the connection's path", view.settings.place);
  }

  void deliver_control(const ViewBatch& view, Placeholders& words, const std::string& checksum) {
    const auto& format = report_format(view.settings);
    words.set("checksum", checksum);
    const Encoding encoding(format.encoding);
    std::string text;
    for (const auto& line : format.control)
      text += words.filled(line) + (format.newline == "crlf" ? "\r\n" : "\n");
    std::string bytes(encoding.mark());
    encoding.append(text, bytes);
    const std::string name = words.filled(format.control_name);
    refuse_odd_name(view, name);
    files_.put(root_ + "/" + name, bytes);
  }

  int64_t deliver_texts(const ViewBatch& view, const std::string& path, const Placeholders& words,
                        duck::Connection& connection, Cancel& cancel, const ProgressSink& progress,
                        Sha256& digest) {
    const auto& format = report_format(view.settings);
    const Encoding encoding(format.encoding);
    const RowTexts rows(view, report_columns(view, connection));
    const auto writer = files_.writer(path);
    std::string text, bytes(encoding.mark());
    const auto flush = [&] {
      encoding.append(text, bytes);
      text.clear();
      digest.add(bytes);
      writer->write(bytes);
      bytes.clear();
    };
    const auto filled = [&](const std::vector<std::string>& lines) {
      std::vector<std::string> out;
      for (const auto& line : lines) out.push_back(words.filled(line));
      return out;
    };
    rows.begin(text, filled(format.header), encoding.xml_name());
    int64_t number = 0;
    RowTexts::Texts row;
    duck::stream_vectors(connection, rows.select(),
                         [&](size_t count, const std::vector<duck::Vector>& vectors) {
                           row.resize(vectors.size());
                           for (size_t i = 0; i < count; ++i) {
                             for (size_t column = 0; column < vectors.size(); ++column) {
                               row[column].reset();
                               if (!vectors[column].null(i))
                                 row[column].emplace(vectors[column].text(i));
                             }
                             rows.append(row, ++number, text);
                           }
                           if (text.size() > kFlushBytes) {
                             flush();
                             cancel.check();
                             if (progress) progress({view.table, "writing", -1, number});
                           }
                           return true;
                         });
    rows.end(text, filled(format.trailer));
    flush();
    cancel.check();
    writer->finish();
    return number;
  }

  /// Formats that are made on local disk first.
  int64_t deliver_made(const ViewBatch& view, const std::string& path, duck::Connection& connection,
                       Sha256& digest) {
    const Scratch scratch;
    const auto columns = report_columns(view, connection);
    int64_t rows = 0;
    if (report_format(view.settings).format == "excel") {
      rows = write_excel(scratch.path(), view, columns, connection);
    } else {
      std::string list;
      for (const auto& column : columns)
        list += (list.empty() ? "" : ", ") +
                (column.field.format.empty() ? column.value_sql : column.text_sql) + " AS " +
                duck::quote_name(column.field.name);
      const auto written =
          connection.query("COPY (SELECT " + list + " FROM (\n" + view.select + "\n)) TO " +
                           duck::quote_text(scratch.path()) + " (FORMAT parquet)");
      rows = std::get<int64_t>(written.rows[0][0]);
    }
    const auto writer = files_.writer(path);
    std::ifstream stream(scratch.path(), std::ios::binary);
    std::string piece(1 << 20, '\0');
    while (stream) {
      stream.read(piece.data(), std::streamsize(piece.size()));
      const std::string_view bytes(piece.data(), size_t(stream.gcount()));
      digest.add(bytes);
      writer->write(bytes);
    }
    writer->finish();
    return rows;
  }

  std::string root_;
  storage::FileSystem& files_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Store> file_store(const std::string& path, storage::FileSystem& files,
                                  const Clock& clock) {
  return std::make_unique<FileStore>(path, files, clock);
}

}  // namespace windrow::publish
