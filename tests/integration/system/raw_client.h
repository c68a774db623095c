// A sender's end of one kept-alive HTTP connection to 127.0.0.1, by bare sockets, so that the test sees
// exactly what a sender sees: an answer, a refusal, or silence. Not thread-safe. No exceptions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace hookspool::testing {

enum class Outcome {
  kOk,       // a whole 2xx answer: the promise is given
  kFail,     // a whole answer that is not 2xx, or no process listened: no promise, and the sender knows
  kUnknown,  // sent, and no whole answer: the sender cannot know
};

struct Answer {
  Outcome outcome = Outcome::kFail;
  int status = 0;  // 0: none came
  std::string body;
  int retry_after_seconds = -1;  // of that header; -1: it is not there
  std::string id() const;        // of {"id":"..."}; empty if there is none
};

class RawClient {
 public:
  explicit RawClient(int port) : port_(port) {}
  ~RawClient() { close(); }
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;

  // The two halves of a request, so that one thread can have many of its connections at work.
  // REQUIRES: every send() is followed by its receive().
  void send(std::string_view request);
  Answer receive(std::chrono::milliseconds limit = std::chrono::seconds(30));

  // For what is no request: a connection, and bytes that are never answered. False: not possible.
  bool connect_only() { return connect(); }
  bool write_only(std::string_view bytes) { return write_all(bytes); }
  bool has_ended() const;  // the other side has closed, or said something without a request
  void close();

  Answer exchange(std::string_view request) {
    send(request);
    return receive();
  }

 private:
  bool connect();
  bool write_all(std::string_view bytes);

  int port_;
  int fd_ = -1;
  bool sent_any_ = false;  // of the request under way: it may have been taken
  bool sent_ = false;      // the request is out and an answer is due
  std::string input_;
};

// A request as bytes. `headers` are whole lines, each with its CRLF.
std::string post_request(std::string_view path, std::string_view headers, std::string_view body);
std::string get_request(std::string_view path);

}  // namespace hookspool::testing
