#include <string>

#include "agent/base/units.h"
#include "agent/page/sections.h"
#include "agent/page/words.h"
#include "net/pg/link/error.h"

namespace hookspool::agent {
namespace {

std::string error_of(const LaneStatus& status) {
  return net::shown_text({.sqlstate = status.sqlstate, .text = status.error, .may_quote = status.may_quote});
}

void add_state(const LaneFacts& lane, const PageFacts& facts, Html& html) {
  const LaneStatus& status = lane.status;
  const bool up = facts.postgres && facts.postgres->uplink.up;
  if (status.stuck())
    html.raw("<span class=\"tag bad\">blocked</span>");
  else if (!lane.refused_because.empty())
    html.raw("<span class=\"tag bad\">refused: no room</span>");
  else if (status.state == "catching-up")
    html.raw("<span class=\"tag busy\">catching up</span>");
  else if (status.state == "waiting" && status.pending > 0 && !up)
    html.raw("<span class=\"tag warn\">waiting for PostgreSQL</span>");
  else if (status.state == "waiting" && status.pending > 0)
    html.raw("<span class=\"tag warn\">waiting</span>");
  else if (status.pending > 0)
    html.raw("<span class=\"tag ok\">delivering</span>");
  else
    html.raw("<span class=\"tag ok\">delivered</span>");
}

void add_row(const LaneFacts& lane, const PageFacts& facts, Html& html) {
  const LaneStatus& status = lane.status;
  html.raw("<tr><th scope=\"row\">").text(status.name, 64).raw("</th><td>");
  add_state(lane, facts, html);
  html.raw("</td><td class=\"n\">").text(rate_words(lane.per_second)).raw("</td><td class=\"n\">");
  html.number(status.pending).raw("</td><td class=\"n\">");
  html.text(status.pending > 0 ? format_bytes(lane.pending_bytes) : "-").raw("</td><td class=\"n\">");
  if (lane.oldest_us)
    html.text(span_words(static_cast<double>(facts.now_us - *lane.oldest_us) / 1e6));
  else
    html.raw("-");
  html.raw("</td><td>");
  if (lane.last_event_us)
    html.text(ago_words(*lane.last_event_us, facts.now_us));
  else
    html.raw("-");
  html.raw("</td></tr>");
}

void add_trouble(const LaneFacts& lane, Html& html) {
  const LaneStatus& status = lane.status;
  if (status.error.empty() && lane.refused_because.empty()) return;
  html.raw("<div class=\"trouble\"><p><strong>").text(status.name, 64).raw("</strong>: ");
  if (!status.error.empty())
    html.text(error_of(status));
  else
    html.text(lane.refused_because);
  if (!status.sqlstate.empty() && !status.may_quote) html.raw(" <code>").text(status.sqlstate).raw("</code>");
  if (!status.refused_id.is_nil())
    html.raw("; the event is <code>").text(status.refused_id.to_string()).raw("</code>");
  html.raw(". Nothing of it is lost.</p>");
  add_hint(status.hint, html);
  html.raw("</div>");
}

}  // namespace

void add_lanes(const PageFacts& facts, Html& html) {
  html.raw("<section id=\"lanes\" aria-labelledby=\"lanes-title\"><h2 id=\"lanes-title\">Lanes</h2>");
  if (facts.lanes.empty()) {
    html.raw("<p class=\"soft\">No event has come yet. To post the first:</p>");
    add_command("hookspool send", html);
    html.raw("</section>\n");
    return;
  }
  html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Lanes\"><table><thead><tr>")
      .raw("<th scope=\"col\">source</th><th scope=\"col\">state</th>")
      .raw("<th scope=\"col\" class=\"n\">events/s</th><th scope=\"col\" class=\"n\">waiting</th>")
      .raw("<th scope=\"col\" class=\"n\">bytes</th><th scope=\"col\" class=\"n\">oldest for</th>")
      .raw("<th scope=\"col\">last event</th></tr></thead><tbody>");
  for (const LaneFacts& lane : facts.lanes) add_row(lane, facts, html);
  html.raw("</tbody></table></div>");
  if (facts.lanes_total > facts.lanes.size()) {
    html.raw("<p class=\"soft\">and ").number(facts.lanes_total - facts.lanes.size()).raw(" more:</p>");
    add_command("hookspool status", html);
  }
  for (const LaneFacts& lane : facts.lanes) add_trouble(lane, html);
  html.raw("</section>\n");
}

}  // namespace hookspool::agent
