#include "agent/reload/reloader.h"

#include <pthread.h>

#include <chrono>
#include <exception>

#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/base/wall_clock.h"
#include "agent/config/config_changes.h"

namespace hookspool::agent {
namespace {

void shorten(std::vector<std::string>& lines) {
  if (lines.size() <= kReloadLinesMax) return;
  const std::size_t more = lines.size() - kReloadLinesMax;
  lines.resize(kReloadLinesMax);
  lines.push_back("and " + std::to_string(more) + " more");
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// READY=1 ends what this begins. The time is for Type=notify-reload, which wants it and systemd 252 does not know.
void tell_systemd_reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  notify_systemd("RELOADING=1\nMONOTONIC_USEC=" +
                 std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

}  // namespace

class Reloader::AtWork {
 public:
  explicit AtWork(Reloader& reloader) : reloader_(reloader) {
    const MutexLock lock(reloader_.mutex_);
    ++reloader_.at_work_;
  }
  ~AtWork() {
    {
      const MutexLock lock(reloader_.mutex_);
      --reloader_.at_work_;
    }
    reloader_.wake_.notify_all();
  }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  Reloader& reloader_;
};

Reloader::Reloader(Config in_force, Load load, PutInForce put_in_force)
    : load_(std::move(load)), put_in_force_(std::move(put_in_force)), in_force_(std::move(in_force)) {}

Reloader::~Reloader() {
  ask_to_end();
  if (thread_.joinable()) thread_.join();
}

void Reloader::start() {
  open_ = true;
  {
    const MutexLock lock(mutex_);
    ++at_work_;
  }
  thread_ = std::thread([this] { run(); });
}

bool Reloader::stop(std::chrono::milliseconds grace) {
  open_ = false;
  ask_to_end();
  const MutexLock lock(mutex_);
  return wake_.wait_for(mutex_, grace, [this]() REQUIRES(mutex_) { return at_work_ == 0; });
}

void Reloader::ask_to_end() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
}

void Reloader::request() {
  {
    const MutexLock lock(mutex_);
    requested_ = true;
  }
  wake_.notify_all();
}

void Reloader::run() {
  ::pthread_setname_np(::pthread_self(), "reload");
  MutexLock lock(mutex_);
  for (;;) {
    wake_.wait(mutex_, [this]() REQUIRES(mutex_) { return requested_ || ending_; });
    if (!requested_) break;
    requested_ = false;
    lock.unlock();
    try {
      (void)reload();
    } catch (const std::exception& error) {
      log_error(std::string("reload: not done to its end: ") + error.what());
    }
    lock.lock();
  }
  --at_work_;
  lock.unlock();
  wake_.notify_all();
}

ReloadOutcome Reloader::reload() {
  const AtWork at_work(*this);
  const MutexLock lock(reloading_);
  if (!open_) return refused({"the agent is starting or stopping; try again when it serves"});
  tell_systemd_reloading();
  ReloadOutcome outcome;
  try {
    outcome = attempt();
  } catch (const std::exception& error) {
    outcome = refused({std::string("it could not be read to its end: ") + error.what()});
  }
  tell(outcome);
  {
    const MutexLock relock(mutex_);
    last_ = outcome;
  }
  notify_systemd("READY=1");
  return outcome;
}

ReloadOutcome Reloader::attempt() {
  auto next = load_();
  if (!next) return refused(std::move(next.error().lines));
  if (!open_) return refused({"the agent is stopping"});  // the files took that long
  ConfigChanges changes = settle_changes(in_force_, *next);
  if (next->sources.empty() && !is_local_listener(next->intake.listen)) {
    return refused(
        {"sources: none is left, and intake.listen, which takes a restart to change, can be reached "
         "from other machines; name a source, or restart the agent"});
  }
  if (const auto done = put_in_force_(in_force_, *next); !done) return refused({done.error()});
  in_force_ = std::move(*next);
  ReloadOutcome outcome{
      true, wall_clock_us(), std::move(changes.changed), std::move(changes.needs_restart), {}};
  shorten(outcome.changed);
  shorten(outcome.needs_restart);
  return outcome;
}

ReloadOutcome Reloader::refused(std::vector<std::string> faults) const {
  shorten(faults);
  return {false, wall_clock_us(), {}, {}, std::move(faults)};
}

void Reloader::tell(const ReloadOutcome& outcome) {
  if (!outcome.done) {
    log_error("reload: refused, the configuration stays as it was:");
    for (const auto& fault : outcome.faults) log_error("reload: " + fault);
    return;
  }
  log_info("reload: done; " + (outcome.changed.empty() ? "nothing has changed" : joined(outcome.changed)));
  if (!outcome.needs_restart.empty())
    log_warn("reload: takes a restart: " + joined(outcome.needs_restart) +
             "; until then the old value counts");
}

std::optional<ReloadOutcome> Reloader::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

}  // namespace hookspool::agent
