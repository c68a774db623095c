#include "agent/config/journal_limits.h"

#include <algorithm>

#include "net/verify/providers.h"

namespace hookspool::agent {

bool sender_retries(const SourceConfig& source) {
  if (source.sender_retries) return *source.sender_retries;
  const auto* provider = net::find_provider(source.verify);
  return provider != nullptr && provider->retries == net::SenderRetries::kYes;
}

void set_quotas(const Config& config, storage::JournalOptions& options) {
  const auto& journal = config.journal;
  options.bytes_max = journal.bytes_max;
  options.free_bytes_min = journal.free_bytes_min;
  const auto share =
      static_cast<std::uint64_t>(journal.source_share_max * static_cast<double>(journal.bytes_max));
  options.lane_quotas.clear();
  options.other_quota = {};
  if (config.sources.empty()) options.other_quota.bytes_max = share;
  for (const auto& source : config.sources) {
    storage::LaneQuota quota;
    quota.sender_retries = sender_retries(source);
    if (config.sources.size() > 1) quota.bytes_max = share;
    if (source.bytes_max) quota.bytes_max = *source.bytes_max;
    options.lane_quotas.emplace(source.name, quota);
  }
}

storage::QuarantineStore::Limits quarantine_limits(const Config& config) {
  storage::QuarantineStore::Limits limits;
  limits.requests_max = config.quarantine.requests_max;
  limits.bytes_max = config.quarantine.bytes_max;
  limits.source_requests_max = config.quarantine.source_requests_max;
  limits.source_bytes_max = config.quarantine.source_bytes_max;
  limits.free_bytes_min = config.journal.free_bytes_min;
  return limits;
}

bool wants_quarantine(const Config& config) {
  return std::any_of(config.sources.begin(), config.sources.end(),
                     [](const auto& source) { return source.quarantine; });
}

}  // namespace hookspool::agent
