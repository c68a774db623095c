#include "agent/admin/pages.h"

#include "agent/admin/admin_protocol.h"
#include "agent/intake/answers.h"
#include "agent/intake/browser_guard.h"

namespace hookspool::agent {
namespace {

constexpr const char* kFrontPage =
    "hookspool\n"
    "\n"
    "/         in a browser: the dashboard\n"
    "/health   mode, journal, PostgreSQL, response times, errors, recovery, lanes (JSON)\n"
    "/metrics  the same for Prometheus\n"
    "/readyz   200 as long as an event can be accepted and committed to the journal\n"
    "/livez    200 as long as the process answers\n";

// A browser says so; curl and the like ask for anything.
bool accepts_html(const net::HttpRequest& request) {
  const std::string* accept = request.header("accept");
  return accept != nullptr && accept->find("text/html") != std::string::npos;
}

}  // namespace

net::HttpAnswer admin_page(const net::HttpRequest& request, const HealthSources& sources,
                           const AdminParts& parts, const Shown& shown, bool stopping) {
  // A page of another site must not reach the agent through a name that it has pointed at 127.0.0.1.
  if (!request.remote_addr.empty() && !has_loopback_host(request))
    return error_answer(403, "the Host header must name this machine: 127.0.0.1 or localhost");
  if (request.path == "/livez") return livez_answer();
  if (request.path == "/readyz") return readyz_answer(sources.journal.admin(), stopping);
  if (request.path.starts_with(kApiPrefix)) return admin_api(request, parts);
  const bool is_page = Dashboard::has(request.path);
  if (!is_page && request.path != "/health" && request.path != "/metrics")
    return error_answer(404, "no such page; see /");
  if (request.method != "GET" && request.method != "HEAD") {
    auto answer =
        error_answer(405, "this page is read only; changes are made by the commands, over the Unix socket " +
                              parts.socket);
    answer.headers.emplace_back("Allow", "GET, HEAD");
    return answer;
  }
  const Mode mode = current_mode(sources);
  if (is_page && (request.path != "/" || accepts_html(request)))
    return shown.dashboard.answer(request.path, mode);
  net::HttpAnswer answer;
  answer.headers.emplace_back("Cache-Control", "no-store");
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (request.path == "/") {
    answer.content_type = "text/plain; charset=utf-8";
    answer.headers.emplace_back("Vary", "Accept");
    answer.body = kFrontPage;
    return answer;
  }
  if (request.path == "/metrics") {
    answer.content_type = kMetricsContentType;
    answer.body = shown.metrics.text(mode);
    return answer;
  }
  answer.status = mode_status(mode) == "fail" ? 503 : 200;
  answer.content_type = "application/health+json";
  answer.body = health_json(sources, mode);
  return answer;
}

}  // namespace hookspool::agent
