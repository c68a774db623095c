#include "agent/upkeep/mode.h"

namespace hookspool::agent {

Mode mode_of(const ModeFacts& facts) {
  if (!facts.journal_accepting) return facts.journal_full ? Mode::kRefusing : Mode::kFailed;
  if (!facts.postgres_configured) return Mode::kJournalOnly;
  if (facts.line_needs_a_person) return Mode::kBlocked;
  if (!facts.line_up) return Mode::kOffline;
  if (facts.lanes_held > 0) return Mode::kBlocked;
  return facts.lanes_catching_up > 0 ? Mode::kCatchingUp : Mode::kOnline;
}

std::string_view mode_name(Mode mode) {
  switch (mode) {
    case Mode::kOnline:
      return "online";
    case Mode::kCatchingUp:
      return "catching-up";
    case Mode::kOffline:
      return "offline";
    case Mode::kBlocked:
      return "blocked";
    case Mode::kRefusing:
      return "refusing";
    case Mode::kFailed:
      return "failed";
    case Mode::kJournalOnly:
      return "journal-only";
  }
  return "failed";
}

std::string_view mode_status(Mode mode) {
  switch (mode) {
    case Mode::kOnline:
    case Mode::kJournalOnly:
      return "pass";
    case Mode::kCatchingUp:
    case Mode::kOffline:
    case Mode::kBlocked:
      return "warn";
    case Mode::kRefusing:
    case Mode::kFailed:
      break;
  }
  return "fail";
}

}  // namespace hookspool::agent
