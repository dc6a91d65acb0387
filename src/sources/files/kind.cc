#include "sources/files/kind.h"

#include <unistd.h>

#include "sources/files/found_file.h"
#include "sources/files/remote_files.h"

namespace windrow::sources {

namespace {

using project::integer_type;
using project::mapping_type;
using project::text_type;
using project::word_type;

constexpr size_t kFilesLookedAt = 1000;

project::Keys<FilesFrom> keys() {
  project::Keys<FilesFrom> out("files");
  out.required("files", &FilesFrom::files, project::one_or_list_type(text_type()),
               "A path or a glob, relative to the project, on `s3://` or `hdfs://`; or an http(s) "
               "URL. Also several.")
      .optional("changed", &FilesFrom::changed, word_type({"append", "ignore", "error"}), "append",
                "What becomes of a file that has changed since it was read: its rows come again, "
                "it is passed over, or it is an error.")
      .optional("batch_files", &FilesFrom::batch_files, integer_type(1), "500",
                "At most so many files in one commit.")
      .optional("corrupt", &FilesFrom::corrupt, word_type({"set_aside", "fail"}), "set_aside",
                "What becomes of a file that cannot be read at all.")
      .optional("missing_column", &FilesFrom::missing_column,
                word_type({"null", "set_aside", "fail"}), "set_aside",
                "Of csv, parquet, avro and excel: what becomes of a file without a column that is "
                "declared and has no `value`: its rows have NULL there, the file is set aside, or "
                "the run stops.")
      .optional("unpacked_bytes_max", &FilesFrom::unpacked_bytes_max, project::size_type(),
                "1 GiB, or 200 times its size",
                "Of one file, where it is packed or converted (gzip, Zstandard, Avro, Excel): a "
                "longer one is set aside.")
      .optional("csv", &FilesFrom::csv, mapping_type(), "found by looking at each file",
                "Of CSV: delimiter, quote, escape, header, names, skip, nulls, comment, decimal, "
                "encoding, date_format, timestamp_format, strict.")
      .optional("pattern", &FilesFrom::pattern, text_type(), "",
                "Of text: a regular expression with named groups, which become columns; `common` "
                "and `combined` are the logs of web servers.")
      .optional("fixed", &FilesFrom::fixed, mapping_type("mapping of column to positions"), "",
                "Of text: the positions of each column, such as `{id: 1-8, name: 9-40}`.")
      .optional("nulls", &FilesFrom::nulls, text_type(), "empty, `-` in logs",
                "Of text: what stands for NULL.")
      .optional("skip", &FilesFrom::skip, integer_type(0), "0",
                "Of text and excel: so many lines or rows come before the first.")
      .optional("sheet", &FilesFrom::sheet, text_type(), "the first", "Of excel: the sheet.");
  add_record_bytes_max(out);
  return out;
}

/// What can be told without opening each: that the user may read them.
void check_readable(const std::string& root, const std::string& pattern) {
  size_t looked_at = 0;
  for (const auto& file : find_files(root, pattern)) {
    if (++looked_at > kFilesLookedAt) return;
    if (::access(file.path.c_str(), R_OK) == 0) continue;
    throw Error(Code::permission, "file \"" + file.path + "\" may not be read",
                "let the user who runs windrow read it: chmod a+r \"" + file.path + "\"");
  }
}

std::string look(const project::Source& source, const Context& context, Cancel&) {
  for (const auto& pattern : project::own_or_default<FilesFrom>(source).files) {
    if (!on_http(pattern) && !in_storage(pattern)) check_readable(context.project_root, pattern);
  }
  return files_reader(source, context)->pending({}).value_or("no file is there yet");
}

}  // namespace

SourceKind files_kind() {
  SourceKind out;
  out.declared = {"files", project::own_type(keys()), {}};
  out.declared.in_files = true;
  out.open = files_reader;
  out.look = look;
  out.finds_columns = true;
  out.shaping = {"csv", "pattern", "fixed", "nulls", "skip", "sheet"};
  return out;
}

}  // namespace windrow::sources
