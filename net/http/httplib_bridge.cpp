#include "net/http/httplib_bridge.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "net/http/refusal.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kHandlerFailed = "{\"error\":\"internal error\"}\n";
constexpr Refusal kBridgeFailed{500, "internal error"};

// cpp-httplib refuses longer lines (8192 bytes with the line end), which is its limit, not ours.
constexpr std::size_t kLineBytesMax = 8000;

// Headers that make cpp-httplib act: a std::regex over Range and an answer cut to it, a "100 Continue" in the
// middle of the answer, a compressed answer. Connection is replaced by what the loop has decided.
bool is_acted_upon(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kNames{"range", "expect", "accept-encoding", "connection"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Methods that cpp-httplib does not know make it answer 400; the handler is to answer 405.
std::string_view known_method(const std::string& method) {
  static constexpr std::array<std::string_view, 7> kNames{"GET",    "HEAD",    "POST", "PUT",
                                                          "DELETE", "OPTIONS", "PATCH"};
  const auto found = std::find(kNames.begin(), kNames.end(), method);
  return found == kNames.end() ? std::string_view("OPTIONS") : *found;
}

// A second '?' in a target, legal as it is, makes cpp-httplib answer 400.
void append_target(std::string& head, const HttpRequest& request) {
  const std::size_t from = head.size();
  head += request.path;
  if (!request.query.empty()) head += '?';
  for (const char c : request.query) {
    if (c == '?') {
      head += "%3F";
    } else {
      head += c;
    }
  }
  if (head.size() - from > kLineBytesMax) head.replace(from, std::string::npos, "/");
}

// cpp-httplib decodes percent signs in header values; %25 is what it decodes to a percent sign.
void append_header(std::string& head, const std::string& name, const std::string& value) {
  const std::size_t from = head.size();
  head += name;
  head += ": ";
  for (const char c : value) {
    if (c == '%') {
      head += "%25";
    } else {
      head += c;
    }
  }
  if (head.size() - from > kLineBytesMax) {
    head.resize(from);
  } else {
    head += "\r\n";
  }
}

void compose_head(const HttpRequest& request, std::string& head) {
  head = known_method(request.method);
  head += ' ';
  append_target(head, request);
  head += " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) {
    if (!is_acted_upon(name)) append_header(head, name, value);
  }
  head += "\r\n";
}

// Gives cpp-httplib the head and collects what it writes, so that an answer is one write.
class MemoryStream final : public httplib::Stream {
 public:
  std::string head;
  std::string written;

  bool is_readable() const override { return position_ < head.size(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t count = std::min(size, head.size() - position_);
    std::memcpy(to, head.data() + position_, count);
    position_ += count;
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

  void rewind() { position_ = 0; }

 private:
  std::size_t position_ = 0;
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
    set_exception_handler([](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
      response.status = kBridgeFailed.status;
    });
  }

  std::string answer(HttpRequest&& request, bool& close, bool& failed) {
    compose_head(request, stream_.head);
    stream_.rewind();
    stream_.written.clear();
    request_ = &request;
    failed_ = false;
    bool closed_by_head = false;
    const bool written = process_request(stream_, close, closed_by_head, nullptr);
    failed = failed_;
    // route() takes the request away. If it was not called, the library refused a head that we had let
    // through.
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
