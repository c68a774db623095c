#include <string>

#include "agent/page/sections.h"
#include "agent/page/words.h"
#include "net/pg/link/error.h"

namespace hookspool::agent {
namespace {

double seconds(milliseconds duration) {
  return static_cast<double>(duration.count()) / 1000;
}

std::string plural(std::uint64_t count, const char* one, const char* many) {
  return grouped(count) + " " + (count == 1 ? one : many);
}

Markup headline(Mode mode) {
  switch (mode) {
    case Mode::kOnline:
      return "online: events are in PostgreSQL as they come";
    case Mode::kCatchingUp:
      return "catching up: PostgreSQL is there, the backlog is on its way";
    case Mode::kOffline:
      return "offline: PostgreSQL is away, nothing is lost";
    case Mode::kBlocked:
      return "blocked: an administrator is needed, nothing is lost";
    case Mode::kRefusing:
      return "refusing: no room, senders get 503";
    case Mode::kFailed:
      return "failed: the journal cannot be written, senders get 503";
    case Mode::kJournalOnly:
      return "journal only: no PostgreSQL is configured";
  }
  return "failed";
}

Markup icon(Mode mode) {
  switch (mode) {
    case Mode::kOnline:
      return "<path d=\"M5 12.5l4.5 4.5L19 7.5\"/>";
    case Mode::kCatchingUp:
      return "<path d=\"M5 6l6 6-6 6M13 6l6 6-6 6\"/>";
    case Mode::kOffline:
      return "<path d=\"M8 5v14M16 5v14\"/>";
    case Mode::kJournalOnly:
      return "<path d=\"M6 7h12M6 12h12M6 17h7\"/>";
    case Mode::kBlocked:
      return "<path d=\"M12 5v9M12 18v1\"/>";
    case Mode::kRefusing:
    case Mode::kFailed:
      break;
  }
  return "<path d=\"M6 6l12 12M18 6L6 18\"/>";
}

void add_uplink(const PostgresFacts& postgres, Html& html) {
  const UplinkStatus& uplink = postgres.uplink;
  html.raw("<p>For ").text(span_words(seconds(uplink.down_for)));
  if (uplink.last_error) html.raw(": <code>").text(net::shown_text(*uplink.last_error)).raw("</code>");
  html.raw(". Next try ");
  if (uplink.next_try_in == milliseconds(0))
    html.raw("now");
  else
    html.raw("in ").text(span_words(seconds(uplink.next_try_in) + 0.999));
  if (uplink.tries_in_this_outage > 0)
    html.raw(", ").text(plural(uplink.tries_in_this_outage, "try has", "tries have")).raw(" failed");
  html.raw(".</p>");
}

void add_offline(const PageFacts& facts, Html& html) {
  add_uplink(*facts.postgres, html);
  html.raw("<p>Events are taken and kept on disk, and delivered in their order once PostgreSQL is back. ")
      .raw("Nothing needs to be done here. To try at once:</p>");
  add_command("hookspool retry", html);
}

void add_blocked(const PageFacts& facts, Html& html) {
  if (facts.postgres && facts.postgres->uplink.needs_administrator) {
    add_uplink(*facts.postgres, html);
    if (facts.postgres->uplink.last_error) add_hint(facts.postgres->uplink.last_error->hint, html);
  } else {
    std::size_t held = 0;
    std::string_view first;
    for (const LaneFacts& lane : facts.lanes) {
      if (!lane.status.stuck()) continue;
      if (held++ == 0) first = lane.status.name;
    }
    html.raw("<p>").text(plural(held, "lane waits", "lanes wait")).raw(", the first: <strong>").text(first);
    html.raw("</strong>; <a href=\"#lanes\">Lanes</a> says for what. The others go on.</p>");
  }
  html.raw("<p>Events are taken and kept on disk meanwhile. After the repair:</p>");
  add_command("hookspool retry", html);
}

void add_backlog(const PageFacts& facts, Html& html) {
  html.raw("<p>").text(plural(facts.journal.pending, "event waits", "events wait")).raw(" in the journal");
  const double net = facts.live ? facts.live->delivered - facts.live->accepted : 0;
  if (net > 0)
    html.raw("; at the present speed they are delivered in about ")
        .text(span_words(static_cast<double>(facts.journal.pending) / net));
  html.raw(". New events are taken as ever.</p>");
}

void add_refusing(const PageFacts& facts, Html& html) {
  html.raw("<p><code>").text(facts.journal.refusing_because).raw("</code></p>");
  if (facts.mode == Mode::kFailed && !facts.journal.last_error.empty())
    html.raw("<p>The last error: <code>").text(facts.journal.last_error).raw("</code></p>");
  html.raw(
      "<p>What was answered with 2xx is safe on disk. Senders that retry will send the others again.</p>");
  add_command("hookspool doctor", html);
}

void add_detail(const PageFacts& facts, Html& html) {
  switch (facts.mode) {
    case Mode::kOnline:
      html.raw(
          "<p>An answer 2xx means: the webhook is on disk, and it will be in PostgreSQL exactly once.</p>");
      return;
    case Mode::kCatchingUp:
      return add_backlog(facts, html);
    case Mode::kOffline:
      return add_offline(facts, html);
    case Mode::kBlocked:
      return add_blocked(facts, html);
    case Mode::kRefusing:
    case Mode::kFailed:
      return add_refusing(facts, html);
    case Mode::kJournalOnly:
      html.raw("<p>Events are taken and kept on disk. Set <code>[postgres] conninfo</code>, or ")
          .raw("<code>DATABASE_URL</code>, and start the agent again: then they are delivered.</p>");
      return;
  }
}

// What holds in every mode, and is easily overlooked.
void add_notices(const PageFacts& facts, Html& html) {
  if (facts.journal.lost > 0)
    html.raw("<p class=\"notice\"><strong>")
        .text(plural(facts.journal.lost, "acknowledged event was", "acknowledged events were"))
        .raw(" lost by the disk</strong> before this start; the log names them.</p>");
  if (facts.journal.set_aside_files > 0)
    html.raw("<p class=\"notice\">")
        .text(plural(facts.journal.set_aside_files, "damaged file waits", "damaged files wait"))
        .raw(" for <code>hookspool salvage</code>.</p>");
  if (facts.journal.unreadable_segments > 0)
    html.raw("<p class=\"notice\">")
        .text(plural(facts.journal.unreadable_segments, "segment", "segments"))
        .raw(" cannot be read at the moment: <code>")
        .text(facts.journal.unreadable_because)
        .raw("</code></p>");
}

}  // namespace

Markup tone_of(Mode mode) {
  switch (mode) {
    case Mode::kOnline:
      return "ok";
    case Mode::kCatchingUp:
    case Mode::kJournalOnly:
      return "busy";
    case Mode::kOffline:
    case Mode::kBlocked:
      return "warn";
    case Mode::kRefusing:
    case Mode::kFailed:
      break;
  }
  return "bad";
}

std::string_view mode_words(Mode mode) {
  const std::string_view line = headline(mode).text();
  return line.substr(0, line.find(':'));
}

// The headline alone is announced by a screen reader when it changes: the figures below change every two seconds.
void add_mode(const PageFacts& facts, Html& html) {
  html.raw("<section class=\"mode ")
      .raw(tone_of(facts.mode))
      .raw("\" aria-label=\"Mode\"><svg class=\"badge\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">")
      .raw(icon(facts.mode))
      .raw("</svg><div><div aria-live=\"polite\" aria-atomic=\"true\"><h1 id=\"mode\">")
      .raw(headline(facts.mode))
      .raw("</h1></div>");
  add_detail(facts, html);
  add_notices(facts, html);
  html.raw("</div></section>\n");
}

}  // namespace hookspool::agent
