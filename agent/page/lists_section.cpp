#include <algorithm>
#include <string>

#include "agent/base/units.h"
#include "agent/page/sections.h"
#include "agent/page/words.h"
#include "net/pg/link/sqlstate_meaning.h"

namespace hookspool::agent {
namespace {

void begin_table(Markup label, Html& html) {
  html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"")
      .raw(label)
      .raw("\"><table><thead><tr>");
}

void add_letter(const DeadLetter& letter, std::int64_t now_us, Html& html) {
  html.raw("<tr><td>").text(moment_words(letter.failed_at_us, now_us)).raw("</td><th scope=\"row\">");
  html.text(letter.lane, 64).raw("</th><td><code>").text(letter.id.to_string()).raw("</code></td><td>");
  // PostgreSQL's own words may quote the webhook.
  html.raw("<code>").text(letter.sqlstate, 8).raw("</code> ").text(net::sqlstate_meaning(letter.sqlstate));
  if (letter.put_back) html.raw(" <span class=\"tag busy\">sent again</span>");
  html.raw("</td></tr>");
}

void add_names(Markup what, const std::vector<std::string>& names, Html& html) {
  if (names.empty()) return;
  html.raw("<p>").raw(what).raw("</p><ul class=\"names\">");
  for (const auto& name : names) html.raw("<li><code>").text(name).raw("</code></li>");
  html.raw("</ul>");
}

}  // namespace

void add_command(std::string_view command, Html& html) {
  html.raw("<div class=\"cmd\"><code>")
      .text(command)
      .raw("</code><button type=\"button\" class=\"copy\">Copy</button></div>");
}

void add_hint(std::string_view hint, Html& html) {
  if (hint.empty()) return;
  html.raw("<div class=\"cmd\"><code class=\"lines\">")
      .lines(hint)
      .raw("</code><button type=\"button\" class=\"copy\">Copy</button></div>");
}

void add_events(const PageFacts& facts, Html& html) {
  html.raw("<section aria-labelledby=\"events-title\"><h2 id=\"events-title\">Last events</h2>");
  if (facts.events.empty()) {
    html.raw("<p class=\"soft\">None since the start.</p></section>\n");
    return;
  }
  begin_table("Last events", html);
  html.raw("<th scope=\"col\">received</th><th scope=\"col\">source</th><th scope=\"col\">event</th>")
      .raw("<th scope=\"col\">delivery id</th><th scope=\"col\" class=\"n\">bytes</th>")
      .raw("<th scope=\"col\">state</th></tr></thead><tbody>");
  for (const auto& [event, delivered] : facts.events) {
    html.raw("<tr><td>")
        .text(moment_words(event.received_at_us, facts.now_us))
        .raw("</td><th scope=\"row\">");
    html.text(event.lane).raw("</th><td><code>").text(event.id.to_string()).raw("</code></td><td><code>");
    html.text(event.delivery_id)
        .raw("</code></td><td class=\"n\">")
        .number(event.body_bytes)
        .raw("</td><td>");
    html.raw(delivered ? Markup("<span class=\"tag ok\">in PostgreSQL</span>")
                       : Markup("<span class=\"tag warn\">on disk</span>"));
    html.raw("</td></tr>");
  }
  html.raw("</tbody></table></div></section>\n");
}

void add_letters(const PageFacts& facts, Html& html) {
  html.raw("<section aria-labelledby=\"dead-title\"><h2 id=\"dead-title\">Dead letters <small>")
      .number(facts.letters_total)
      .raw("</small></h2>");
  if (facts.letters_total == 0) {
    html.raw("<p class=\"soft\">PostgreSQL has refused no event.</p></section>\n");
    return;
  }
  html.raw("<p>PostgreSQL refused these events for what is in them. They are kept whole; once the cause is ")
      .raw("repaired they can be sent again.</p>");
  if (!facts.letters_error.empty()) html.raw("<p class=\"notice\">").text(facts.letters_error).raw("</p>");
  if (facts.letters.empty()) {
    add_command("hookspool dead list", html);
    html.raw("</section>\n");
    return;
  }
  begin_table("Dead letters", html);
  html.raw("<th scope=\"col\">refused</th><th scope=\"col\">source</th><th scope=\"col\">event</th>")
      .raw("<th scope=\"col\">why</th></tr></thead><tbody>");
  for (const DeadLetter& letter : facts.letters) add_letter(letter, facts.now_us, html);
  html.raw("</tbody></table></div>");
  if (facts.letters_total > facts.letters.size())
    html.raw("<p class=\"soft\">and ").number(facts.letters_total - facts.letters.size()).raw(" more.</p>");
  const DeadLetter& first = facts.letters.front();
  html.raw("<p>What the first one holds, and PostgreSQL's own words:</p>");
  add_command("hookspool dead show " + first.id.to_string(), html);
  html.raw("<p>When the cause is repaired:</p>");
  const bool one_source = facts.letters_total == facts.letters.size() &&
                          std::all_of(facts.letters.begin(), facts.letters.end(),
                                      [&](const DeadLetter& letter) { return letter.lane == first.lane; });
  add_command(one_source ? "hookspool dead retry --source " + shell_word(first.lane)
                         : std::string("hookspool dead retry --all"),
              html);
  html.raw("</section>\n");
}

void add_quarantine(const PageFacts& facts, Html& html) {
  html.raw("<section aria-labelledby=\"quarantine-title\"><h2 id=\"quarantine-title\">Quarantine <small>")
      .number(facts.quarantine.requests)
      .raw("</small></h2>");
  if (facts.quarantine.requests == 0) {
    html.raw("<p class=\"soft\">No request with a signature that fits no secret is kept.</p></section>\n");
    return;
  }
  html.raw("<p>Requests whose signature fits no secret, ")
      .text(format_bytes(facts.quarantine.bytes))
      .raw(". If a secret was missing from the configuration, add it, and admit what is genuine:</p>");
  add_command("hookspool quarantine list", html);
  add_command("hookspool quarantine verify", html);
  html.raw("</section>\n");
}

void add_reload(const PageFacts& facts, Html& html) {
  html.raw("<section aria-labelledby=\"reload-title\"><h2 id=\"reload-title\">Configuration</h2>");
  if (!facts.reload) {
    html.raw("<p class=\"soft\">As at the start, ")
        .text(ago_words(facts.started_at_us, facts.now_us))
        .raw(". To put a change into force:</p>");
    add_command("hookspool reload", html);
    html.raw("</section>\n");
    return;
  }
  const ReloadOutcome& reload = *facts.reload;
  html.raw("<p>");
  if (reload.done)
    html.raw("<span class=\"tag ok\">in force</span> reloaded ");
  else
    html.raw(
        "<span class=\"tag bad\">refused</span> the changed file, and the configuration before it holds, ");
  html.text(ago_words(reload.at_us, facts.now_us)).raw("</p>");
  add_names("Why:", reload.faults, html);
  add_names("Changed:", reload.changed, html);
  add_names("In force after a restart:", reload.needs_restart, html);
  if (!reload.done) add_command("hookspool check-config", html);
  html.raw("</section>\n");
}

}  // namespace hookspool::agent
