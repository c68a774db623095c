#include "agent/page/dashboard.h"

#include "agent/intake/answers.h"
#include "agent/page/assets.h"
#include "agent/page/history_json.h"
#include "agent/page/page.h"

namespace hookspool::agent {
namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// The name of an asset holds its hash, so it may be kept for ever.
constexpr const char* kForEver = "public, max-age=31536000, immutable";

net::HttpAnswer answer_with(const char* content_type, std::string body, const char* cache = "no-store") {
  net::HttpAnswer answer;
  answer.content_type = content_type;
  answer.body = std::move(body);
  answer.headers = {{"Cache-Control", cache},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Referrer-Policy", "no-referrer"},
                    {"Cross-Origin-Resource-Policy", "same-origin"},
                    {"Content-Security-Policy", kPolicy}};
  return answer;
}

}  // namespace

bool Dashboard::has(const std::string& path) {
  return path == "/" || path == "/page.css" || path == "/page.js" || path == "/history.json";
}

std::string Dashboard::page(Mode mode) {
  if (looking_.exchange(true)) {
    const MutexLock lock(mutex_);
    return last_;
  }
  struct Look {
    std::atomic<bool>& looking;
    ~Look() { looking = false; }
  } const look{looking_};
  std::string html = page_html(facts_.read(mode));
  const MutexLock lock(mutex_);
  last_ = html;
  return html;
}

std::string Dashboard::history_json() const {
  return "{\"fine\":" + series_json(History::kFineStep, history_.fine()) +
         ",\"coarse\":" + series_json(History::kCoarseStep, history_.coarse()) + "}\n";
}

net::HttpAnswer Dashboard::answer(const std::string& path, Mode mode) {
  if (path == "/page.css")
    return answer_with("text/css; charset=utf-8", std::string(kPageCss.text()), kForEver);
  if (path == "/page.js")
    return answer_with("text/javascript; charset=utf-8", std::string(kPageJs.text()), kForEver);
  if (path == "/history.json") return answer_with("application/json", history_json());
  auto answer = answer_with("text/html; charset=utf-8", page(mode));
  if (answer.body.empty()) return error_answer(503, "the first look at the agent is not over yet; try again");
  answer.headers.emplace_back("Vary", "Accept");
  return answer;
}

}  // namespace hookspool::agent
