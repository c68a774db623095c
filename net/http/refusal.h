// A request that the listener answers by itself, because it must not reach a handler. Plain values and pure functions.
#pragma once

#include <string>
#include <string_view>

namespace hookspool::net {

struct Refusal {
  int status;
  const char* text;  // a fixed sentence: nothing that the client sent is ever repeated to it
};

// What is known of the request that is refused. The answer to HEAD has no content, whatever its status (RFC 9112 section
// 6.3); a client that is sent one reads it as the beginning of the next answer.
enum class RefusedMethod {
  kNothingCame,  // not one byte of the request
  kMayBeHead,    // HEAD, or the beginning of that word
  kOther,
};

// `bytes`: the request from its first byte, as far as it has come. Line ends before it do not count.
RefusedMethod refused_method(std::string_view bytes);

// The bytes of the answer: status, one line of JSON, Connection: close. Without the JSON and its length where the request
// is or may be HEAD: that is whole for every method, since the connection's end ends it.
std::string refusal_answer(const Refusal& refusal, RefusedMethod method);

}  // namespace hookspool::net
