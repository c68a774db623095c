// The dashboard's HTML: server-rendered, so that it needs no script; page.js asks for it again and takes over what changed.
// Pure function, thread-safe.
#pragma once

#include <string>

#include "agent/page/page_facts.h"

namespace hookspool::agent {

std::string page_html(const PageFacts& facts);

}  // namespace hookspool::agent
