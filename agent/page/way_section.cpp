#include "agent/base/units.h"
#include "agent/page/sections.h"
#include "agent/page/words.h"

namespace hookspool::agent {
namespace {

double seconds(milliseconds duration) {
  return static_cast<double>(duration.count()) / 1000;
}

void add_quantiles(Markup what, const LatencyFigures& figures, Html& html) {
  html.raw("<small>").raw(what);
  if (figures.count == 0) {
    html.raw(": none in the last minute</small>");
    return;
  }
  html.raw(" in ")
      .text(ms_words(figures.p50_ms))
      .raw(" (p50), ")
      .text(ms_words(figures.p99_ms))
      .raw(" (p99)</small>");
}

void begin_stop(Markup tone, Markup name, Html& html) {
  html.raw("<li class=\"stop ").raw(tone).raw("\"><h3>").raw(name).raw("</h3>");
}

// Between two stops: how much passes, and whether it does. `words` say to a screen reader what the line shows.
void add_line(bool cut, double per_second, Html& html) {
  html.raw("<li class=\"line");
  if (cut)
    html.raw(" cut");
  else if (per_second > 0)
    html.raw(" flows");
  html.raw("\"><svg viewBox=\"0 0 48 12\" aria-hidden=\"true\"><path class=\"track\" d=\"M1 6h40\"/>")
      .raw(
          "<path class=\"head\" d=\"M38 2l6 4-6 4\"/><path class=\"cross\" d=\"M19 1l10 10M29 1L19 "
          "11\"/></svg>");
  if (cut)
    html.raw("<span>interrupted</span>");
  else
    html.raw("<span>").text(rate_words(per_second)).raw("/s</span>");
  html.raw("</li>");
}

void add_intake(const PageFacts& facts, Html& html) {
  const IntakeFacts& intake = facts.intake;
  const bool refuses = !facts.journal.accepting;
  const History::Rates live = facts.live.value_or(History::Rates{});
  begin_stop(refuses ? Markup("bad") : Markup("ok"), "Intake", html);
  html.raw("<p><b class=\"num\">").text(rate_words(live.accepted)).raw("</b> events/s</p>");
  if (refuses) html.raw("<small class=\"state\">answers 503</small>");
  add_quantiles("answered", intake.answer, html);
  html.raw("<small>").number(intake.accepted).raw(" accepted, ").number(intake.duplicates);
  html.raw(" repeats</small>");
  const std::uint64_t refused =
      intake.refused_signature + intake.refused_room + intake.refused_rate + intake.refused_other;
  html.raw("<small>").number(refused).raw(" refused");
  if (intake.refused_signature > 0)
    html.raw(", ").number(intake.refused_signature).raw(" for their signature");
  html.raw("</small></li>");
}

void add_journal(const PageFacts& facts, Html& html) {
  const auto& journal = facts.journal;
  const bool waits = facts.mode != Mode::kOnline && journal.pending > 0;
  begin_stop(!journal.accepting ? Markup("bad") : waits ? Markup("wait") : Markup("ok"), "Journal", html);
  html.raw("<p><b class=\"num\">").number(journal.pending).raw("</b> waiting</p>");
  std::optional<std::int64_t> oldest;
  for (const LaneFacts& lane : facts.lanes) {
    if (lane.oldest_us && (!oldest || *lane.oldest_us < *oldest)) oldest = lane.oldest_us;
  }
  if (oldest && waits)
    html.raw("<small>the oldest for ")
        .text(span_words(static_cast<double>(facts.now_us - *oldest) / 1e6))
        .raw("</small>");
  html.raw("<small>").text(format_bytes(journal.bytes)).raw(" of ").text(format_bytes(journal.bytes_max));
  html.raw(" on disk</small>");
  if (journal.commits > 0)
    html.raw("<small>synced in ")
        .text(ms_words(static_cast<double>(journal.mean_commit_us) / 1000))
        .raw(" (mean)</small>");
  html.raw("</li>");
}

void add_lane_stop(const PageFacts& facts, Html& html) {
  std::size_t stuck = 0, waiting = 0;
  for (const LaneFacts& lane : facts.lanes) {
    if (lane.status.stuck())
      ++stuck;
    else if (lane.status.state == "waiting" && lane.status.pending > 0)
      ++waiting;
  }
  begin_stop(stuck > 0 ? Markup("bad") : waiting > 0 ? Markup("wait") : Markup("ok"), "Lanes", html);
  html.raw("<p><b class=\"num\">")
      .number(facts.lanes_total)
      .raw(facts.lanes_total == 1 ? Markup("</b> source</p>") : Markup("</b> sources</p>"));
  if (stuck > 0) html.raw("<small class=\"state\">").number(stuck).raw(" blocked</small>");
  if (waiting > 0) html.raw("<small class=\"state\">").number(waiting).raw(" waiting</small>");
  if (stuck + waiting == 0) html.raw("<small>each in its own order</small>");
  if (facts.postgres) {
    const auto& postgres = *facts.postgres;
    const auto all = static_cast<double>(postgres.delivered_live + postgres.delivered_from_journal);
    if (all > 0)
      html.raw("<small>")
          .text(percent_words(static_cast<double>(postgres.delivered_live) / all))
          .raw(" from memory, without reading the disk</small>");
  }
  html.raw("</li>");
}

void add_postgres(const PageFacts& facts, Html& html) {
  if (!facts.postgres) {
    begin_stop("off", "PostgreSQL", html);
    html.raw("<p class=\"state\">not configured</p></li>");
    return;
  }
  const PostgresFacts& postgres = *facts.postgres;
  begin_stop(postgres.uplink.up ? Markup("ok") : Markup("down"), "PostgreSQL", html);
  if (postgres.uplink.up)
    html.raw("<p><b class=\"num\">up</b></p>");
  else
    html.raw("<p><b class=\"num\">away</b></p><small class=\"state\">for ")
        .text(span_words(seconds(postgres.uplink.down_for)))
        .raw("</small>");
  add_quantiles("accepted to committed", postgres.accept_to_commit, html);
  html.raw("<small>")
      .number(postgres.pool.open)
      .raw(" of ")
      .number(postgres.pool.size)
      .raw(" connections open</small>");
  const auto& tls = postgres.pool.tls;
  if (!tls.protocol.empty()) {
    html.raw("<small>").text(tls.protocol);
    if (tls.certificate_not_after_s > 0) {
      const double left =
          static_cast<double>(tls.certificate_not_after_s) - static_cast<double>(facts.now_us) / 1e6;
      if (left > 0)
        html.raw(", certificate ends in ").text(span_words(left));
      else
        html.raw(", <span class=\"state\">the certificate has ended</span>");
    }
    html.raw("</small>");
  }
  html.raw("</li>");
}

}  // namespace

void add_way(const PageFacts& facts, Html& html) {
  const History::Rates live = facts.live.value_or(History::Rates{});
  const bool down = !facts.postgres || !facts.postgres->uplink.up;
  html.raw(
      "<section aria-labelledby=\"way-title\"><h2 id=\"way-title\">The way of an event</h2><ol "
      "class=\"way\">");
  add_intake(facts, html);
  add_line(!facts.journal.accepting, live.accepted, html);
  add_journal(facts, html);
  add_line(down, live.delivered, html);
  add_lane_stop(facts, html);
  add_line(down, live.delivered, html);
  add_postgres(facts, html);
  html.raw("</ol></section>\n");
}

}  // namespace hookspool::agent
