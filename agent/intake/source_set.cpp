#include "agent/intake/source_set.h"

#include "net/verify/handshake.h"
#include "net/verify/providers.h"

namespace hookspool::agent {
namespace {

std::shared_ptr<TokenBucket> bucket_for(const SourceConfig& source, const ServedSource* before) {
  if (source.rate_max == 0) return nullptr;
  const bool same = before != nullptr && before->config.rate_max == source.rate_max &&
                    before->config.burst_max == source.burst_max;
  if (same) return before->bucket;
  return std::make_shared<TokenBucket>(static_cast<double>(source.rate_max),
                                       static_cast<double>(source.burst_max));
}

}  // namespace

std::vector<std::string> body_pointers(const SourceConfig& source) {
  std::vector<std::string> pointers;
  if (const auto* provider = net::find_provider(source.verify)) {
    pointers = net::handshake_pointers(provider->handshake);
    if (!provider->delivery_id.pointer.empty()) pointers.push_back(provider->delivery_id.pointer);
  }
  if (source.dedupe.by == DedupeRule::By::kPointer) pointers.push_back(source.dedupe.name);
  return pointers;
}

std::vector<std::string> hidden_headers(const SourceConfig& source) {
  return source.scheme.kind == net::Scheme::Kind::kToken ? source.scheme.headers : std::vector<std::string>();
}

SourceSet::SourceSet(const std::vector<SourceConfig>& sources, const SourceSet* before) {
  for (const auto& source : sources) {
    const ServedSource* old = before == nullptr ? nullptr : before->named(source.name);
    by_name_.emplace(source.name,
                     ServedSource{source, bucket_for(source, old),
                                  old == nullptr ? std::make_shared<SourceLog>(source.name) : old->log,
                                  body_pointers(source),
                                  old == nullptr ? std::make_shared<SourceFigures>() : old->figures});
  }
  for (const auto& [name, source] : by_name_) by_path_.emplace(source.config.path, &source);
}

const ServedSource* SourceSet::at_path(std::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

const ServedSource* SourceSet::named(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}

void SourceSet::finish_logs() const {
  for (const auto& [name, source] : by_name_) {
    if (source.log) source.log->finish();
  }
}

void SourceSet::close_logs(SourceLog::Clock::time_point now) const {
  for (const auto& [name, source] : by_name_) {
    if (source.log) source.log->close(now);
  }
}

}  // namespace hookspool::agent
