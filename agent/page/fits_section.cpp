#include <algorithm>
#include <cmath>

#include "agent/base/units.h"
#include "agent/page/sections.h"
#include "agent/page/words.h"

namespace hookspool::agent {
namespace {

constexpr double kShort = 3'600, kVeryShort = 600;  // seconds that are left: a warning, an alarm

// `rate`: events per second that are to fit; nothing: not known yet.
void add_span(const PageFacts& facts, std::optional<double> rate, Markup which, Html& html) {
  constexpr double kNoLimit = -1;
  const double fits =
      seconds_that_fit(facts.forecast.left, facts.bytes_per_event, rate.value_or(0)).value_or(kNoLimit);
  html.raw("<div class=\"fact");
  if (fits >= 0 && fits < kShort) html.raw(fits < kVeryShort ? Markup(" bad") : Markup(" warn"));
  html.raw("\"><dt>").raw(which);
  if (rate) html.raw(", ").text(rate_words(*rate)).raw(" events/s");
  html.raw("</dt><dd>");
  if (fits >= 0) {
    html.text(span_words(fits));
  } else {
    html.raw(rate ? Markup("no limit in sight") : Markup("not known yet"));
  }
  html.raw("</dd></div>");
}

void add_bar(const PageFacts& facts, Html& html) {
  const auto most = static_cast<double>(std::max<std::uint64_t>(facts.journal.bytes_max, 1));
  const double used = std::clamp(1 - static_cast<double>(facts.forecast.left) / most, 0.0, 1.0);
  const int percent = static_cast<int>(std::lround(used * 100));
  html.raw("<svg class=\"bar")
      .raw(percent >= 90   ? Markup(" bad")
           : percent >= 70 ? Markup(" warn")
                           : Markup(""))
      .raw("\" role=\"img\" aria-label=\"Room for undelivered events that is in use: ")
      .text(percent_words(used))
      .raw(
          "\"><rect class=\"all\" width=\"100%\" height=\"100%\"/><rect class=\"used\" height=\"100%\" "
          "width=\"")
      .number(static_cast<std::uint64_t>(percent))
      .raw("%\"/></svg><p class=\"soft\">")
      .text(format_bytes(facts.forecast.left))
      .raw(" of the journal's ")
      .text(format_bytes(facts.journal.bytes_max))
      .raw(" can still be taken by undelivered events");
  if (facts.bytes_per_event > 0) {
    html.raw("; one takes ")
        .text(format_bytes(static_cast<std::uint64_t>(facts.bytes_per_event)))
        .raw(" on disk");
  }
  html.raw(". Delivered events make room as soon as it is needed.</p>");
}

}  // namespace

void add_fits(const PageFacts& facts, Html& html) {
  const auto accepted = [](const std::optional<History::Rates>& rates) {
    return rates ? std::optional(rates->accepted) : std::nullopt;
  };
  html.raw("<section aria-labelledby=\"fits-title\"><h2 id=\"fits-title\">");
  if (facts.postgres && !facts.postgres->uplink.up)
    html.raw("How long can this last?");
  else
    html.raw("How long an outage would fit");
  html.raw("</h2><dl class=\"facts\">");
  add_span(facts, accepted(facts.minute), "at the present rate", html);
  add_span(facts, accepted(facts.day), "at the mean of the last 24 hours", html);
  const std::uint64_t gaps = facts.postgres ? facts.postgres->gaps : 0;
  html.raw("<div class=\"fact")
      .raw(facts.journal.lost + gaps > 0 ? Markup(" bad") : Markup(""))
      .raw("\"><dt>lost by this machine's disk since the start</dt><dd>");
  html.number(std::max(facts.journal.lost, gaps)).raw("</dd></div></dl>");
  add_bar(facts, html);
  html.raw("</section>\n");
}

}  // namespace hookspool::agent
