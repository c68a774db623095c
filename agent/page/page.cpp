#include "agent/page/page.h"

#include "agent/base/version.h"
#include "agent/page/assets.h"
#include "agent/page/html.h"
#include "agent/page/sections.h"
#include "agent/page/words.h"

namespace hookspool::agent {
namespace {

// A dot in the colour of the mode, so that a tab shows it.
Markup icon_colour(Mode mode) {
  const std::string_view tone = tone_of(mode).text();
  if (tone == "ok") return "%232f9e68";
  if (tone == "busy") return "%233b82d6";
  if (tone == "warn") return "%23d98a1f";
  return "%23d6433a";
}

void add_head(const PageFacts& facts, Html& html) {
  html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
      .text(mode_words(facts.mode))
      .raw(" - hookspool ")
      .text(facts.agent_id)
      .raw("</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
      .raw("<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" ")
      .raw(
          "href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 "
          "16'%3E%3Ccircle ")
      .raw("cx='8' cy='8' r='7' fill='")
      .raw(icon_colour(facts.mode))
      .raw("'/%3E%3C/svg%3E\">\n<link rel=\"stylesheet\" href=\"/page.css?")
      .raw(kPageCssHash)
      .raw("\">\n<script src=\"/page.js?")
      .raw(kPageJsHash)
      .raw(
          "\" defer></script>\n<noscript><meta http-equiv=\"refresh\" "
          "content=\"5\"></noscript></head>\n<body>");
}

void add_banner(const PageFacts& facts, Html& html) {
  html.raw("<header><p class=\"brand\"><strong>hookspool</strong> <span>")
      .text(facts.agent_id)
      .raw("</span></p><p class=\"soft\"><span>")
      .text(kVersion)
      .raw("</span> <span>up ")
      .text(span_words(static_cast<double>(facts.now_us - facts.started_at_us) / 1e6))
      .raw("</span> <span>as of <time id=\"as-of\">")
      .text(clock_words(facts.now_us))
      .raw("</time> UTC</span></p></header>\n");
}

// page.js fills these; what it shows is in the table as well.
void add_charts(const PageFacts& facts, Html& html) {
  html.raw("<section aria-labelledby=\"history-title\"><h2 id=\"history-title\">History</h2>")
      .raw("<div id=\"charts\" data-keep hidden></div>")
      .raw(
          "<noscript><p class=\"soft\">The charts need scripts; the table below has the "
          "figures.</p></noscript>");
  add_hours(facts, html);
  html.raw("</section>\n");
}

}  // namespace

std::string page_html(const PageFacts& facts) {
  Html html;
  add_head(facts, html);
  add_banner(facts, html);
  html.raw("<p id=\"silent\" class=\"silent\" role=\"alert\" data-keep hidden></p>\n<main>\n");
  add_mode(facts, html);
  add_way(facts, html);
  add_fits(facts, html);
  add_charts(facts, html);
  add_lanes(facts, html);
  add_letters(facts, html);
  add_events(facts, html);
  html.raw("<div class=\"pair\">\n");
  add_quarantine(facts, html);
  add_reload(facts, html);
  html.raw(
          "</div>\n</main>\n<footer><p>Read only: what changes something is a command, over the Unix "
          "socket. ")
      .raw("<code>hookspool --help</code> lists them. <a href=\"/health\">/health</a> ")
      .raw("<a href=\"/metrics\">/metrics</a></p></footer></body></html>\n");
  return html.take();
}

}  // namespace hookspool::agent
