#include "net/http/httplib_bridge.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/refusal.h"

namespace hookspool::net {
namespace {

constexpr Refusal kBridgeFailed{500, "internal error"};
constexpr std::size_t kKnownHeads = 8;
constexpr std::size_t kKnownBytesMax = 16 * 1024;  // of an answer whose head is remembered

// What cpp-httplib gets of a request. Only HEAD makes a difference to the answer it writes.
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
  explicit Impl(std::chrono::seconds keep_alive_hint) {
    set_keep_alive_hint(keep_alive_hint);
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

  void set_keep_alive_hint(std::chrono::seconds hint) {
    keep_alive_hint_ = "timeout=" + std::to_string(hint.count());
    known_ = {};
  }

  bool write(HttpAnswer&& answer, bool head_only, bool close, std::string& bytes) {
    if (head_only) return ask_library(std::move(answer), true, close, bytes);
    const auto known = std::find_if(known_.begin(), known_.end(),
                                    [&](const KnownHead& head) { return head.fits(answer, close); });
    if (known != known_.end()) {
      bytes.reserve(known->head.size() + answer.body.size());
      bytes = known->head;
      bytes += answer.body;
      return true;
    }
    KnownHead head{answer.status, answer.body.size(), close, answer.content_type, answer.headers, {}};
    const bool has_body = answer.status != 204 && answer.status != 304;
    if (!ask_library(std::move(answer), false, close, bytes)) return false;
    if (!has_body || bytes.size() > kKnownBytesMax || bytes.size() < head.body_bytes) return true;
    head.head = bytes.substr(0, bytes.size() - head.body_bytes);
    known_[std::exchange(next_, (next_ + 1) % known_.size())] = std::move(head);
    return true;
  }

 private:
  // What the library writes before a body depends on these alone. Nearly all answers differ in their bodies only, and
  // asking it each time would be a fifth of the loop's work.
  struct KnownHead {
    int status = 0;  // of no answer
    std::size_t body_bytes = 0;
    bool close = false;
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string head;

    bool fits(const HttpAnswer& answer, bool close_) const {
      return !head.empty() && status == answer.status && body_bytes == answer.body.size() &&
             close == close_ && content_type == answer.content_type && headers == answer.headers;
    }
  };

  bool ask_library(HttpAnswer&& answer, bool head_only, bool close, std::string& bytes) {
    stream_.start(head_only ? kHeadOfHead : kHeadOfOthers);
    answer_ = &answer;
    const bool written = process(*this, close);
    // route() takes the answer away. If it was not called, the library has refused one of our own heads.
    if (!written || std::exchange(answer_, nullptr) != nullptr) return false;
    bytes = std::exchange(stream_.written, std::string());
    return true;
  }

  // process_request() of the cpp-httplib that is installed: later ones (0.18 has it) also take the addresses of both
  // ends, which none of our answers shows. A template, because only there `requires` may ask.
  template <typename Self>
  static bool process(Self& self, bool close) {
    bool closed_by_head = false;
    if constexpr (requires { self.process_request(self.stream_, close, closed_by_head, nullptr); }) {
      return self.process_request(self.stream_, close, closed_by_head, nullptr);
    } else {
      return self.process_request(self.stream_, std::string(), 0, std::string(), 0, close, closed_by_head,
                                  nullptr);
    }
  }

  void route(httplib::Response& response) {
    HttpAnswer& answer = *std::exchange(answer_, nullptr);
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

  std::string keep_alive_hint_;
  MemoryStream stream_;
  HttpAnswer* answer_ = nullptr;
  std::array<KnownHead, kKnownHeads> known_;
  std::size_t next_ = 0;  // of known_, to be forgotten
};

HttplibBridge::HttplibBridge(std::chrono::seconds keep_alive_hint)
    : impl_(std::make_unique<Impl>(keep_alive_hint)) {}

HttplibBridge::~HttplibBridge() = default;

void HttplibBridge::set_keep_alive_hint(std::chrono::seconds hint) {
  impl_->set_keep_alive_hint(hint);
}

bool HttplibBridge::write(HttpAnswer&& answer, bool head_only, bool& close, std::string& bytes) {
  try {
    if (impl_->write(std::move(answer), head_only, close, bytes)) return true;
  } catch (...) {
    // The same as any other way in which it did not come about.
  }
  close = true;
  bytes = refusal_answer(kBridgeFailed, head_only ? RefusedMethod::kMayBeHead : RefusedMethod::kOther);
  return false;
}

}  // namespace hookspool::net
