#include "clients/kafka.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <mutex>
#include <set>
#include <utility>

namespace windrow::clients {
namespace {

using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                   decltype(&rd_kafka_topic_partition_list_destroy)>;

Partitions list_of(const KafkaOffsets& offsets) {
  Partitions out(rd_kafka_topic_partition_list_new(int(offsets.size())),
                 rd_kafka_topic_partition_list_destroy);
  for (const auto& [at, offset] : offsets) {
    rd_kafka_topic_partition_list_add(out.get(), at.topic.c_str(), at.partition)->offset = offset;
  }
  return out;
}

KafkaOffsets offsets_of(const rd_kafka_topic_partition_list_t& list) {
  KafkaOffsets out;
  for (int i = 0; i < list.cnt; ++i)
    out[{list.elems[i].topic, list.elems[i].partition}] = list.elems[i].offset;
  return out;
}

std::vector<KafkaPartition> partitions_of(const rd_kafka_topic_partition_list_t& list) {
  std::vector<KafkaPartition> out;
  for (int i = 0; i < list.cnt; ++i) out.push_back({list.elems[i].topic, list.elems[i].partition});
  return out;
}

Code code_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return Code::permission;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return Code::not_found;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: return Code::history_lost;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT: return Code::timeout;
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return Code::configuration;
    default: return Code::unavailable;
  }
}

/// What a client last complained of: an answer that never comes has its reason there.
struct Complaints {
  std::mutex mutex;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string text;

  void keep(rd_kafka_resp_err_t e, const char* reason) {
    std::lock_guard lock(mutex);
    // A refused log-in says more than the connections that it closed.
    if (code_of(error) == Code::permission && code_of(e) != Code::permission) return;
    error = e;
    text = reason ? reason : "";
  }
};

/// `sasl_plaintext://127.0.0.1:9092/bootstrap: Authentication failed …` without where it comes
/// from.
std::string shortened(const std::string& text) {
  const auto at = text.find("]: ");
  return at == std::string::npos ? text : text.substr(at + 3);
}

[[noreturn]] void raise(rd_kafka_resp_err_t error, const std::string& doing,
                        Complaints* complaints) {
  std::string message = fmt::format("kafka: {}: {}", doing, rd_kafka_err2str(error));
  Code code = code_of(error);
  std::string hint;
  if (complaints) {
    std::lock_guard lock(complaints->mutex);
    if (complaints->error != RD_KAFKA_RESP_ERR_NO_ERROR &&
        (code == Code::timeout || code == Code::unavailable)) {
      message = fmt::format("kafka: {}: {}", doing, shortened(complaints->text));
      code = code_of(complaints->error);
    }
  }
  if (code == Code::timeout) code = Code::unavailable;
  if (code == Code::unavailable) hint = "see that the brokers of the connection are right and run";
  if (code == Code::permission)
    hint = "see to user, password, mechanism and tls of the connection, and to the broker's rules";
  throw Error(code, message, hint);
}

std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf_of(
    const KafkaSettings& settings) {
  std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(rd_kafka_conf_new(),
                                                                          rd_kafka_conf_destroy);
  char text[512];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text, sizeof(text)) !=
        RD_KAFKA_CONF_OK) {
      throw Error(Code::configuration,
                  fmt::format("the kafka client does not take the setting \"{}\"", name),
                  "its settings are those of librdkafka " + std::string(rd_kafka_version_str()));
    }
  }
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  return conf;
}

template <typename Conf>
rd_kafka_t* client_of(rd_kafka_type_t type, Conf conf) {
  char text[512];
  rd_kafka_t* out = rd_kafka_new(type, conf.get(), text, sizeof(text));
  if (!out) {
    throw Error(Code::configuration, fmt::format("the kafka client does not start: {}", text),
                "see to the settings of the connection");
  }
  conf.release();  // the client's now
  return out;
}

void on_error(rd_kafka_t*, int error, const char* reason, void* opaque) {
  static_cast<Complaints*>(opaque)->keep(rd_kafka_resp_err_t(error), reason);
}

/// A client, and what its group has given it.
struct Member {
  rd_kafka_t* client = nullptr;
  rd_kafka_queue_t* queue = nullptr;
  KafkaAssignment* assignment = nullptr;
  Complaints complaints;
  KafkaOffsets next;               ///< of each assigned partition
  std::set<KafkaPartition> names;  ///< stable addresses for messages
  /// Taken away during `consume`. Where one came back in the same call, nobody knows which of the
  /// messages are of before and which of after.
  std::set<KafkaPartition> gone;
  std::exception_ptr thrown;  ///< by the assignment's owner
  bool paused = false;
  std::vector<rd_kafka_message_t*> messages;
  KafkaMessage message;

  int timeout(std::chrono::milliseconds t) const { return int(t.count()); }

  void check(rd_kafka_resp_err_t error, const std::string& doing) {
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) raise(error, doing, &complaints);
  }
  void check(rd_kafka_error_t* error, const std::string& doing) {
    if (!error) return;
    const auto code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    raise(code, doing, &complaints);
  }

  /// The group decided. Its protocol must be answered whatever the owner throws.
  void rebalance(rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list) {
    const char* protocol = rd_kafka_rebalance_protocol(client);
    const bool cooperative = protocol && std::string_view(protocol) == "COOPERATIVE";
    const auto changes = partitions_of(*list);
    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      KafkaOffsets begin;
      try {
        if (!thrown) begin = assignment->assigned(changes);
      } catch (...) {
        thrown = std::current_exception();
      }
      if (begin.empty() && thrown) {
        answer(cooperative, nullptr);
        return;
      }
      if (!cooperative) next.clear();
      next.insert(begin.begin(), begin.end());
      const auto assigned = list_of(begin);
      answer(cooperative, assigned.get());
      if (paused) rd_kafka_pause_partitions(client, assigned.get());
      return;
    }
    try {
      if (!thrown) assignment->revoked(changes, rd_kafka_assignment_lost(client));
    } catch (...) {
      thrown = std::current_exception();
    }
    for (const auto& each : changes) {
      next.erase(each);
      gone.insert(each);
    }
    if (cooperative) {
      if (auto* problem = rd_kafka_incremental_unassign(client, list))
        rd_kafka_error_destroy(problem);
    } else {
      next.clear();
      rd_kafka_assign(client, nullptr);
    }
  }

  void answer(bool cooperative, const rd_kafka_topic_partition_list_t* begin) {
    if (!cooperative) {
      rd_kafka_assign(client, begin);
    } else if (begin) {
      if (auto* problem = rd_kafka_incremental_assign(client, begin))
        rd_kafka_error_destroy(problem);
    } else if (auto* problem = rd_kafka_incremental_assign(client, list_of(KafkaOffsets{}).get())) {
      rd_kafka_error_destroy(problem);
    }
  }

  void seek(const KafkaOffsets& offsets) {
    if (offsets.empty()) return;
    const auto list = list_of(offsets);
    check(rd_kafka_seek_partitions(client, list.get(), 10'000), "seeking");
    for (int i = 0; i < list->cnt; ++i) check(list->elems[i].err, "seeking");
    for (const auto& [at, offset] : offsets) next[at] = offset;
  }

  void take(const rd_kafka_message_t& from, const std::function<void(const KafkaMessage&)>& give) {
    // A partition's name is the same for whole runs of messages.
    const char* topic = rd_kafka_topic_name(from.rkt);
    if (!message.from || message.from->partition != from.partition ||
        message.from->topic != topic) {
      message.from = &*names.insert({topic, from.partition}).first;
      place = next.find(*message.from);
    }
    if (place == next.end() || from.offset < place->second || gone.count(*message.from)) return;
    message.offset = from.offset;
    message.timestamp_ms = rd_kafka_message_timestamp(&from, nullptr);
    message.key.reset();
    message.value.reset();
    if (from.key) message.key.emplace(static_cast<const char*>(from.key), from.key_len);
    if (from.payload) message.value.emplace(static_cast<const char*>(from.payload), from.len);
    message.headers.clear();
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&from, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* name = nullptr;
      const void* value = nullptr;
      size_t size = 0;
      for (size_t i = 0;
           rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
           ++i) {
        std::optional<std::string_view> text;
        if (value) text.emplace(static_cast<const char*>(value), size);
        message.headers.emplace_back(name, text);
      }
    }
    place->second = from.offset + 1;
    give(message);
  }
  KafkaOffsets::iterator place;
};

class RealConsumer final : public KafkaConsumer {
 public:
  RealConsumer(const KafkaSettings& settings, KafkaAssignment* assignment);
  ~RealConsumer() override;

  std::string cluster(std::chrono::milliseconds timeout) override;
  std::vector<KafkaPartition> partitions(const std::string& topic,
                                         std::chrono::milliseconds timeout) override;
  Range range(const KafkaPartition& partition, std::chrono::milliseconds timeout) override;
  std::optional<int64_t> known_end(const KafkaPartition& partition) override;
  KafkaOffsets offsets_at(const std::vector<KafkaPartition>& partitions, int64_t time_ms,
                          std::chrono::milliseconds timeout) override;
  KafkaOffsets committed(const std::vector<KafkaPartition>& partitions,
                         std::chrono::milliseconds timeout) override;
  void subscribe(const std::vector<std::string>& topics) override;
  void assign(const KafkaOffsets& offsets) override;
  void seek(const KafkaOffsets& offsets) override;
  void pause() override;
  void resume() override;
  size_t consume(size_t max, std::chrono::milliseconds timeout,
                 const std::function<void(const KafkaMessage&)>& take) override;
  void commit(const KafkaOffsets& offsets) noexcept override;
  void close() override;

 private:
  /// librdkafka keeps its address.
  std::unique_ptr<Member> member_;
};

RealConsumer::RealConsumer(const KafkaSettings& settings, KafkaAssignment* assignment)
    : member_(std::make_unique<Member>()) {
  member_->assignment = assignment;
  KafkaSettings all = settings;
  // Where to begin is said with each assignment; what the group has committed decides nothing.
  all["enable.auto.commit"] = "false";
  all["enable.auto.offset.store"] = "false";
  all["auto.offset.reset"] = "error";
  // Ends are not told among the messages: librdkafka takes such an event for a message that was
  // consumed, and after a pause or a change of the leader goes on one message too late.
  all["enable.partition.eof"] = "false";
  auto conf = conf_of(all);
  rd_kafka_conf_set_opaque(conf.get(), member_.get());
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t* rk, int e, const char* why, void* opaque) {
    on_error(rk, e, why, &static_cast<Member*>(opaque)->complaints);
  });
  if (assignment) {
    rd_kafka_conf_set_rebalance_cb(
        conf.get(),
        [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list,
           void* opaque) { static_cast<Member*>(opaque)->rebalance(error, list); });
  }
  member_->client = client_of(RD_KAFKA_CONSUMER, std::move(conf));
  rd_kafka_poll_set_consumer(member_->client);
  member_->queue = rd_kafka_queue_get_consumer(member_->client);
}

RealConsumer::~RealConsumer() {
  if (!member_->client) return;
  member_->assignment = nullptr;
  if (member_->queue) rd_kafka_queue_destroy(member_->queue);
  rd_kafka_destroy_flags(member_->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

std::string RealConsumer::cluster(std::chrono::milliseconds timeout) {
  char* id = rd_kafka_clusterid(member_->client, member_->timeout(timeout));
  if (!id) {
    // A client that nobody has polled says nothing of why.
    consume(0, std::chrono::milliseconds(1), [](const KafkaMessage&) {});
    raise(RD_KAFKA_RESP_ERR__TIMED_OUT, "no broker answers", &member_->complaints);
  }
  std::string out = id;
  rd_kafka_mem_free(member_->client, id);
  return out;
}

std::vector<KafkaPartition> RealConsumer::partitions(const std::string& topic,
                                                     std::chrono::milliseconds timeout) {
  auto* handle = rd_kafka_topic_new(member_->client, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error =
      rd_kafka_metadata(member_->client, 0, handle, &metadata, member_->timeout(timeout));
  rd_kafka_topic_destroy(handle);
  member_->check(error, "asking for topic \"" + topic + "\"");
  std::vector<KafkaPartition> out;
  auto broken = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    if (metadata->topics[i].err) broken = metadata->topics[i].err;
    for (int p = 0; p < metadata->topics[i].partition_cnt; ++p)
      out.push_back({topic, metadata->topics[i].partitions[p].id});
  }
  rd_kafka_metadata_destroy(metadata);
  if (broken != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw Error(code_of(broken),
                fmt::format("kafka: topic \"{}\": {}", topic, rd_kafka_err2str(broken)),
                "see that the topic is there and may be read");
  }
  return out;
}

KafkaConsumer::Range RealConsumer::range(const KafkaPartition& partition,
                                         std::chrono::milliseconds timeout) {
  Range out;
  member_->check(rd_kafka_query_watermark_offsets(member_->client, partition.topic.c_str(),
                                                  partition.partition, &out.first, &out.end,
                                                  member_->timeout(timeout)),
                 fmt::format("asking for the ends of {}/{}", partition.topic, partition.partition));
  return out;
}

std::optional<int64_t> RealConsumer::known_end(const KafkaPartition& partition) {
  int64_t first = 0, end = -1;
  if (rd_kafka_get_watermark_offsets(member_->client, partition.topic.c_str(), partition.partition,
                                     &first, &end) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      end < 0)
    return {};
  return end;
}

KafkaOffsets RealConsumer::offsets_at(const std::vector<KafkaPartition>& partitions,
                                      int64_t time_ms, std::chrono::milliseconds timeout) {
  KafkaOffsets times;
  for (const auto& each : partitions) times[each] = time_ms;
  const auto list = list_of(times);
  member_->check(rd_kafka_offsets_for_times(member_->client, list.get(), member_->timeout(timeout)),
                 "asking for the offsets of a time");
  for (int i = 0; i < list->cnt; ++i)
    member_->check(list->elems[i].err, "asking for the offsets of a time");
  KafkaOffsets out = offsets_of(*list);
  for (auto& [at, offset] : out) {
    if (offset < 0) offset = range(at, timeout).end;
  }
  return out;
}

KafkaOffsets RealConsumer::committed(const std::vector<KafkaPartition>& partitions,
                                     std::chrono::milliseconds timeout) {
  const char* doing = "asking how far the group is";
  KafkaOffsets none;
  for (const auto& each : partitions) none[each] = RD_KAFKA_OFFSET_INVALID;
  const auto list = list_of(none);
  member_->check(rd_kafka_committed(member_->client, list.get(), member_->timeout(timeout)), doing);
  for (int i = 0; i < list->cnt; ++i) member_->check(list->elems[i].err, doing);
  KafkaOffsets out = offsets_of(*list);
  std::erase_if(out, [](const auto& each) { return each.second < 0; });
  return out;
}

void RealConsumer::subscribe(const std::vector<std::string>& topics) {
  KafkaOffsets names;
  for (const auto& topic : topics) names[{topic, RD_KAFKA_PARTITION_UA}] = RD_KAFKA_OFFSET_INVALID;
  member_->check(rd_kafka_subscribe(member_->client, list_of(names).get()), "joining the group");
}

void RealConsumer::assign(const KafkaOffsets& offsets) {
  member_->check(rd_kafka_assign(member_->client, list_of(offsets).get()), "reading partitions");
  member_->next = offsets;
  member_->message.from = nullptr;
}

void RealConsumer::seek(const KafkaOffsets& offsets) {
  member_->seek(offsets);
  member_->message.from = nullptr;
}

void RealConsumer::pause() {
  member_->paused = true;
  rd_kafka_pause_partitions(member_->client, list_of(member_->next).get());
}

void RealConsumer::resume() {
  member_->paused = false;
  rd_kafka_resume_partitions(member_->client, list_of(member_->next).get());
}

size_t RealConsumer::consume(size_t max, std::chrono::milliseconds timeout,
                             const std::function<void(const KafkaMessage&)>& take) {
  auto& member = *member_;
  member.messages.resize(std::max<size_t>(max, 1));
  member.gone.clear();
  member.message.from = nullptr;
  const ssize_t count = rd_kafka_consume_batch_queue(
      member.queue, member.timeout(timeout), member.messages.data(), member.messages.size());
  size_t taken = 0;
  rd_kafka_resp_err_t broken = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string broken_text;
  std::set<KafkaPartition> again;  // messages of these were dropped that are still to be read
  for (ssize_t i = 0; i < count; ++i) {
    auto* message = member.messages[size_t(i)];
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (max == 0) {
        again.insert({rd_kafka_topic_name(message->rkt), message->partition});
      } else if (!member.thrown) {
        try {
          member.take(*message, take);
          ++taken;
        } catch (...) {
          member.thrown = std::current_exception();
        }
      }
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
               code_of(message->err) == Code::not_found ||
               code_of(message->err) == Code::permission ||
               message->err == RD_KAFKA_RESP_ERR__FATAL) {
      broken = message->err;
      const char* text = rd_kafka_message_errstr(message);
      broken_text = text ? text : rd_kafka_err2str(broken);
    } else if (message->rkt) {
      // It passes, and the client goes on by itself; but not certainly from where it was.
      again.insert({rd_kafka_topic_name(message->rkt), message->partition});
    }
    rd_kafka_message_destroy(message);
  }
  if (member.thrown) std::rethrow_exception(std::exchange(member.thrown, nullptr));
  if (broken != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw Error(code_of(broken), "kafka: " + broken_text,
                code_of(broken) == Code::history_lost
                    ? "the topic's retention has removed messages that were not read yet"
                    : "");
  again.insert(member.gone.begin(), member.gone.end());
  KafkaOffsets back;
  for (const auto& each : again) {
    if (const auto found = member.next.find(each); found != member.next.end()) back.insert(*found);
  }
  member.seek(back);
  return taken;
}

void RealConsumer::commit(const KafkaOffsets& offsets) noexcept {
  if (offsets.empty()) return;
  rd_kafka_commit(member_->client, list_of(offsets).get(), 1);
}

void RealConsumer::close() {
  rd_kafka_consumer_close(member_->client);
  if (member_->thrown) std::rethrow_exception(std::exchange(member_->thrown, nullptr));
}

}  // namespace

std::unique_ptr<KafkaConsumer> kafka_consumer(const KafkaSettings& settings,
                                              KafkaAssignment* assignment) {
  return std::make_unique<RealConsumer>(settings, assignment);
}

struct KafkaProducer::Impl {
  rd_kafka_t* client = nullptr;
  Complaints complaints;
  std::map<std::string, rd_kafka_topic_t*> topics;
  std::atomic<int64_t> failed{0};
  std::atomic<int> error{0};
};

KafkaProducer::KafkaProducer(const KafkaSettings& settings) : impl_(std::make_unique<Impl>()) {
  KafkaSettings all = settings;
  all["enable.idempotence"] = "true";
  auto conf = conf_of(all);
  rd_kafka_conf_set_opaque(conf.get(), impl_.get());
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t* rk, int e, const char* why, void* opaque) {
    on_error(rk, e, why, &static_cast<Impl*>(opaque)->complaints);
  });
  rd_kafka_conf_set_dr_msg_cb(conf.get(),
                              [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
                                if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
                                auto& impl = *static_cast<Impl*>(opaque);
                                ++impl.failed;
                                impl.error = message->err;
                              });
  impl_->client = client_of(RD_KAFKA_PRODUCER, std::move(conf));
}

KafkaProducer::~KafkaProducer() {
  if (!impl_->client) return;
  for (auto& [name, topic] : impl_->topics) rd_kafka_topic_destroy(topic);
  rd_kafka_purge(impl_->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy(impl_->client);
}

bool KafkaProducer::create_topic(const std::string& topic, int partitions,
                                 std::chrono::milliseconds timeout) {
  char text[512];
  auto* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, -1, text, sizeof(text));
  if (!wanted) {
    throw Error(Code::usage, fmt::format("topic \"{}\" cannot be made: {}", topic, text));
  }
  auto* queue = rd_kafka_queue_new(impl_->client);
  auto* options = rd_kafka_AdminOptions_new(impl_->client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_AdminOptions_set_operation_timeout(options, int(timeout.count()), text, sizeof(text));
  rd_kafka_CreateTopics(impl_->client, &wanted, 1, options, queue);
  auto* event = rd_kafka_queue_poll(queue, int(timeout.count()));
  auto error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (event) {
    error = rd_kafka_event_error(event);
    size_t count = 0;
    if (const auto* result = rd_kafka_event_CreateTopics_result(event)) {
      const auto* const* topics = rd_kafka_CreateTopics_result_topics(result, &count);
      if (count > 0 && error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = rd_kafka_topic_result_error(topics[0]);
    }
    rd_kafka_event_destroy(event);
  }
  rd_kafka_AdminOptions_destroy(options);
  rd_kafka_NewTopic_destroy(wanted);
  rd_kafka_queue_destroy(queue);
  if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return false;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_poll(impl_->client, 0);
    raise(error, "making topic \"" + topic + "\"", &impl_->complaints);
  }
  return true;
}

void KafkaProducer::send(const std::string& topic, std::string_view key, std::string_view value) {
  auto& handle = impl_->topics[topic];
  if (!handle) handle = rd_kafka_topic_new(impl_->client, topic.c_str(), nullptr);
  while (rd_kafka_produce(handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                          const_cast<char*>(value.data()),  // NOLINT: copied
                          value.size(), key.data(), key.size(), nullptr) != 0) {
    const auto error = rd_kafka_last_error();
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      raise(error, "sending to \"" + topic + "\"", &impl_->complaints);
    // Room comes with the reports of what has arrived.
    rd_kafka_poll(impl_->client, 100);
    check_arrival();
  }
  rd_kafka_poll(impl_->client, 0);
}

void KafkaProducer::check_arrival() const {
  if (impl_->failed == 0) return;
  raise(rd_kafka_resp_err_t(impl_->error.load()),
        fmt::format("{} messages did not arrive", impl_->failed.load()), nullptr);
}

void KafkaProducer::flush(std::chrono::milliseconds timeout) {
  const auto error = rd_kafka_flush(impl_->client, int(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) raise(error, "sending", &impl_->complaints);
  check_arrival();
}

}  // namespace windrow::clients
