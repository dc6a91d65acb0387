#include "api/metrics.h"

#include <fmt/format.h>

#include <cmath>

namespace windrow::api {

namespace {

std::string escaped_label(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

double in_seconds(std::chrono::microseconds time) { return double(time.count()) / 1e6; }

using Names = std::vector<std::string>;

MetricsText::Labels labels_of(const Names& names, const std::vector<std::string>& values) {
  MetricsText::Labels out;
  for (size_t i = 0; i < names.size(); ++i) out.emplace_back(names[i], values[i]);
  return out;
}

template <typename Counts>
void put_counts(MetricsText& text, const char* name, const char* help, const Names& names,
                const Counts& counts) {
  text.family(name, "counter", help);
  for (const auto& [key, value] : counts) text.sample(labels_of(names, key), value);
}

template <typename Histograms>
void put_histograms(MetricsText& text, const char* name, const char* help, const Names& names,
                    const Histograms& all) {
  text.family(name, "histogram", help);
  for (const auto& [key, value] : all) value.put(text, labels_of(names, key));
}

}  // namespace

void MetricsText::family(const std::string& name, const std::string& type,
                         const std::string& help) {
  name_ = name;
  text_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

void MetricsText::sample(const Labels& labels, double value, const std::string& suffix) {
  text_ += name_ + suffix;
  for (size_t i = 0; i < labels.size(); ++i)
    text_ +=
        (i == 0 ? "{" : ",") + labels[i].first + "=\"" + escaped_label(labels[i].second) + "\"";
  if (!labels.empty()) text_ += "}";
  text_ += std::isinf(value) ? (value > 0 ? " +Inf\n" : " -Inf\n") : fmt::format(" {}\n", value);
}

void Histogram::add(double seconds) {
  size_t i = 0;
  while (i < kBounds.size() && seconds > kBounds[i]) ++i;
  ++counts[i];
  sum += seconds;
}

void Histogram::put(MetricsText& text, const MetricsText::Labels& labels) const {
  uint64_t all = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    all += counts[i];
    auto with_bound = labels;
    with_bound.emplace_back("le", i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf");
    text.sample(with_bound, double(all), "_bucket");
  }
  text.sample(labels, sum, "_sum");
  text.sample(labels, double(all), "_count");
}

void Metrics::told(const server::Told& told) {
  std::lock_guard lock(mutex_);
  if (told.event == "fires" || told.event == "skipped" || told.event == "failed")
    fires_[{told.project, told.schedule, told.event == "fires" ? "fired" : told.event}] +=
        told.event == "skipped" ? double(std::max<int64_t>(told.count, 1)) : 1;
  if (told.event == "late") ++late_[{told.project, told.schedule}];
}

void Metrics::happened(const std::string& project, const observe::Event& event) {
  std::lock_guard lock(mutex_);
  if (const auto* begun = std::get_if<observe::RunStarted>(&event.what)) {
    going_[event.run] = {project, 0};
    if (begun->due)
      delays_[{project, begun->schedule}].add(std::max(0.0, in_seconds(event.at - *begun->due)));
  } else if (const auto* ended = std::get_if<observe::RunEnded>(&event.what)) {
    going_.erase(event.run);
    ++runs_[{project, ended->status}];
    run_seconds_[{project}].add(in_seconds(ended->elapsed));
  } else if (std::holds_alternative<observe::TaskStarted>(event.what)) {
    if (const auto run = going_.find(event.run); run != going_.end()) ++run->second.second;
  } else if (std::holds_alternative<observe::TaskRetrying>(event.what)) {
    ++retries_[{project}];
    if (const auto run = going_.find(event.run); run != going_.end() && run->second.second > 0)
      --run->second.second;
  } else if (const auto* task = std::get_if<observe::TaskOutcome>(&event.what)) {
    ++tasks_[{project, task->kind, task->status}];
    if (const auto run = going_.find(event.run);
        run != going_.end() && task->attempts > 0 && run->second.second > 0)
      --run->second.second;
    if (task->attempts > 0) task_seconds_[{project, task->kind}].add(in_seconds(task->elapsed));
    if (task->rows > 0) rows_[{project, task->asset}] += double(task->rows);
    if (task->rejected > 0) rejected_[{project, task->asset}] += double(task->rejected);
    if (task->usage.cpu) cpu_[{project, task->asset}] += double(task->usage.cpu->count()) / 1e9;
    if (task->usage.bytes_read) read_[{project, task->asset}] += double(*task->usage.bytes_read);
    if (task->usage.bytes_written)
      written_[{project, task->asset}] += double(*task->usage.bytes_written);
  } else if (const auto* check = std::get_if<observe::CheckDone>(&event.what)) {
    ++checks_[{project, check->severity, check->passed ? "passed" : "failed"}];
  } else if (const auto* breaker = std::get_if<observe::BreakerMoved>(&event.what)) {
    breakers_[{project, breaker->connection}] = breaker->open ? 1 : 0;
  }
}

void Metrics::answered(const std::string& method, int status, double seconds) {
  std::lock_guard lock(mutex_);
  const bool known = method == "GET" || method == "POST" || method == "DELETE" || method == "HEAD";
  ++answers_[{known ? method : "other", std::to_string(status)}];
  answer_seconds_.add(seconds);
}

void Metrics::put(MetricsText& text) const {
  std::lock_guard lock(mutex_);
  put_counts(text, "windrow_runs_total", "Runs that ended, by how.", {"project", "status"}, runs_);
  put_histograms(text, "windrow_run_seconds", "How long runs took.", {"project"}, run_seconds_);
  put_histograms(text, "windrow_run_delay_seconds",
                 "From the due time of a schedule to the begin of its run.",
                 {"project", "schedule"}, delays_);
  std::map<std::string, std::pair<size_t, size_t>> now;
  for (const auto& [run, where] : going_) {
    ++now[where.first].first;
    now[where.first].second += where.second;
  }
  text.family("windrow_runs_running", "gauge", "Runs that go on.");
  for (const auto& [project, counts] : now)
    text.sample({{"project", project}}, double(counts.first));
  text.family("windrow_tasks_running", "gauge", "Tasks that are at work.");
  for (const auto& [project, counts] : now)
    text.sample({{"project", project}}, double(counts.second));
  put_counts(text, "windrow_tasks_total", "Tasks that ended, by kind and how.",
             {"project", "kind", "status"}, tasks_);
  put_histograms(text, "windrow_task_seconds", "How long tasks took, all attempts together.",
                 {"project", "kind"}, task_seconds_);
  put_counts(text, "windrow_task_retries_total",
             "Attempts that failed and were followed by another.", {"project"}, retries_);
  put_counts(text, "windrow_rows_written_total", "Rows written.", {"project", "asset"}, rows_);
  put_counts(text, "windrow_rows_rejected_total", "Records that were set aside.",
             {"project", "asset"}, rejected_);
  put_counts(text, "windrow_task_cpu_seconds_total", "Processor time of tasks.",
             {"project", "asset"}, cpu_);
  put_counts(text, "windrow_task_read_bytes_total", "Bytes that tasks read.", {"project", "asset"},
             read_);
  put_counts(text, "windrow_task_written_bytes_total", "Bytes that tasks wrote.",
             {"project", "asset"}, written_);
  put_counts(text, "windrow_checks_total", "Checks, by severity and result.",
             {"project", "severity", "result"}, checks_);
  put_counts(text, "windrow_schedule_fires_total",
             "Due times of schedules, by what became of them.", {"project", "schedule", "result"},
             fires_);
  put_counts(text, "windrow_schedule_late_total", "Deadlines that were missed.",
             {"project", "schedule"}, late_);
  text.family("windrow_connection_open_circuit", "gauge",
              "1 while tasks of a connection wait because it does not answer.");
  for (const auto& [key, open] : breakers_)
    text.sample(labels_of({"project", "connection"}, key), open);
  put_counts(text, "windrow_http_answers_total", "Answers over HTTP.", {"method", "status"},
             answers_);
  text.family("windrow_http_answer_seconds", "histogram", "How long answers took to be made.");
  answer_seconds_.put(text, {});
}

}  // namespace windrow::api
