#include "net/http/request_reader.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hookspool::net {
namespace {

constexpr Refusal kBadHead{400, "a control character or a line end that is not CR LF"};
constexpr Refusal kLongTarget{414, "the request line is too long"};
constexpr Refusal kLongHead{431, "the head of the request is too large"};
constexpr Refusal kNoLength{411, "a POST with a body needs a Content-Length or Transfer-Encoding: chunked"};
constexpr Refusal kNoRoom{503, "too many bytes of requests in flight"};

// RFC 9112 section 2.2: old clients end a body with a line end that does not count. More is no client's mistake.
constexpr std::size_t kLineEndBytesMax = 8;  // CR LF four times

}  // namespace

bool BodyBudget::has_room_for(std::size_t bytes) {
  do {
    if (used_ + bytes <= bytes_max_) return true;
  } while (bytes <= bytes_max_ && relieve());
  return false;
}

bool BodyBudget::try_take(std::size_t bytes) {
  do {
    if (used_.fetch_add(bytes) + bytes <= bytes_max_) return true;
    used_ -= bytes;
  } while (bytes <= bytes_max_ && relieve());
  return false;
}

BodyShare::BodyShare(BodyShare&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

BodyShare& BodyShare::operator=(BodyShare&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

bool BodyShare::grow(std::size_t bytes) {
  if (!budget_->try_take(bytes)) return false;
  bytes_ += bytes;
  return true;
}

bool BodyShare::resize(std::size_t bytes) {
  if (bytes > bytes_) return grow(bytes - bytes_);
  if (bytes < bytes_) budget_->release(bytes_ - bytes);
  bytes_ = bytes;
  return true;
}

void BodyShare::release() {
  if (budget_ != nullptr) budget_->release(std::exchange(bytes_, 0));
}

std::optional<Refusal> RequestReader::take(std::string_view bytes) {
  assert(phase_ != Phase::kComplete);
  if (phase_ == Phase::kBody) {
    if (auto refusal = take_body(bytes)) return refusal;
    return keep(bytes);
  }
  if (phase_ == Phase::kIdle) {
    method_ = RefusedMethod::kNothingCame;
    if (auto refusal = skip_line_ends(bytes)) return refusal;
    if (bytes.empty()) return std::nullopt;
  }
  phase_ = Phase::kHead;
  if (buffer_.empty()) return advance_head(bytes);
  if (const std::size_t needed = buffer_.size() + bytes.size(); needed > buffer_.capacity()) {
    const std::size_t capacity = std::max(needed, 2 * buffer_.capacity());
    if (!buffer_share_.resize(capacity)) return kNoRoom;
    buffer_.reserve(capacity);
  }
  buffer_.append(bytes);
  return advance_head(buffer_);
}

std::optional<Refusal> RequestReader::advance() {
  if (phase_ == Phase::kBody || phase_ == Phase::kComplete) return std::nullopt;
  method_ = RefusedMethod::kNothingCame;  // of the bytes that were lost nothing is known any more
  if (std::exchange(surplus_lost_, false)) return kNoRoom;
  std::string_view bytes = buffer_;
  if (phase_ == Phase::kIdle) {
    if (auto refusal = skip_line_ends(bytes)) return refusal;
  }
  phase_ = bytes.empty() ? Phase::kIdle : Phase::kHead;
  return bytes.empty() ? keep(bytes) : advance_head(bytes);
}

// CR LF, cut anywhere. A CR without its LF is refused, as it is everywhere else.
std::optional<Refusal> RequestReader::skip_line_ends(std::string_view& bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(1), ++line_end_bytes_) {
    const bool cr_before = line_end_bytes_ % 2 == 1;
    if (bytes.front() == (cr_before ? '\n' : '\r') && line_end_bytes_ < kLineEndBytesMax) continue;
    if (bytes.front() != '\r' && !cr_before) return std::nullopt;
    method_ = refused_method(bytes);
    return kBadHead;
  }
  return std::nullopt;
}

// `bytes`: all of the head that there is, in the buffer or where it was read.
std::optional<Refusal> RequestReader::advance_head(std::string_view bytes) {
  method_ = refused_method(bytes);
  // Not beyond the limit: what is wrong there must not make another answer of the same request, cut elsewhere.
  const HeadScan scan = find_head_end(bytes.substr(0, limits_.head_bytes_max), scanned_);
  if (scan == HeadScan::kBad) return kBadHead;
  if (scan == HeadScan::kMore && scanned_ == limits_.head_bytes_max)
    return bytes.find('\n') < limits_.head_bytes_max ? kLongHead : kLongTarget;
  if (scan == HeadScan::kMore) return keep(bytes);

  auto head = parse_request_head(bytes.substr(0, scanned_), limits_);
  if (!head) return head.error();
  head_ = std::move(head).value();
  return begin_body(bytes.substr(std::exchange(scanned_, 0)));
}

std::optional<Refusal> RequestReader::begin_body(std::string_view rest) {
  // A body that nothing announces would be lost behind a 2xx, or be taken for a request.
  if (head_.without_length && rest.find_first_not_of("\r\n") != std::string_view::npos) return kNoLength;
  head_memory_ = memory_bytes(head_.request);
  if (!budget_.has_room_for(head_memory_ + head_.content_length)) return kNoRoom;
  share_ = BodyShare(&budget_);
  if (!share_.grow(head_memory_)) return kNoRoom;
  phase_ = Phase::kBody;
  if (head_.chunked) chunks_.emplace(limits_.body_bytes_max);
  const bool nothing_came = rest.empty();
  if (auto refusal = take_body(rest)) return refusal;
  // A client that has begun to send does not wait to be asked.
  continue_due_ = head_.expects_continue && phase_ == Phase::kBody && nothing_came;
  return keep(rest);
}

// Leaves in `bytes` what belongs to the next request.
std::optional<Refusal> RequestReader::take_body(std::string_view& bytes) {
  if (head_.chunked) return take_chunks(bytes);
  std::string& body = head_.request.body;
  const std::string_view data = bytes.substr(0, head_.content_length - body.size());
  bytes.remove_prefix(data.size());
  if (auto refusal = append(data, head_.content_length)) return refusal;
  if (body.size() == head_.content_length) phase_ = Phase::kComplete;
  return std::nullopt;
}

std::optional<Refusal> RequestReader::take_chunks(std::string_view& bytes) {
  while (!bytes.empty() && !chunks_->ended()) {
    std::string_view data;
    if (auto refusal = chunks_->next(bytes, data)) return refusal;
    if (auto refusal = append(data, limits_.body_bytes_max)) return refusal;
  }
  if (chunks_->ended()) phase_ = Phase::kComplete;
  return std::nullopt;
}

// The body's memory grows with what really comes, not with what was announced.
std::optional<Refusal> RequestReader::append(std::string_view data, std::size_t body_bytes_most) {
  std::string& body = head_.request.body;
  if (const std::size_t needed = body.size() + data.size(); needed > body.capacity()) {
    // No connection is evicted for the sake of fewer copies.
    const std::size_t roomy = std::max(needed, std::min(2 * needed, body_bytes_most));
    const std::size_t capacity = budget_.has_room_now(roomy - body.size()) ? roomy : needed;
    if (!share_.resize(head_memory_ + capacity)) return kNoRoom;
    std::string grown;  // reserve() would take at least twice what there is
    grown.reserve(capacity);
    grown.append(body);
    body.swap(grown);
  }
  body.append(data);
  return std::nullopt;
}

// Makes `bytes`, which may lie in the buffer itself, all that the buffer holds.
std::optional<Refusal> RequestReader::keep(std::string_view bytes) {
  // Its capacity counts, and a buffer that keeps what it holds keeps that too.
  const bool same = bytes.size() == buffer_.size() && bytes.data() == buffer_.data();
  const bool has_room = buffer_share_.resize(same ? buffer_.capacity() : bytes.size());
  if (!has_room && phase_ != Phase::kComplete) return kNoRoom;
  if (bytes.empty() || !has_room) {
    surplus_lost_ = !has_room;
    buffer_share_.resize(0);
    buffer_ = std::string();
  } else if (!same) {
    buffer_ = std::string(bytes);
  }
  return std::nullopt;
}

bool RequestReader::take_continue_due() {
  return std::exchange(continue_due_, false);
}

WholeRequest RequestReader::take_request() {
  assert(phase_ == Phase::kComplete);
  phase_ = Phase::kIdle;
  line_end_bytes_ = 0;
  continue_due_ = false;
  chunks_.reset();
  return {std::exchange(head_, RequestHead()), std::move(share_)};
}

void RequestReader::discard() {
  buffer_ = std::string();
  buffer_share_.release();
  scanned_ = 0;
  head_ = RequestHead();
  chunks_.reset();
  share_.release();
  phase_ = Phase::kIdle;
  continue_due_ = false;
}

}  // namespace hookspool::net
