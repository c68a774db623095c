// The dashboard's sections, each written behind what `html` holds. Pure functions, thread-safe.
#pragma once

#include <string_view>

#include "agent/page/html.h"
#include "agent/page/page_facts.h"

namespace hookspool::agent {

// "ok", "busy", "warn", "bad": the class of the mode in page.css.
Markup tone_of(Mode mode);
std::string_view mode_words(Mode mode);  // "online", "catching up", ...

// What the agent does, in words, and what it needs. mode_section.cpp
void add_mode(const PageFacts& facts, Html& html);

// The way of an event as a picture, with live figures on it. way_section.cpp
void add_way(const PageFacts& facts, Html& html);

// How long an outage still fits into the journal. fits_section.cpp
void add_fits(const PageFacts& facts, Html& html);

// The 24 hours of the history as a table, newest hour first. hours_section.cpp
void add_hours(const PageFacts& facts, Html& html);

// lanes_section.cpp
void add_lanes(const PageFacts& facts, Html& html);

// Newest events, dead letters, quarantine, the last reload. lists_section.cpp
void add_events(const PageFacts& facts, Html& html);
void add_letters(const PageFacts& facts, Html& html);
void add_quarantine(const PageFacts& facts, Html& html);
void add_reload(const PageFacts& facts, Html& html);

// A command to copy. page.js gives the button its work.
void add_command(std::string_view command, Html& html);
// A hint of the agent's: lines of words, SQL and commands.
void add_hint(std::string_view hint, Html& html);

}  // namespace hookspool::agent
