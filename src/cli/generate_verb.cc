#include <fmt/format.h>

#include <cstdio>
#include <thread>

#include "app/app.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "clients/kafka.h"
#include "sources/generate/generator.h"
#include "sources/kafka/options.h"

// generate.
namespace windrow::cli {

namespace {

constexpr auto kArrival = std::chrono::minutes(2);  // the broker may be restarting

/// Where records go.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void send(const sources::Generated& record) = 0;
  virtual void finish() = 0;
};

class FileSink final : public Sink {
 public:
  explicit FileSink(const std::string& path) : path_(path) {
    file_ = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
    if (!file_) throw system_error(errno, "write", path);
  }
  ~FileSink() override {
    if (file_ && file_ != stdout) std::fclose(file_);
  }
  void send(const sources::Generated& record) override {
    if (std::fwrite(record.value.data(), 1, record.value.size(), file_) != record.value.size() ||
        std::fputc('\n', file_) == EOF)
      throw system_error(errno, "write", path_);
  }
  void finish() override {
    if (std::fflush(file_) != 0) throw system_error(errno, "write", path_);
  }

 private:
  std::string path_;
  std::FILE* file_;
};

class KafkaSink final : public Sink {
 public:
  KafkaSink(clients::KafkaSettings settings, const std::string& topic, int partitions)
      : topic_(topic), producer_(with_defaults(std::move(settings))) {
    producer_.create_topic(topic, partitions, std::chrono::seconds(30));
  }
  void send(const sources::Generated& record) override {
    producer_.send(topic_, record.key, record.value);
  }
  void finish() override { producer_.flush(kArrival); }

 private:
  static clients::KafkaSettings with_defaults(clients::KafkaSettings settings) {
    const std::pair<const char*, const char*> defaults[] = {
        {"linger.ms", "20"},
        {"batch.num.messages", "10000"},
        {"queue.buffering.max.messages", "200000"},
        {"queue.buffering.max.kbytes", "65536"}};
    for (const auto& [name, value] : defaults) settings.try_emplace(name, value);
    // Keys of a few languages would all lie in few partitions.
    settings.try_emplace("partitioner", "murmur2_random");
    return settings;
  }
  std::string topic_;
  clients::KafkaProducer producer_;
};

clients::KafkaSettings settings_of(Session& session) {
  const auto& a = session.arguments;
  if (!a.brokers.empty()) return {{"bootstrap.servers", a.brokers}, {"client.id", "windrow"}};
  const auto app = open_app(session);
  std::vector<std::string> known;
  const auto workspace = app->workspace();
  for (const auto& [name, connection] : workspace->project.connections) {
    if (connection.type != "kafka") continue;
    if (a.connection.empty() || a.connection == name) return sources::kafka_settings(connection);
    known.push_back(name);
  }
  throw Error(Code::usage,
              a.connection.empty()
                  ? "the project has no connection of the type kafka"
                  : "the project has no connection \"" + a.connection + "\" of the type kafka",
              known.empty() ? "say --brokers HOST:PORT" : did_you_mean(a.connection, known));
}

std::unique_ptr<Sink> sink_of(Session& session) {
  const auto& a = session.arguments;
  if (a.send_to == "file")
    return std::make_unique<FileSink>(a.out_file.empty() ? a.kind + ".ndjson" : a.out_file);
  if (a.send_to == "kafka") {
    return std::make_unique<KafkaSink>(settings_of(session), a.topic.empty() ? a.kind : a.topic,
                                       a.partitions);
  }
  throw Error(Code::usage, "--to takes kafka or file, but \"" + a.send_to + "\" is neither");
}

double share(double value, const char* option) {
  if (value >= 0 && value <= 1) return value;
  throw Error(Code::usage, fmt::format("{} takes a share from 0 to 1", option));
}

}  // namespace

int generate_verb(Session& session) {
  const auto& a = session.arguments;
  sources::GeneratorOptions options;
  options.seed = uint64_t(a.seed);
  options.begin =
      a.start.empty() ? *parse_time("2025-10-17T14:00:00Z") : time_argument(a.start, "--start");
  options.duplicates = share(a.duplicates, "--duplicates");
  options.late = share(a.late, "--late");
  options.broken = share(a.broken, "--broken");
  if (!a.span.empty()) {
    const auto span = parse_duration(a.span);
    if (!span || span->count() <= 0) {
      throw Error(Code::usage, "--span takes a duration, but \"" + a.span + "\" is none",
                  "write 12h or 3d");
    }
    options.stretch = sources::stretch_of(*span, a.rows);
  }
  const auto generator = sources::generator(a.kind, options);
  const auto sink = sink_of(session);
  const auto begun = session.clock.steady();
  sources::Generated record;
  int64_t bytes = 0;
  for (int64_t i = 0; i < a.rows; ++i) {
    generator->next(record);
    sink->send(record);
    bytes += int64_t(record.value.size());
    if (i % 256 != 0) continue;
    if (session.interrupts.cancel().requested()) session.interrupts.cancel().check();
    if (a.rate <= 0) continue;
    const auto due = begun + std::chrono::microseconds(int64_t(double(i) / a.rate * 1e6));
    const auto early = due - session.clock.steady();
    if (early.count() > 0) {
      session.interrupts.cancel().wait_for(
          std::chrono::duration_cast<std::chrono::microseconds>(early));
    }
  }
  sink->finish();
  const auto elapsed =
      std::chrono::duration_cast<std::chrono::microseconds>(session.clock.steady() - begun);
  if (session.out.json()) {
    session.out.write(dumped({{"kind", a.kind},
                              {"rows", a.rows},
                              {"bytes", bytes},
                              {"seconds", double(elapsed.count()) / 1e6}}));
  } else {
    session.out.note(fmt::format("{}, {} in {}", counted(a.rows, "record"), bytes_text(bytes),
                                 seconds_text(elapsed)));
  }
  return kDone;
}

}  // namespace windrow::cli
