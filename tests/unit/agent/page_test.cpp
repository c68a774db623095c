// The dashboard's HTML as it leaves the server: what it says in each mode, and that no text becomes markup.
#include "agent/page/page.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "agent/page/history_json.h"
#include "agent/page/html.h"
#include "agent/page/words.h"

namespace hookspool::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kNow = 1'795'863'511'000'000;  // 2026-11-28 10:58:31 UTC
constexpr const char* kHostile = "<img src=x onerror=alert(1)>\"'&<script>alert(2)</script>";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// An agent in an outage, with everything on its page.
PageFacts facts(Mode mode, const std::string& text) {
  PageFacts facts;
  facts.now_us = kNow;
  facts.started_at_us = kNow - 3'600'000'000;
  facts.agent_id = text;
  facts.mode = mode;
  facts.journal.pending = 139'842;
  facts.journal.bytes_max = 2ull << 30;
  facts.journal.refusing_because = text;
  facts.journal.last_error = text;
  facts.journal.unreadable_segments = facts.journal.set_aside_files = facts.journal.lost = 1;
  facts.journal.unreadable_because = text;
  facts.forecast.left = 1'000'000'000;
  facts.bytes_per_event = 1'000;
  facts.live = facts.minute = facts.day = History::Rates{100, 0, 0};
  facts.postgres.emplace();
  facts.postgres->uplink.down_for = 761s;
  facts.postgres->uplink.tries_in_this_outage = 14;
  facts.postgres->uplink.next_try_in = 38s;
  facts.postgres->uplink.last_error = net::PgError{.text = text, .hint = text};
  facts.postgres->uplink.needs_administrator = mode == Mode::kBlocked;
  facts.postgres->pool.tls.protocol = text;
  LaneFacts lane;
  lane.status.name = text;
  lane.status.state = "held";
  lane.status.error = lane.status.hint = lane.status.sqlstate = text;
  lane.status.pending = 3;
  lane.oldest_us = lane.last_event_us = kNow - 5'000'000;
  lane.refused_because = text;
  facts.lanes = {lane};
  facts.lanes_total = 51;
  RecentEvent event;
  event.lane = event.delivery_id = text;
  facts.events = {{event, false}, {event, true}};
  DeadLetter letter;
  letter.lane = letter.sqlstate = letter.message = letter.request = letter.body = text;
  facts.letters = {letter};
  facts.letters_total = 1;
  facts.letters_error = text;
  facts.quarantine.requests = 2;
  facts.reload = ReloadOutcome{
      .done = false, .at_us = kNow, .changed = {text}, .needs_restart = {text}, .faults = {text}};
  return facts;
}

// What a parser would see: each tag's name, and each attribute's.
void expect_only_our_markup(const std::string& html) {
  static const std::set<std::string> kTags = {
      "html", "head",   "meta", "title",   "link",    "script",  "noscript", "body",  "header",
      "p",    "strong", "span", "time",    "main",    "section", "svg",      "path",  "rect",
      "div",  "h1",     "h2",   "h3",      "ol",      "ul",      "li",       "b",     "small",
      "dl",   "dt",     "dd",   "details", "summary", "table",   "thead",    "tbody", "tr",
      "th",   "td",     "code", "button",  "a",       "footer"};
  static const std::regex kTag("<(/?)([a-zA-Z0-9]+)([^>]*)>");
  std::size_t scripts = 0;
  for (std::sregex_iterator tag(html.begin(), html.end(), kTag), end; tag != end; ++tag) {
    EXPECT_TRUE(kTags.contains((*tag)[2])) << tag->str();
    EXPECT_FALSE(has((*tag)[3], " on") || has((*tag)[3], " style")) << tag->str();
    scripts += (*tag)[1].length() == 0 && (*tag)[2] == "script" ? 1u : 0u;
  }
  EXPECT_EQ(scripts, 1u);
}

constexpr Mode kModes[] = {Mode::kOnline,   Mode::kCatchingUp, Mode::kOffline,    Mode::kBlocked,
                           Mode::kRefusing, Mode::kFailed,     Mode::kJournalOnly};

TEST(Page, NoTextBecomesMarkupInAnyMode) {
  for (const Mode mode : kModes) {
    const std::string html = page_html(facts(mode, kHostile));
    EXPECT_TRUE(has(html, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;&lt;script&gt;"));
    EXPECT_FALSE(has(html, "<img")) << mode_name(mode);
    EXPECT_FALSE(has(html, "<script>")) << mode_name(mode);
    expect_only_our_markup(html);
  }
}

TEST(Page, WhatWouldHideOrReorderTextIsShown) {
  const std::string html = page_html(facts(Mode::kOffline, "a\xe2\x80\xae\x1b[2J\x01\xff"));
  EXPECT_TRUE(has(html, "\\u202e"));
  EXPECT_TRUE(has(html, "\\x1b[2J"));
  for (const char c : html) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
}

TEST(Page, SaysItsModeInWordsFirst) {
  for (const Mode mode : kModes) {
    const std::string html = page_html(facts(mode, "edge-17"));
    const std::string name = mode == Mode::kCatchingUp    ? "catching up"
                             : mode == Mode::kJournalOnly ? "journal only"
                                                          : std::string(mode_name(mode));
    EXPECT_TRUE(has(html, "<title>" + name + " - hookspool edge-17</title>"));
    EXPECT_TRUE(has(html, "<h1 id=\"mode\">" + name + ": ")) << name;
    EXPECT_LT(html.find("<h1"), html.find("<h2"));
  }
}

TEST(Page, AnOutageIsToldWithWhatStillFits) {
  const std::string html = page_html(facts(Mode::kOffline, "refused"));
  EXPECT_TRUE(has(html, "For 12 min 41 s: <code>refused</code>. Next try in 38 s, 14 tries have failed."));
  EXPECT_TRUE(has(html, "139,842</b> waiting"));
  EXPECT_TRUE(has(html, "<dd>2 h 46 min</dd>")) << "1 GB, 1 kB an event, 100 a second";
  EXPECT_TRUE(has(html, "<b class=\"num\">away</b>"));
  EXPECT_TRUE(has(html, "interrupted"));
}

TEST(Page, ShowsNeitherContentNorWordsThatMayQuoteIt) {
  PageFacts shown = facts(Mode::kBlocked, "plain");
  shown.letters[0].sqlstate = "22P02";
  shown.letters[0].message = shown.letters[0].request = shown.letters[0].body = "SECRET-CARD-4711";
  shown.lanes[0].status.error = "SECRET-CARD-4711";
  shown.lanes[0].status.sqlstate = "22P02";
  shown.lanes[0].status.may_quote = true;
  const std::string html = page_html(shown);
  EXPECT_FALSE(has(html, "SECRET"));
  EXPECT_TRUE(has(html, "<code>22P02</code> a value that does not fit its type"));
}

TEST(Page, ACommandIsOneWordForEachOfItsArguments) {
  PageFacts shown = facts(Mode::kOnline, "plain");
  shown.letters[0].lane = "it's $(rm)";
  shown.letters_error.clear();
  EXPECT_TRUE(has(page_html(shown), "hookspool dead retry --source &#39;it&#39;\\\\&#39;&#39;s $(rm)&#39;") ||
              has(page_html(shown), "hookspool dead retry --source &#39;it&#39;\\&#39;&#39;s $(rm)&#39;"));
  EXPECT_EQ(shell_word("stripe-eu_1.x"), "stripe-eu_1.x");
  EXPECT_EQ(shell_word("-rf"), "'-rf'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(Page, OfAnEmptyAgentItIsWholeAsWell) {
  PageFacts empty;
  empty.now_us = empty.started_at_us = kNow;
  empty.mode = Mode::kJournalOnly;
  const std::string html = page_html(empty);
  EXPECT_TRUE(has(html, "No event has come yet"));
  EXPECT_TRUE(has(html, "not known yet"));
  EXPECT_TRUE(has(html, "not configured"));
  expect_only_our_markup(html);
}

TEST(PageWords, AreShortAndTrue) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(18'446'744'073'709'551'615u), "18,446,744,073,709,551,615");
  EXPECT_EQ(rate_words(0), "0");
  EXPECT_EQ(rate_words(0.001), "< 0.01");
  EXPECT_EQ(rate_words(0.034), "0.03");
  EXPECT_EQ(rate_words(20.44), "20.4");
  EXPECT_EQ(rate_words(12'345.6), "12,346");
  EXPECT_EQ(ms_words(-1), "-");
  EXPECT_EQ(ms_words(0.42), "0.42 ms");
  EXPECT_EQ(ms_words(1'234), "1.2 s");
  EXPECT_EQ(ms_words(761'000), "12 min 41 s");
  EXPECT_EQ(percent_words(0), "0 %");
  EXPECT_EQ(percent_words(0.9998), "99.98 %");
  EXPECT_EQ(percent_words(0.999999), "> 99.99 %") << "not all";
  EXPECT_EQ(percent_words(0.104), "10.4 %");
  EXPECT_EQ(span_words(59.9), "59 s");
  EXPECT_EQ(span_words(60), "1 min");
  EXPECT_EQ(span_words(28'200), "7 h 50 min");
  EXPECT_EQ(span_words(86'400 * 3 + 3'600), "3 d 1 h");
  EXPECT_EQ(span_words(86'400 * 41), "41 d");
  EXPECT_EQ(span_words(1e12), "more than a year");
  EXPECT_EQ(moment_words(kNow, kNow), "10:58:31");
  EXPECT_EQ(moment_words(kNow - 86'400'000'000, kNow), "2026-11-27 10:58:31");
  EXPECT_EQ(ago_words(kNow + 5'000'000, kNow), "now") << "the clock was put back";
  EXPECT_FALSE(seconds_that_fit(1'000, 0, 1));
  EXPECT_FALSE(seconds_that_fit(1'000, 1, 0));
  EXPECT_EQ(seconds_that_fit(1'000, 10, 2), 50);
}

TEST(PageHistory, IsColumnsOfNumbers) {
  HistorySample sample;
  sample.end_s = 1'795'863'511;
  sample.accepted = 184.23456f;
  sample.durable_p99 = 6.1f;
  EXPECT_EQ(series_json(2s, {sample}),
            "{\"step\":2,\"t\":[1795863511],\"accepted\":[184.2],\"delivered\":[0.0],\"refused\":[0.0],"
            "\"waiting\":[0.0],\"down\":[0.0],\"durable_p50\":[null],\"durable_p99\":[6.1],"
            "\"committed_p50\":[null],\"committed_p99\":[null]}");
}

}  // namespace
}  // namespace hookspool::agent
