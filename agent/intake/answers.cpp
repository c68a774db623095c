#include "agent/intake/answers.h"

#include <array>
#include <cstddef>
#include <utility>

#include "agent/base/random.h"
#include "agent/intake/event_headers.h"
#include "storage/base/hex.h"

namespace hookspool::agent {

net::HttpAnswer text_answer(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text), {}};
}

net::HttpAnswer error_answer(int status, const std::string& what) {
  return {status, "application/json", "{\"error\":" + json_text(what) + "}\n", {}};
}

net::HttpAnswer livez_answer() {
  return text_answer(200, "ok\n");
}

net::HttpAnswer readyz_answer(const storage::JournalAdmin& journal, bool stopping) {
  if (stopping) return text_answer(503, "stopping\n");
  const auto stats = journal.stats();
  if (stats.accepting) return text_answer(200, "ok\n");
  return text_answer(503, stats.refusing_because + "\n");
}

std::string new_request_id() {
  std::array<std::byte, 8> bits{};
  random_bytes(bits);
  return encode_hex({reinterpret_cast<const char*>(bits.data()), bits.size()});
}

void name_request(net::HttpAnswer& answer, const std::string& id) {
  answer.headers.emplace_back("X-Request-Id", id);
}

}  // namespace hookspool::agent
