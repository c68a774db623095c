// What a SQLSTATE means, in our words: bounded, and quoting nothing, where PostgreSQL's own text may quote an event.
// Source: PostgreSQL's documentation, appendix A. Pure function, thread-safe.
#pragma once

#include <string_view>

namespace hookspool::net {

// Empty: there are no words for it.
std::string_view sqlstate_meaning(std::string_view sqlstate);

}  // namespace hookspool::net
