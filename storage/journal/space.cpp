#include "storage/journal/space.h"

#include <algorithm>
#include <set>
#include <utility>

#include "storage/file/disk_space.h"

namespace hookspool::storage {
namespace {

constexpr std::uint64_t kReserveShareInverse = 16;  // of bytes_max at most
constexpr std::uint64_t kInodesOfSegment = 4;  // database, WAL, shared memory, and a text that is replaced
constexpr std::uint64_t kFullBelowBytes = 256 << 10;

}  // namespace

JournalSpace::JournalSpace(const JournalOptions& options, const Folder& folder, const Catalogue& catalogue)
    : folder_(folder),
      catalogue_(catalogue),
      reserve_(folder.path(), std::min(options.reserve_bytes, options.bytes_max / kReserveShareInverse)),
      budget_(std::make_shared<Budget>(options)) {
  (void)release_reserve_if_full();
}

void JournalSpace::set_limits(const JournalOptions& options) {
  auto budget = std::make_shared<const Budget>(options);
  const MutexLock lock(budget_mutex_);
  budget_.swap(budget);
}

std::shared_ptr<const Budget> JournalSpace::budget() const {
  const MutexLock lock(budget_mutex_);
  return budget_;
}

bool JournalSpace::release_reserve_if_full() {
  return (free_bytes() < kFullBelowBytes || !files_possible()) && reserve_.give_up();
}

std::uint64_t JournalSpace::free_bytes() const {
  const auto space = disk_space(folder_.path());
  return space ? space->free_bytes : UINT64_MAX;  // then the disk itself will say so
}

bool JournalSpace::files_possible() const {
  const auto space = disk_space(folder_.path());
  return !space || space->free_files.value_or(kInodesOfSegment) >= kInodesOfSegment;
}

// A transaction writes more than its events: the pages above them, the lanes, the cursors. Without room for those the
// last one accepted would go over the limit.
SpaceFacts JournalSpace::facts() const {
  constexpr std::uint64_t kCommitBytes = 16 << 10;
  return {catalogue_.bytes() + kCommitBytes, free_bytes(), reserve_.missing_bytes(), false};
}

// What is kept because of the lane counts only when room is short; else what waits.
std::optional<JournalError> JournalSpace::refuse(const Budget& budget, std::string_view lane,
                                                 std::uint64_t more_of_lane, std::uint64_t more,
                                                 SpaceFacts facts, bool is_short) const {
  facts.other_lanes = catalogue_.lane_count() > (catalogue_.knows_lane(lane) ? 1u : 0u);
  facts.bytes += more;
  const std::uint64_t held_bytes = is_short ? catalogue_.held_bytes(lane) : catalogue_.waiting_bytes(lane);
  return budget.refuse(lane, held_bytes, more_of_lane, facts);
}

std::optional<JournalError> JournalSpace::Group::refuse(const std::string& lane, std::uint64_t bytes) {
  short_ = short_ || budget_->is_short(more_ + bytes, facts_);
  std::uint64_t& more_of_lane = more_of_lane_[lane];
  auto refusal = space_.refuse(*budget_, lane, more_of_lane + bytes, more_ - more_of_lane, facts_, short_);
  space_.remember(*budget_, lane, bytes, refusal.has_value());
  if (refusal) return refusal;
  more_ += bytes;
  more_of_lane += bytes;
  return std::nullopt;
}

void JournalSpace::remember(const Budget& budget, const std::string& lane, std::uint64_t bytes,
                            bool refused) const {
  const bool named = budget.options().lane_quotas.contains(lane);
  const std::string& key = named || catalogue_.knows_lane(lane) ? lane : std::string();
  const MutexLock lock(mutex_);
  if (refused) {
    refused_bytes_[key] = bytes;
  } else if (!refused_bytes_.empty()) {
    refused_bytes_.erase(lane);
    refused_bytes_.erase("");
  }
}

std::uint64_t JournalSpace::next_bytes(std::string_view lane) const {
  const MutexLock lock(mutex_);
  const auto refused = refused_bytes_.find(lane);
  return refused == refused_bytes_.end() ? 1 : refused->second;
}

bool JournalSpace::must_evict(std::uint64_t more) const {
  return budget()->in_last_stretch(more, facts());
}

bool JournalSpace::evict_oldest() const {
  const std::optional<std::uint64_t> number = catalogue_.oldest_delivered();
  return number && drop_(*number).ok();
}

JournalResult<void> JournalSpace::retry_while_evicting(
    const std::function<JournalResult<void>()>& step) const {
  JournalResult<void> done = step();
  while (!done.ok() && done.error().kind == JournalError::Kind::kFull && evict_oldest()) done = step();
  return done;
}

JournalResult<void> JournalSpace::retry_without_reserve(const std::function<JournalResult<void>()>& step) {
  JournalResult<void> done = step();
  if (done.ok() || done.error().kind != JournalError::Kind::kFull || !reserve_.give_up()) return done;
  return step();
}

// While the reserve is missing its room counts as taken, so no other lane is admitted to it.
void JournalSpace::restore_reserve() {
  if (reserve_.held() || reserve_.bytes() == 0) return;
  const std::uint64_t free = free_bytes();
  const bool fits = free >= reserve_.bytes() && free - reserve_.bytes() >= budget()->options().free_bytes_min;
  if (fits && files_possible()) reserve_.make();
}

std::vector<LaneUsage> JournalSpace::lane_usages() const {
  const SpaceFacts now = facts();
  const auto limits = budget();
  const bool is_short = limits->is_short(1, now);
  std::set<std::string, std::less<>> names;
  for (const auto& [lane, quota] : limits->options().lane_quotas) names.insert(lane);
  for (std::string& lane : catalogue_.lanes()) names.insert(std::move(lane));
  std::vector<LaneUsage> uses;
  for (const std::string& lane : names) {
    const LaneQuota& quota = limits->quota_of(lane);
    const auto refusal = refuse(*limits, lane, next_bytes(lane), 0, now, is_short);
    uses.push_back({lane, catalogue_.waiting_bytes(lane), quota.bytes_max, quota.sender_retries,
                    refusal ? refusal->text : ""});
  }
  return uses;
}

std::optional<JournalError> JournalSpace::refuse_all() const {
  const SpaceFacts now = facts();
  // Where any lane may come, an unknown one is accepted first.
  const auto limits = budget();
  if (limits->options().lane_quotas.empty()) return refuse(*limits, "", next_bytes(""), 0, now, false);
  const bool is_short = limits->is_short(1, now);
  std::optional<JournalError> last;
  for (const auto& [lane, quota] : limits->options().lane_quotas) {
    last = refuse(*limits, lane, next_bytes(lane), 0, now, is_short);
    if (!last) return std::nullopt;
  }
  last->kind = JournalError::Kind::kFull;
  return last;
}

}  // namespace hookspool::storage
