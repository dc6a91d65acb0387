#include "observe/log.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/secret_text.h"
#include "storage/private_file.h"

namespace windrow::observe {

Log::Log(const std::string& path, const Secrets& secrets, const Clock& clock)
    : secrets_(secrets), clock_(clock) {
  storage::make_private_folder(std::filesystem::path(path).parent_path());
  storage::make_private_file(path);
  file_ = std::fopen(path.c_str(), "ae");
}

Log::~Log() {
  if (file_) std::fclose(file_);
}

void Log::write(std::string_view level, std::string_view event, const LogFields& fields) {
  nlohmann::ordered_json line;
  line["ts"] = iso(clock_.now());
  line["level"] = level;
  line["event"] = event;
  for (const auto& [key, value] : fields) {
    std::visit([&](const auto& v) { line[key] = v; }, value);
  }
  const std::string text =
      redact_json(secrets_,
                  line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) +
      "\n";
  std::lock_guard lock(mutex_);
  if (!file_ || std::fwrite(text.data(), 1, text.size(), file_) != text.size() ||
      std::fflush(file_) != 0)
    ++lost_;
}

}  // namespace windrow::observe
