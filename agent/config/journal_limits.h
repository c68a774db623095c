// What the configuration says about the journal's room, in the journal's own words. Pure; thread-safe.
#pragma once

#include "agent/config/config.h"
#include "storage/journal/journal_options.h"
#include "storage/side/quarantine_store.h"

namespace hookspool::agent {

// Whether the source's sender sends again what was answered 503: as configured, else what is known of the senders
// that sign like this. Nothing known counts as no: such a source is refused last, for nothing would bring its event
// back, while one that sends again loses nothing by being refused early.
bool sender_retries(const SourceConfig& source);

// Sets the limits of the whole and of each source. A share is a limit only where others need the rest: with two
// sources or more, or with none named. A source's own max_bytes always is.
void set_quotas(const Config& config, storage::JournalOptions& options);

// Of the quarantine beside it, and whether any source wants one.
storage::QuarantineStore::Limits quarantine_limits(const Config& config);
bool wants_quarantine(const Config& config);

}  // namespace hookspool::agent
