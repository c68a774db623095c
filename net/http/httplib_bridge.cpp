#include "net/http/httplib_bridge.h"

#include <httplib.h>

#include <string_view>
#include <utility>

#include "net/http/refusal.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kHandlerFailed = "{\"error\":\"internal error\"}\n";
constexpr Refusal kBridgeFailed{500, "internal error"};

// What cpp-httplib is told of a request. Only HEAD makes a difference to the answer it writes.
constexpr std::string_view kHeadOfHead = "HEAD / HTTP/1.1\r\n\r\n";
constexpr std::string_view kHeadOfOthers = "GET / HTTP/1.1\r\n\r\n";

// Gives cpp-httplib a head and collects what it writes, so that an answer is one write.
class MemoryStream final : public httplib::Stream {
 public:
  std::string written;

  void start(std::string_view head) {
    unread_ = head;
    written.clear();
  }
  bool is_readable() const override { return !unread_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t count = unread_.copy(to, size);
    unread_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, std::size_t size) override {
    written.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  // 0.11.4 built with select() looks at it; no descriptor stands behind this stream.
  socket_t socket() const override { return INVALID_SOCKET; }

 private:
  std::string_view unread_;
};

}  // namespace

class HttplibBridge::Impl final : public httplib::Server {
 public:
  Impl(const HttpHandler& handler, std::chrono::seconds keep_alive_hint)
      : handler_(handler), keep_alive_hint_("timeout=" + std::to_string(keep_alive_hint.count())) {
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& response) {
      route(response);
      return HandlerResponse::Handled;
    });
    set_post_routing_handler(
        [this](const httplib::Request&, httplib::Response& response) { correct_headers(response); });
    // Only for what could be thrown around route(): the default would send the text of the exception.
    set_exception_handler([](const httplib::Request&, httplib::Response& response,
                             const std::exception_ptr&) { response.status = kBridgeFailed.status; });
  }

  std::string answer(HttpRequest&& request, bool& close, bool& failed) {
    stream_.start(request.method == "HEAD" ? kHeadOfHead : kHeadOfOthers);
    request_ = &request;
    failed_ = false;
    bool closed_by_head = false;
    const bool written = process_request(stream_, close, closed_by_head, nullptr);
    failed = failed_;
    // route() takes the request away. If it was not called, the library has refused one of our own heads.
    if (!written || std::exchange(request_, nullptr) != nullptr) {
      close = true;
      failed = true;
      return refusal_answer(kBridgeFailed);
    }
    return std::exchange(stream_.written, std::string());
  }

 private:
  void route(httplib::Response& response) {
    HttpRequest request = std::move(*std::exchange(request_, nullptr));
    HttpAnswer answer;
    try {
      answer = handler_(std::move(request));
    } catch (...) {
      failed_ = true;
      answer.status = 500;
      answer.body = kHandlerFailed;
    }
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    if (answer.status == 204 || answer.status == 304) return;  // they have no body by definition
    if (!answer.body.empty()) {
      response.body = std::move(answer.body);
      response.set_header("Content-Type", answer.content_type);
    }
  }

  // The library speaks of its own keep-alive limits and of ranges, neither of which holds here.
  void correct_headers(httplib::Response& response) const {
    if (response.headers.erase("Keep-Alive") > 0) response.headers.emplace("Keep-Alive", keep_alive_hint_);
    response.headers.erase("Accept-Ranges");
    if (response.status == 204 || response.status == 304) response.headers.erase("Content-Length");
  }

  const HttpHandler& handler_;
  const std::string keep_alive_hint_;
  MemoryStream stream_;
  HttpRequest* request_ = nullptr;
  bool failed_ = false;
};

HttplibBridge::HttplibBridge(const HttpHandler& handler, std::chrono::seconds keep_alive_hint)
    : impl_(std::make_unique<Impl>(handler, keep_alive_hint)) {}

HttplibBridge::~HttplibBridge() = default;

std::string HttplibBridge::answer(HttpRequest&& request, bool& close, bool& failed) {
  try {
    return impl_->answer(std::move(request), close, failed);
  } catch (...) {
    close = true;
    failed = true;
    return refusal_answer(kBridgeFailed);
  }
}

}  // namespace hookspool::net
