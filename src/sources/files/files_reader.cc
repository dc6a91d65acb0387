#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/utf8_prefix.h"
#include "duck/quoting.h"
#include "project/folders.h"
#include "project/kinds.h"
#include "sources/files/conversion.h"
#include "sources/files/declared_columns.h"
#include "sources/files/found_file.h"
#include "sources/files/kind.h"
#include "sources/files/local_copies.h"
#include "sources/files/parquet_footer.h"
#include "sources/files/places.h"
#include "sources/files/records.h"
#include "sources/files/remote_files.h"
#include "sources/record_rows.h"
#include "sources/shared.h"

/// Files, each read once. Progress is a `txn` a file: application `files/<source>/<name>`, version
/// FoundFile::version. Beside it `content/<source>/<name>` tells what was in it, so that a file
/// which was only touched is not read again.
namespace windrow::sources {

namespace {

using project::Value;

constexpr uint64_t kBatchBytes = 1ull << 30;
constexpr size_t kWhyMax = 1000;
/// A conversion holds at most this part of the engine's memory at one place.
constexpr uint64_t kMemoryShare = 16;

/// `1.4 MB`
std::string bytes_text(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double value = double(bytes);
  const char* const units[] = {"kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (value /= 1000; value >= 1000 && unit < 3; value /= 1000) ++unit;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string amount(const std::vector<FoundFile>& files) {
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.size;
  return fmt::format("{} file{}, {}", files.size(), files.size() == 1 ? "" : "s",
                     bytes_text(bytes));
}

/// What the engine may take, in bytes; 0 where it does not say.
uint64_t memory_of(lake::DuckRows& session) {
  const std::string text =
      cell_text(session.query("SELECT current_setting('memory_limit')").rows.at(0)[0]);
  char* unit = nullptr;
  const double value = std::strtod(text.c_str(), &unit);
  while (*unit == ' ') ++unit;
  const size_t power = std::string_view("BKMGT").find(*unit);
  return power == std::string_view::npos ? 0 : uint64_t(value * std::pow(1024.0, double(power)));
}

/// `324.0 KiB` → bytes.
double bytes_of(const std::string& text) {
  char* unit = nullptr;
  const double value = std::strtod(text.c_str(), &unit);
  while (*unit == ' ') ++unit;
  const size_t power = std::string_view("bKMGT").find(*unit);
  return power == std::string_view::npos ? value : value * std::pow(1024.0, double(power));
}

/// One piece is larger than all that there is, whatever else goes on: `failed to allocate data of
/// size 1.0 GiB (324.0 KiB/213.6 MiB used)`.
bool wants_too_much(const std::string& message) {
  const std::string_view size = "allocate data of size ";
  const size_t at = message.find(size), of = message.find('/', at);
  if (at == std::string::npos || of == std::string::npos) return false;
  return bytes_of(message.substr(at + size.size())) > bytes_of(message.substr(of + 1));
}

/// The content of a file is to blame, and not a server, the disk, or what the user has written.
bool spoiled(const Error& error) {
  if (error.code() == Code::corrupt) return true;
  const auto* sql = dynamic_cast<const SqlError*>(&error);
  if (sql == nullptr || retryable(error.code())) return false;
  if (sql->kind() == "Out of Memory") return wants_too_much(error.problem().message);
  for (const char* kind : {"Binder", "Parser", "Catalog", "Out of Memory", "Permission"}) {
    if (sql->kind() == kind) return false;
  }
  return error.code() == Code::data || error.code() == Code::internal || sql->kind() == "IO" ||
         sql->kind() == "Invalid Input" || sql->kind() == "Invalid";
}

class FilesReader final : public Reader {
 public:
  FilesReader(const project::Source& source, const Context& context)
      : source_(source),
        from_(project::own_or_default<FilesFrom>(source)),
        root_(context.project_root),
        spill_(project::spill_folder(context.project)),
        storage_(context.files),
        cancel_(context.cancel),
        meter_(context.meter),
        hopeful_(context.hopeful),
        whole_(context.whole),
        now_(context.now),
        secrets_(context.shared ? context.shared->secrets : nullptr) {}

  std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) override {
    const auto files = waiting(txns);
    copies_.reset();
    if (files.empty()) return {};
    return amount(files);
  }

  void restore(const TableNow& table) override { table_ = table; }

  std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                            lake::DuckRows& session) override {
    auto rest = waiting(whole_ ? std::map<std::string, lake::Txn>() : txns);
    if (rest.empty() && !touched_.empty()) return touched_batch(txns);
    // Files that tell of no column (empty ones, of a source that declares none) make no table; as
    // long as there is none they are looked at again next time.
    while (!rest.empty()) {
      const auto files = take(rest);
      if (whole_ && !rest.empty()) throw several_formats(files[0], rest[0]);
      kept_.reset();
      copies_.reset();
      bad_.clear();
      // A moment in UTC as TIMESTAMP: what `year(…)` of it gives does not hang on the session's
      // time zone.
      const Parameters parameters = {{"extracted_at", {iso(now_), "TIMESTAMP"}}};
      if (memory_bytes_ == 0) memory_bytes_ = memory_of(session);
      auto records = read(files, session);
      add_bad(records);
      kept_ = records.kept;
      // Without a row: that they were read is kept all the same.
      if (records.sql.empty()) records.sql = no_rows();
      if (!records.sql.empty()) {
        count(files);
        return batch_of(files, records, parameters, txns);
      }
      if (!bad_.empty() || !records.rejected.empty()) throw no_columns(files, records, session);
    }
    return {};
  }

  /// Something failed while rows were staged: with the next look each file is read through alone
  /// first, to find which one it is.
  bool set_aside(const Error& error) override {
    if (careful_ || !spoiled(error)) return false;
    careful_ = true;
    return true;
  }

  /// Files that the table has rows of, and that are not there any more, stay its only witnesses.
  std::optional<Loss> parts_lost(const std::map<std::string, lake::Txn>& before,
                                 const Batch& now) override {
    const std::string mine = "files/" + source_.name + "/";
    std::vector<std::string> missing;
    for (const auto& [app_id, txn] : before) {
      const bool read = std::any_of(now.txns.begin(), now.txns.end(),
                                    [&, &app = app_id](const auto& t) { return t.app_id == app; });
      if (app_id.starts_with(mine) && !read) missing.push_back(app_id.substr(mine.size()));
    }
    if (missing.empty()) return {};
    return Loss{
        fmt::format("{} file{} that \"{}\" was read from {} not there any more, \"{}\" among them",
                    missing.size(), missing.size() == 1 ? "" : "s", source_.name,
                    missing.size() == 1 ? "is" : "are", missing[0]),
        "their rows are gone", "bring them back, or let their rows go"};
  }

 private:
  struct Bad {
    FoundFile file;
    std::string why;
  };

  // --- what is there

  /// A URL may hold a key in its query: what the table and its log know a file by does not.
  std::string kept_name(const std::string& path) const {
    return secrets_ ? secrets_->redact(path) : path;
  }

  /// What rows are told of a file's path: of one in the project from there on.
  std::string listed(const std::string& path, const std::string& pattern) const {
    if (on_http(pattern)) return utf8_name(kept_name(clients::shown_url(path)));
    const bool whole = in_storage(pattern) || pattern.starts_with('/');
    return utf8_name(kept_name(whole ? path : path.substr(root_.size() + 1)));
  }

  std::string app_id(const FoundFile& file) const {
    return "files/" + source_.name + "/" + file.name;
  }

  std::vector<FoundFile> find_all() const {
    std::vector<FoundFile> out;
    for (const auto& pattern : from_.files) {
      std::vector<FoundFile> found;
      if (on_http(pattern)) {
        if (!http_) http_ = clients::http_client();
        found = {find_on_http(*http_, pattern, cancel_)};
      } else if (in_storage(pattern)) {
        if (storage_ == nullptr) throw Error(Code::internal, "no home of files is given");
        found = find_in_storage(*storage_, pattern);
      } else {
        found = find_files(root_, pattern);
      }
      for (auto& file : found) {
        file.listed = listed(file.path, pattern);
        // Of several places each file is known by its whole path.
        if (from_.files.size() > 1) file.name = utf8_name(kept_name(file.path));
        out.push_back(std::move(file));
      }
    }
    return out;
  }

  std::string content_id(const FoundFile& file) const {
    return "content/" + source_.name + "/" + file.name;
  }

  /// Whether a file with another time holds what it held when it was read.
  bool only_touched(const FoundFile& file, const std::map<std::string, lake::Txn>& txns) {
    const auto content = txns.find(content_id(file));
    if (on_http(file.path) || content == txns.end()) return false;
    const int64_t was = content->second.version;
    return (was & 1023) == int64_t(file.size & 1023) && content_of(file, outside()) == was;
  }

  std::vector<FoundFile> waiting(const std::map<std::string, lake::Txn>& txns) {
    std::vector<FoundFile> out;
    touched_.clear();
    for (auto& file : find_all()) {
      const auto found = txns.find(app_id(file));
      const bool known = found != txns.end();
      if (known && (found->second.version == file.version || from_.changed == "ignore")) continue;
      if (known && only_touched(file, txns)) {
        touched_.push_back(std::move(file));
        continue;
      }
      if (known && from_.changed == "error") {
        throw Error(Code::data,
                    "file \"" + file.path + "\" has changed since \"" + source_.name + "\" read it",
                    "say `changed: append` or `changed: ignore` under `from`, or put its new rows "
                    "into a new file",
                    source_.from.place);
      }
      out.push_back(std::move(file));
    }
    return out;
  }

  /// Takes files of one format and one way of reading off the front, within the bounds of a batch.
  std::vector<FoundFile> take(std::vector<FoundFile>& rest) const {
    size_t count = 0;
    uint64_t bytes = 0;
    const auto fits = [&] {
      return whole_ || count == 0 ||
             (count < size_t(from_.batch_files) && bytes + rest[count].size <= kBatchBytes);
    };
    while (count < rest.size() && fits() && format(rest[count]) == format(rest[0]) &&
           on_http(rest[count].path) == on_http(rest[0].path)) {
      bytes += rest[count++].size;
    }
    const auto end = rest.begin() + std::ptrdiff_t(count);
    std::vector<FoundFile> out(rest.begin(), end);
    rest.erase(rest.begin(), end);
    return out;
  }

  std::string format(const FoundFile& file) const {
    if (!source_.format.empty()) return source_.format;
    if (from_.pattern || !from_.fixed.is_null()) return "text";
    std::string name = file.name;
    for (const char* packed : {".gz", ".zst"}) {
      if (name.ends_with(packed)) name.resize(name.size() - std::string_view(packed).size());
    }
    const std::pair<const char*, const char*> endings[] = {
        {".json", "json"}, {".jsonl", "json"},      {".ndjson", "json"}, {".csv", "csv"},
        {".tsv", "csv"},   {".parquet", "parquet"}, {".avro", "avro"},   {".xlsx", "excel"}};
    for (const auto& [ending, what] : endings) {
      if (name.ends_with(ending)) return what;
    }
    throw Error(Code::configuration,
                "the format of \"" + file.name + "\" does not show in its name",
                "say `format:` json, csv, parquet, avro, excel or text", source_.place);
  }

  // --- reading

  /// The file where a reader can get at it: fetched and unpacked where it has to be.
  FoundFile local(const FoundFile& file) {
    FoundFile out = file;
    if (!copies_) copies_ = std::make_unique<LocalCopies>(spill_);
    out.path = copies_->path(file.name);
    if (on_http(file.path)) {
      download(*http_, file.path, out.path, cancel_);
    } else {
      const auto writer = std::make_unique<std::ofstream>(out.path, std::ios::binary);
      for (uint64_t at = 0; at < file.size;) {
        const auto piece = storage_->read_range(file.path, at, 8 << 20);
        if (piece.empty()) break;
        writer->write(piece.data(), std::streamsize(piece.size()));
        at += piece.size();
      }
      writer->close();
      if (!*writer) throw system_error(errno, "write", out.path);
    }
    out.size = std::filesystem::file_size(out.path);
    return out;
  }

  /// Another name for a file whose own cannot stand in SQL.
  std::string link_to(const FoundFile& file) {
    if (!copies_) copies_ = std::make_unique<LocalCopies>(spill_);
    // A backslash in a path is no backslash to DuckDB where the path has to be escaped.
    std::string name = file.name.substr(file.name.rfind('/') + 1);
    std::replace(name.begin(), name.end(), '\\', '_');
    std::string link = copies_->path(fmt::format("links/{}/{}", ++links_, name));
    std::filesystem::create_symlink(file.path, link);
    return link;
  }

  Outside outside() {
    if (!copies_) copies_ = std::make_unique<LocalCopies>(spill_);
    Outside out{storage_, cancel_, copies_.get(), from_.record_bytes_max};
    out.unpacked_bytes_max = from_.unpacked_bytes_max;
    return out;
  }

  Records records_of(const std::vector<FoundFile>& files, lake::DuckRows& session) {
    const std::string kind = format(files[0]);
    std::vector<FoundFile> here;
    KnownTypes known = table_types(session);
    std::vector<std::string> warnings;
    const bool converted = kind == "avro" || kind == "excel";
    for (const auto& file : files) {
      FoundFile one = file;
      if (on_http(file.path) || (converted && in_storage(file.path))) one = local(file);
      if (utf8_name(one.path) != one.path) one.path = link_to(one);
      if (converted) {
        if (!copies_) copies_ = std::make_unique<LocalCopies>(spill_);
        const std::string to = copies_->path("lines/" + file.name);
        const auto found = kind == "avro"
                               ? avro_to_json_lines(one.path, to, bounds_of(one))
                               : xlsx_to_json_lines(one.path, to, from_.sheet, from_.skip,
                                                    bounds_of(one), places_asked(source_).line);
        check_columns(source_, file.name, found.columns, warnings);
        for (const auto& [column, type] : found.types) known.emplace(column, type);
        one.path = to;
        one.size = std::filesystem::file_size(to);
      }
      if (kind == "parquet") look_at_footer(one, outside(), footer_bounds_of(one));
      if (kind == "parquet" && !source_.columns.empty())
        check_columns(source_, file.name, columns_of_parquet(one, session), warnings);
      here.push_back(std::move(one));
    }
    if (kind == "csv") {
      auto bounded = outside();
      bounded.record_bytes_max = bounds_of(here[0]).record_bytes;
      return csv_records(here, source_, session, bounded, csv_shapes_, known,
                         hopeful_ && !careful_);
    }
    if (kind == "parquet") {
      auto records = parquet_records(here, source_, session, known);
      records.warnings = std::move(warnings);
      return records;
    }
    if (kind == "text") return text_records(here, source_, session, outside());
    auto records = json_records(here, source_, session, outside(), known, hopeful_ && !careful_);
    records.warnings = std::move(warnings);
    return records;
  }

  static std::vector<std::string> columns_of_parquet(const FoundFile& file,
                                                     lake::DuckRows& session) {
    std::vector<std::string> out;
    for (const auto& column : session.describe("SELECT * FROM read_parquet(" + path_list({file}) +
                                               ", hive_partitioning = false)"))
      out.push_back(column.name);
    return out;
  }

  FooterBounds footer_bounds_of(const FoundFile& file) {
    FooterBounds out;
    out.bytes = bounds_of(file).record_bytes / 4;
    out.rows = outside().unpacked_max(file);
    return out;
  }

  ConversionBounds bounds_of(const FoundFile& file) {
    ConversionBounds out;
    out.record_bytes = outside().record_bytes_max;
    out.unpacked_bytes = outside().unpacked_max(file);
    if (memory_bytes_ > 0) {
      out.record_bytes = std::min(out.record_bytes, memory_bytes_ / kMemoryShare);
      out.texts_bytes = std::min(out.texts_bytes, memory_bytes_ / kMemoryShare);
    }
    return out;
  }

  /// A column that the table has keeps its type, whatever a new file looks like: values that do
  /// not fit are set aside.
  KnownTypes table_types(lake::DuckRows& session) {
    KnownTypes out;
    if (table_.rows_sql.empty()) return out;
    for (auto& column : session.describe(table_.rows_sql)) {
      const auto declared =
          std::find_if(source_.columns.begin(), source_.columns.end(),
                       [&](const auto& each) { return each.name == column.name; });
      if (declared == source_.columns.end()) out.emplace(column.name, column.type);
    }
    return out;
  }

  Records read(const std::vector<FoundFile>& files, lake::DuckRows& session) {
    std::exception_ptr first;
    try {
      auto records = records_of(files, session);
      if (careful_ && !records.sql.empty() && files.size() == 1) probe(files, session);
      // Of CSV every value was looked at, file by file.
      if (!careful_ || files.size() == 1 || format(files[0]) == "csv") return records;
    } catch (const Error& error) {
      if (!spoiled(error)) throw;
      if (files.size() == 1) {
        // The engine's message may quote a whole line, however long.
        std::string why(utf8_prefix(error.problem().message, kWhyMax));
        if (from_.corrupt == "fail")
          throw Error(Code::corrupt, "file \"" + files[0].name + "\" cannot be read: " + why,
                      error.problem().hint, source_.from.place);
        bad_.push_back({files[0], std::move(why)});
        return {};
      }
      first = std::current_exception();
    }
    std::vector<FoundFile> good;
    const size_t bad_before = bad_.size();
    for (const auto& file : files) {
      const size_t before = bad_.size();
      read({file}, session);
      if (bad_.size() == before) good.push_back(file);
    }
    if (bad_.size() == bad_before && first) std::rethrow_exception(first);
    return good.empty() ? Records{} : records_of(good, session);
  }

  /// Every byte that a reader may stumble over, without what the user's own expressions make of it.
  void probe(const std::vector<FoundFile>& files, lake::DuckRows& session) {
    const std::string kind = format(files[0]);
    if (kind == "parquet") {
      const auto path = on_http(files[0].path) ? copies_->path(files[0].name) : files[0].path;
      session.query("SELECT max(hash(COLUMNS(*))) FROM read_parquet([" +
                    duck::quote_text(escape_glob(path)) + "])");
    }
  }

  void add_bad(Records& records) {
    for (const auto& bad : bad_) {
      if (!records.rejected.empty()) records.rejected += "\nUNION ALL\n";
      records.rejected += "SELECT " + duck::quote_text(bad.file.name) +
                          " AS origin, 0::BIGINT AS position, " +
                          duck::quote_text("the file cannot be read: " + bad.why) +
                          " AS error, NULL::VARCHAR AS content";
    }
  }

  /// No row of the table's columns, or of the declared ones; empty where nothing says which there
  /// are.
  std::string no_rows() const {
    if (!table_.rows_sql.empty()) {
      std::string without;  // partition columns are added to every batch
      for (const auto& [column, expression] : source_.partition_by) {
        if (!expression.empty())
          without += (without.empty() ? "" : ", ") + duck::quote_name(column);
      }
      return "SELECT *" + (without.empty() ? "" : " EXCLUDE (" + without + ")") + " FROM (" +
             table_.rows_sql + ") WHERE false";
    }
    std::string columns;
    for (const auto& column : source_.columns) {
      if (column.type.empty() || !column.value.empty()) return {};
      columns += (columns.empty() ? "" : ", ") + ("CAST(NULL AS " + column.type) + ") AS " +
                 duck::quote_name(column.name);
    }
    return columns.empty() || !source_.partition_by.empty() ? ""
                                                            : "SELECT " + columns + " WHERE false";
  }

  Error several_formats(const FoundFile& one, const FoundFile& other) const {
    return Error(Code::unsupported,
                 "\"" + source_.name + "\" reads files of several formats (\"" + one.name +
                     "\", \"" + other.name + "\"): they cannot become one commit",
                 "make a source for each format", source_.from.place);
  }

  /// Nothing of the files can be read, and there is no table whose columns would do.
  Error no_columns(const std::vector<FoundFile>& files, const Records& records,
                   lake::DuckRows& session) const {
    std::string file = files[0].name, why;
    if (!bad_.empty()) {
      file = bad_[0].file.name;
      why = bad_[0].why;
    } else {
      const auto first = session.query("SELECT origin, position, error FROM (" + records.rejected +
                                       ") ORDER BY origin, position LIMIT 1");
      file = cell_text(first.rows.at(0)[0]);
      why = "none of its records is good; line " + cell_text(first.rows.at(0)[1]) + ": " +
            cell_text(first.rows.at(0)[2]);
    }
    return Error(Code::corrupt, "file \"" + file + "\" cannot be read: " + why,
                 "\"" + source_.name + "\" has no table yet, and no other file to make one from",
                 source_.from.place);
  }

  void count(const std::vector<FoundFile>& files) {
    if (!meter_) return;
    Usage taken;
    taken.files_read = int64_t(files.size());
    taken.bytes_read = 0;
    for (const auto& file : files) *taken.bytes_read += int64_t(file.size);
    meter_->add(taken);
  }

  Batch batch_of(const std::vector<FoundFile>& files, const Records& records,
                 const Parameters& parameters, const std::map<std::string, lake::Txn>& txns) {
    Batch batch;
    batch.parameters = parameters;
    batch.select = with_partitions(source_, records.sql);
    batch.rejected_select = records.rejected;
    batch.misfits_select = records.misfits;
    batch.held = records.held;
    batch.rows_by_origin = records.rows_by_origin;
    batch.what = amount(files);
    batch.warnings = records.warnings;
    for (const auto& bad : bad_)
      batch.warnings.push_back("\"" + bad.file.name + "\" is set aside: " + bad.why);
    for (const auto& file : files) {
      const auto found = txns.find(app_id(file));
      batch.expect_txn[app_id(file)] =
          found == txns.end() ? std::nullopt : std::optional(found->second.version);
      batch.txns.push_back({app_id(file), file.version, micros(now_) / 1000});
      if (!on_http(file.path))
        batch.txns.push_back({content_id(file), content_of(file, outside()), micros(now_) / 1000});
      batch.origins[file.name] = app_id(file);
    }
    add_touched(batch, txns);
    return batch;
  }

  /// Their times are known from now on, so that they are not compared each time.
  void add_touched(Batch& batch, const std::map<std::string, lake::Txn>& txns) const {
    for (const auto& file : touched_) {
      batch.expect_txn[app_id(file)] = txns.at(app_id(file)).version;
      batch.txns.push_back({app_id(file), file.version, micros(now_) / 1000});
    }
  }

  std::optional<Batch> touched_batch(const std::map<std::string, lake::Txn>& txns) {
    Records none;
    none.sql = no_rows();
    if (none.sql.empty()) return {};
    auto batch = batch_of({}, none, {{"extracted_at", {iso(now_), "TIMESTAMP"}}}, txns);
    batch.what = fmt::format("{} file{} with another time and the same content", touched_.size(),
                             touched_.size() == 1 ? "" : "s");
    return batch;
  }

  const project::Source& source_;
  const FilesFrom from_;
  std::string root_, spill_;
  storage::FileSystem* storage_;
  Cancel* cancel_;
  Meter* meter_;
  mutable std::unique_ptr<clients::HttpClient> http_;
  int64_t links_ = 0;
  bool careful_ = false, hopeful_ = false, whole_ = false;
  Time now_;
  const Secrets* secrets_;
  TableNow table_;
  std::unique_ptr<LocalCopies> copies_;
  std::shared_ptr<void> kept_;  ///< what the last batch's SELECTs read
  CsvShapes csv_shapes_;
  std::vector<Bad> bad_;
  std::vector<FoundFile> touched_;  ///< files with another time and the same content
  uint64_t memory_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Reader> files_reader(const project::Source& source, const Context& context) {
  check_places(source);
  return std::make_unique<FilesReader>(source, context);
}

}  // namespace windrow::sources
