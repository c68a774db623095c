// A request that the listener answers by itself, because it must not reach a handler.
#pragma once

#include <string>

namespace hookspool::net {

struct Refusal {
  int status;
  const char* text;  // a fixed sentence: nothing that the client sent is ever repeated to it
};

// The bytes of the answer: status, one line of JSON, Connection: close.
std::string refusal_answer(const Refusal& refusal);

}  // namespace hookspool::net
