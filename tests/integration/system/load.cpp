#include "tests/integration/system/load.h"

#include <openssl/evp.h>

#include <random>

#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

// One in so many bodies is not JSON, and one in so many is JSON that jsonb cannot take.
constexpr std::uint64_t kEveryRaw = 8;
constexpr std::uint64_t kEveryUnstorable = 11;
constexpr std::uint64_t kEveryLarge = 64;
constexpr std::size_t kLargeBytes = 60'000;

// One connection and the source it serves: an index, because sources of a thread grow with their histories.
struct Sender {
  RawClient client;
  std::size_t source;
};

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

std::string hex(const Digest& digest) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string make_body(const std::string& source, std::uint64_t n, std::size_t filler_bytes) {
  std::string filler(filler_bytes, 'x');
  for (std::size_t i = 0; i < filler.size(); ++i) filler[i] = static_cast<char>('a' + (i * 7 + n) % 26);
  if (n % kEveryRaw == 0) {
    std::string raw = source + " " + std::to_string(n) + " ";
    for (std::size_t i = 0; i < filler_bytes; ++i) raw += static_cast<char>((i * 31 + n) % 256);
    return raw;
  }
  if (n % kEveryUnstorable == 0) filler = "\\u0000 " + filler;
  return R"({"n": )" + std::to_string(n) + R"(, "from": ")" + source + R"(", "filler": ")" + filler + R"("})";
}

Load::Load(LoadOptions options) : options_(std::move(options)) {
  const auto threads = static_cast<std::size_t>(options_.threads);
  histories_.resize(threads);
  running_ = options_.threads;
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, i] { run(i, histories_[i]); });
  }
}

Load::~Load() {
  stop();
}

void Load::run(std::size_t thread, std::vector<SourceHistory>& histories) {
  std::vector<Sender> senders;
  std::minstd_rand random(static_cast<unsigned>(thread) + 1);
  for (int i = 0; i < options_.connections; ++i) {
    // The last source of a thread has several connections if `parallel` says so.
    if (i <= options_.connections - options_.parallel) {
      histories.push_back({.source = options_.prefix + std::to_string(thread) + "-" + std::to_string(i),
                           .in_order = options_.parallel == 1 || i < options_.connections - options_.parallel,
                           .sent = {}});
    }
    senders.push_back({RawClient(options_.port), histories.size() - 1});
  }
  for (std::uint64_t round = 0; round < options_.rounds_max && !stopping_; ++round) {
    std::vector<std::size_t> entries;
    bool refused = false;
    for (Sender& sender : senders) {
      SourceHistory& history = histories[sender.source];
      const std::uint64_t n = history.sent.size() + 1;
      std::size_t filler = random() % (options_.filler_bytes_max + 1);
      if (options_.large_bodies && random() % kEveryLarge == 0) filler = kLargeBytes;
      const std::string body = make_body(history.source, n, filler);
      history.sent.push_back(
          {.n = n, .outcome = Outcome::kUnknown, .status = 0, .id = {}, .body_digest = sha256(body)});
      entries.push_back(history.sent.size() - 1);
      const bool raw = n % kEveryRaw == 0;
      sender.client.send(post_request(
          "/hooks/" + history.source,
          raw ? "Content-Type: application/octet-stream\r\n" : "Content-Type: application/json\r\n", body));
    }
    for (std::size_t i = 0; i < senders.size(); ++i) {
      Answer answer = senders[i].client.receive();
      Sent& sent = histories[senders[i].source].sent[entries[i]];
      sent.outcome = answer.outcome;
      sent.status = answer.status;
      if (answer.outcome == Outcome::kOk) sent.id = answer.id();
      (answer.outcome == Outcome::kOk ? ok_ : answer.outcome == Outcome::kFail ? fail_ : unknown_) += 1;
      refused = refused || answer.outcome != Outcome::kOk;
    }
    // A sender that was refused comes back a little later, as a real one would.
    const auto pause = refused ? std::chrono::milliseconds(20) : options_.pause;
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
  }
  --running_;
}

LoadCounts Load::counts() const {
  return {.ok = ok_, .fail = fail_, .unknown = unknown_};
}

bool Load::wait_acknowledged(std::uint64_t more, std::chrono::milliseconds limit) const {
  const std::uint64_t goal = ok_ + more;
  return wait_until(limit, [&] { return ok_ >= goal; });
}

void Load::stop() {
  stopping_ = true;
  threads_.clear();
}

std::vector<SourceHistory> Load::take_history() {
  threads_.clear();
  std::vector<SourceHistory> all;
  for (auto& histories : histories_) {
    for (auto& history : histories) all.push_back(std::move(history));
  }
  histories_.clear();
  return all;
}

}  // namespace hookspool::testing
