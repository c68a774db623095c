// Brings the records of what was acknowledged to the disk, off the writer's way: the intake pays for one sync
// a group, not for two.
//
// Internal to storage/. Thread-safe. The destructor syncs what is due.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/segment/acked_record.h"

namespace hookspool::storage {

// How far a record on the disk may lag behind what was acknowledged, and so what a damaged WAL *and* a power
// cut within this time can hide.
constexpr auto kAckedLagMax = std::chrono::milliseconds(100);

class AckedSyncer {
 public:
  // `on_failure` is called by the syncer's thread.
  explicit AckedSyncer(std::function<void(const JournalError&)> on_failure);
  ~AckedSyncer();
  AckedSyncer(const AckedSyncer&) = delete;
  AckedSyncer& operator=(const AckedSyncer&) = delete;

  void due(std::shared_ptr<AckedRecord> record);

 private:
  void run();
  void sync(AckedRecord& record);

  const std::function<void(const JournalError&)> on_failure_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::shared_ptr<AckedRecord>> due_ GUARDED_BY(mutex_);  // each once
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hookspool::storage
