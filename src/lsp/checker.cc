#include "lsp/checker.h"

#include "app/services.h"
#include "lsp/completion.h"

namespace windrow::lsp {

Checker::Checker(app::Desk& desk, Told told)
    : desk_(desk), told_(std::move(told)), thread_([this] { work(); }) {}

Checker::~Checker() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    if (going_on_) going_on_->request();
  }
  changed_.notify_all();
  thread_.join();
}

void Checker::changed(project::Overlay overlay) {
  std::lock_guard lock(mutex_);
  // The first look does not wait: nobody has begun to write.
  due_ = std::chrono::steady_clock::now();
  if (looked_ || waiting_) due_ += kPause;
  waiting_ = std::move(overlay);
  if (going_on_) going_on_->request();
  changed_.notify_all();
}

std::shared_ptr<const Known> Checker::known() const {
  std::lock_guard lock(mutex_);
  return known_;
}

std::shared_ptr<const Known> Checker::known_within(std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return ended_ || looked_; });
  return known_;
}

std::shared_ptr<const Known> Checker::look(const project::Overlay& overlay, Cancel& cancel) {
  auto out = std::make_shared<Known>();
  out->study = desk_.study(overlay, cancel);
  if (!functions_) {
    functions_ = std::make_shared<const std::vector<Function>>(
        functions_of(*out->study->services->database()));
  }
  out->functions = functions_;
  out->columns = out->study->columns;
  const auto before = known();
  if (!before) return out;
  // A SELECT that is being written does not bind: its readers still want its columns.
  const auto& project = out->study->workspace->project;
  for (const auto& [name, columns] : before->columns)
    if (project.model(name) || project.source(name) || project.seed(name))
      out->columns.emplace(name, columns);
  return out;
}

void Checker::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ended_ || waiting_; });
    while (!ended_ && std::chrono::steady_clock::now() < due_) changed_.wait_until(lock, due_);
    if (ended_) return;
    const auto overlay = std::move(*waiting_);
    waiting_.reset();
    const auto cancel = going_on_ = std::make_shared<Cancel>();
    lock.unlock();
    std::shared_ptr<const Known> found;
    std::optional<Problem> problem;
    try {
      found = look(overlay, *cancel);
    } catch (const Error& error) {
      problem = error.problem();
    } catch (const std::exception& error) {
      problem = Problem{Code::internal, error.what(), "", {}};
    }
    lock.lock();
    going_on_.reset();
    looked_ = looked_ || !cancel->requested();
    if (found) known_ = found;
    changed_.notify_all();
    if (ended_) return;
    if (cancel->requested()) continue;
    lock.unlock();
    told_(found, overlay, problem);
    lock.lock();
  }
}

}  // namespace windrow::lsp
