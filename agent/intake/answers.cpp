#include "agent/intake/answers.h"

#include <utility>

#include "agent/intake/event_headers.h"

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

}  // namespace hookspool::agent
