#include "agent/delivery/sink_guard.h"

#include <charconv>
#include <sstream>

#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kNote = "sink";

struct Known {
  std::string sink_id, system_identifier;
  std::uint64_t timeline = 0;
};

// One line: sink id, system identifier or "-", highest timeline.
Known parse(const std::string& note) {
  Known known;
  std::istringstream words(note);
  words >> known.sink_id >> known.system_identifier >> known.timeline;
  return known;
}

net::PgError journal_trouble(const storage::JournalError& error) {
  return {.error_class = net::ErrorClass::kOutage, .text = "remembering the database: " + error.text};
}

}  // namespace

net::PgResult<void> SinkGuard::check(const net::SinkIdentity& identity) {
  const MutexLock lock(mutex_);
  const auto note = known_note();
  if (!note) return fail(journal_trouble(note.error()));
  if (*note) {
    const Known known = parse(**note);
    if (known.sink_id != identity.sink_id) {
      return fail(net::PgError{
          .error_class = net::ErrorClass::kSetup,
          .text = "this is another database: its sink id is " + printable(identity.sink_id) +
                  ", this journal has been delivered to " + known.sink_id,
          .hint = "If that is meant, say what the new database is to get:\n"
                  "  hookspool adopt --from unsent       what has not been delivered to the old one\n"
                  "  hookspool adopt --from beginning    everything that is still retained"});
    }
    // A standby does not answer it, nor does a role without the right: that is no reason to forget what was seen.
    if (identity.system_identifier.empty()) return {};
    const bool same_cluster = known.system_identifier == identity.system_identifier;
    if (same_cluster && identity.timeline != 0 && identity.timeline < known.timeline) {
      return fail(net::PgError{
          .error_class = net::ErrorClass::kSetup,
          .text = "an old primary has come back: it is on timeline " + std::to_string(identity.timeline) +
                  ", timeline " + std::to_string(known.timeline) + " has been seen",
          .hint = "Rebuild it as a standby of the present primary (pg_rewind or pg_basebackup), or take it "
                  "out of "
                  "conninfo. If this is a restore that is meant to be the database from now on, say:\n"
                  "  hookspool adopt --from unsent"});
    }
    if (same_cluster && identity.timeline <= known.timeline) return {};
  }
  const auto remembered = remember(identity);
  // On a full disk the deliveries must go on, for they are what makes room: in memory until there is some.
  if (!remembered && remembered.error().kind != storage::JournalError::Kind::kFull)
    return fail(journal_trouble(remembered.error()));
  return {};
}

storage::JournalResult<std::optional<std::string>> SinkGuard::known_note() {
  if (!unwritten_) return notes_.read(kNote);
  const std::string note = *unwritten_;
  if (notes_.write(kNote, note)) unwritten_.reset();
  return std::optional<std::string>(note);
}

storage::JournalResult<void> SinkGuard::adopt(const net::SinkIdentity& identity) {
  const MutexLock lock(mutex_);
  return remember(identity);
}

bool SinkGuard::is_own(const net::SinkIdentity& identity) {
  const MutexLock lock(mutex_);
  const auto note = known_note();
  if (!note || !*note) return false;
  const Known known = parse(**note);
  const bool older =
      known.system_identifier == identity.system_identifier && identity.timeline < known.timeline;
  return known.sink_id == identity.sink_id && !older;
}

storage::JournalResult<void> SinkGuard::remember(const net::SinkIdentity& identity) {
  const std::string cluster = identity.system_identifier.empty() ? "-" : identity.system_identifier;
  const std::string note = identity.sink_id + " " + cluster + " " + std::to_string(identity.timeline) + "\n";
  auto written = notes_.write(kNote, note);
  unwritten_.reset();
  if (!written && written.error().kind == storage::JournalError::Kind::kFull) unwritten_ = note;
  return written;
}

}  // namespace hookspool::agent
