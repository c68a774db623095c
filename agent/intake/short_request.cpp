#include "agent/intake/short_request.h"

#include <algorithm>

namespace hookspool::agent {

bool is_short(const net::HttpRequest& request, const SourceConfig& source) {
  if (source.form || source.keep || source.redact_journal) return false;
  if (source.scheme.uses(net::SignedPart::Kind::kForm)) return false;
  return request.body.size() <= kShortBytesMax / std::max<std::size_t>(source.secrets.size(), 1);
}

}  // namespace hookspool::agent
