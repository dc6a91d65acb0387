#include "cli/usage_text.h"

#include "cli/text.h"

namespace windrow::cli {

namespace {

std::string cpu_text(const Usage& usage) {
  return seconds_text(std::chrono::duration_cast<std::chrono::microseconds>(*usage.cpu));
}

/// `1.2 GB read from 12 files`, with as much of it as is known.
std::string moved_text(const std::optional<int64_t>& bytes, const std::optional<int64_t>& files,
                       const std::string& verb, const std::string& where) {
  if (!bytes && !files) return {};
  if (!bytes) return counted(*files, "file") + " " + verb;
  return bytes_text(*bytes) + " " + verb + (files ? " " + where + counted(*files, "file") : "");
}

}  // namespace

std::vector<std::string> usage_heads() { return {"cpu", "memory", "read", "written"}; }

std::vector<TextTable::Cell> usage_cells(const Usage& usage) {
  const auto bytes = [](const std::optional<int64_t>& n) {
    return n ? bytes_text(*n) : std::string();
  };
  return {usage.cpu ? cpu_text(usage) : std::string(), bytes(usage.peak_memory),
          bytes(usage.bytes_read), bytes(usage.bytes_written)};
}

std::string usage_text(const Usage& usage) {
  std::string out;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) out += (out.empty() ? "" : ", ") + part;
  };
  if (usage.cpu) add(cpu_text(usage) + " of processor time");
  add(moved_text(usage.bytes_read, usage.files_read, "read", "from "));
  add(moved_text(usage.bytes_written, usage.files_written, "written", "to "));
  if (usage.peak_memory) add("at most " + bytes_text(*usage.peak_memory) + " of memory");
  return out;
}

}  // namespace windrow::cli
