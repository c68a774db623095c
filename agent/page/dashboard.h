// The dashboard on the admin listener: one page with its two assets and its history, all in the binary. Read only.
//
// It shows no payload and nothing of PostgreSQL's words that could quote one; of what senders write, names of sources and
// ids of deliveries. No browser asks any other machine for it (Content-Security-Policy). Thread-safe: called by the
// listener's workers.
#pragma once

#include <atomic>
#include <string>

#include "agent/page/page_facts.h"
#include "net/http/server.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class Dashboard {
 public:
  // What is given must outlive this.
  Dashboard(const HealthSources& sources, const History& history, const LaneRates& rates,
            const RecentEvents& recent)
      : history_(history), facts_(sources, history, rates, recent) {}

  static bool has(const std::string& path);

  // REQUIRES: has(path). `mode`: that it reports.
  net::HttpAnswer answer(const std::string& path, Mode mode);

 private:
  std::string page(Mode mode) EXCLUDES(mutex_);
  std::string history_json() const;

  const History& history_;
  PageFactsReader facts_;
  // One look is taken at a time: where it waits for a disk, it holds one of the listener's workers, and the others get the
  // page before it.
  std::atomic<bool> looking_{false};
  Mutex mutex_;
  std::string last_ GUARDED_BY(mutex_);  // empty: none yet
};

}  // namespace hookspool::agent
