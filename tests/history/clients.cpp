#include "tests/history/clients.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

#include "tests/history/wall_clock.h"
#include "tests/integration/system/load.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::history {
namespace {

constexpr double kBodyBytesMin = 200;
constexpr double kBodyBytesMax = 65'536;
constexpr std::uint64_t kParallelEvery = 10;  // one source in so many
constexpr int kParallel = 4;
constexpr std::uint64_t kRepeatedAtOnce = 10;  // times as many repeats in a source of that kind
constexpr std::size_t kRememberedToRepeat = 8;
constexpr std::uint64_t kSentAgainEvery = 3;  // one in so many that were refused or not answered
constexpr std::uint64_t kNotJsonEvery = 8;    // as make_body() does it
constexpr std::chrono::milliseconds kPauseAfterRefusal{100};
constexpr std::chrono::minutes kRestMax{5};

std::string well_formed(const Send& send, const std::string& body) {
  const bool json = send.n % kNotJsonEvery != 0;
  return testing::post_request(
      "/hooks/" + send.source,
      "Webhook-Id: " + send.key() + "\r\nX-Check: " + send.key() +
          "\r\nContent-Type: " + (json ? "application/json" : "application/octet-stream") + "\r\n",
      body);
}

// What no parser may take: without a length, with two, with one that is no number, with a space before a colon.
std::string malformed(const Send& send, const std::string& body) {
  const std::string head = "POST /hooks/" + send.source +
                           " HTTP/1.1\r\nHost: 127.0.0.1\r\nWebhook-Id: " + send.key() +
                           "\r\nX-Check: " + send.key() + "\r\n";
  const std::string length = std::to_string(body.size());
  const std::array<std::string, 4> rests{
      "\r\n", "Content-Length: " + length + "\r\nContent-Length: 1\r\n\r\n",
      "Content-Length: +" + length + "\r\n\r\n", "Content-Length : " + length + "\r\n\r\n"};
  return head + rests[send.n % rests.size()] + body;
}

}  // namespace

std::string source_name(int client, int source) {
  return "c" + std::to_string(client) + "-s" + std::to_string(source);
}

class Clients::Client {
 public:
  Client(Clients& all, int number, std::vector<Send>& sent)
      : all_(all),
        options_(all.options_),
        sent_(sent),
        log_(options_.log_folder / ("client-" + std::to_string(number) + ".log"), std::ios::app),
        random_(options_.seed * 1'000 + static_cast<std::uint64_t>(number)),
        began_(std::chrono::steady_clock::now()) {
    if (!log_) throw std::runtime_error("cannot write the clients' logs in " + options_.log_folder.string());
    for (int i = 0; i < options_.sources; ++i) {
      const auto place = static_cast<std::uint64_t>(number * options_.sources + i);
      const int parallel = place % kParallelEvery == kParallelEvery - 1 ? kParallel : 1;
      sources_.push_back({.name = source_name(number, i), .in_order = parallel == 1});
      for (int j = 0; j < parallel; ++j)
        lines_.push_back({testing::RawClient(options_.port), sources_.size() - 1, 0, {}});
    }
  }

  void run() {
    while (!all_.stopping_) {
      if (all_.paused_) rest();
      for (Line& line : lines_) begin(line);
      bool refused = false;
      for (Line& line : lines_) refused = !end(line) || refused;
      // A sender that was refused comes back a little later, as a real one would.
      const auto pause = bursting() ? options_.burst_pause : options_.pause;
      std::this_thread::sleep_for(refused ? std::max(pause, kPauseAfterRefusal) : pause);
    }
  }

 private:
  struct Delivery {
    std::uint64_t n = 0;
    Kind kind = Kind::kGood;
    std::size_t bytes = 0;
  };
  struct Source {
    std::string name;
    bool in_order;
    std::uint64_t n = 0, ordinal = 0;
    std::vector<Delivery> sent{};         // some of all that may be repeated, and at last the latest
    std::optional<Delivery> unsettled{};  // repeated until it is answered with 2xx
    std::uint64_t life = 0;               // of the agent, when the latest request was begun
  };
  struct Line {
    testing::RawClient client;
    std::size_t source;
    std::size_t entry;
    Delivery delivery{};
  };

  void rest() {
    ++all_.at_rest_;
    testing::wait_until(kRestMax, [this] { return !all_.paused_ || all_.stopping_; });
    --all_.at_rest_;
  }

  bool bursting() const {
    return (std::chrono::steady_clock::now() - began_) % options_.burst_every < options_.burst_length;
  }

  std::size_t body_bytes() {
    const double u = std::uniform_real_distribution<double>(0, 1)(random_);
    return static_cast<std::size_t>(kBodyBytesMin / (1 - u * (1 - kBodyBytesMin / kBodyBytesMax)));
  }

  // A few at any time, and the one that was open or the latest when the agent ended, as soon as it is there again.
  std::optional<Delivery> to_repeat(Source& source, std::uint64_t life, std::uint64_t lot) {
    if (source.sent.empty()) return std::nullopt;
    const bool other_life = std::exchange(source.life, life) != life;
    if (other_life && !source.unsettled) source.unsettled = source.sent.back();
    if (source.unsettled) return source.unsettled;
    // Where several requests are open at a time, the latest is often one of them.
    const auto often = source.in_order ? 1 : kRepeatedAtOnce;
    if (lot >= options_.repeated_in_10000 * often) return std::nullopt;
    return lot % 2 == 0 ? source.sent.back() : source.sent[random_() % source.sent.size()];
  }

  Delivery next_delivery(Source& source, std::uint64_t lot) {
    Delivery delivery{.n = ++source.n, .bytes = body_bytes()};
    const std::uint64_t first = options_.repeated_in_10000 * kRepeatedAtOnce;
    const std::uint64_t planted = first + options_.planted_in_10000;
    if (lot >= first && lot < planted) delivery.kind = Kind::kPoison;
    if (lot >= planted && lot < planted + options_.malformed_in_10000) delivery.kind = Kind::kMalformed;
    if (delivery.kind == Kind::kMalformed) return delivery;
    if (source.sent.size() == kRememberedToRepeat)
      source.sent.erase(source.sent.begin() + static_cast<std::ptrdiff_t>(random_() % kRememberedToRepeat));
    source.sent.push_back(delivery);
    return delivery;
  }

  void begin(Line& line) {
    Source& source = sources_[line.source];
    const std::uint64_t lot = random_() % 10'000;
    Send send{.source = source.name, .in_order = source.in_order, .ordinal = ++source.ordinal};
    send.life = all_.life_;
    const std::optional<Delivery> repeat = to_repeat(source, send.life, lot);
    line.delivery = repeat ? *repeat : next_delivery(source, lot);
    send.n = line.delivery.n;
    send.kind = line.delivery.kind;
    const std::string body = testing::make_body(source.name, send.n, line.delivery.bytes);
    send.digest = testing::hex(testing::sha256(body));
    send.sent_us = wall_clock_us();
    log_ << line_of(send) << '\n';
    const std::string request =
        send.kind == Kind::kMalformed ? malformed(send, body) : well_formed(send, body);
    line.entry = sent_.size();
    sent_.push_back(std::move(send));
    line.client.send(request);
  }

  // As real senders do it, what was refused or not answered is sent again; not always, so that some stays as it is.
  void settle(Source& source, const Line& line, const Send& send) {
    const bool ok = send.outcome == Outcome::kOk;
    if (ok && source.unsettled && source.unsettled->n == send.n) source.unsettled.reset();
    if (ok || send.kind == Kind::kMalformed || source.unsettled) return;
    if (random_() % kSentAgainEvery == 0) source.unsettled = line.delivery;
  }

  // True: answered as was to be expected.
  bool end(Line& line) {
    const testing::Answer answer = line.client.receive(options_.answer_limit);
    Send& send = sent_[line.entry];
    send.outcome = answer.outcome;
    send.status = answer.status;
    if (answer.outcome == Outcome::kOk) send.id = answer.id();
    send.answered_us = wall_clock_us();
    settle(sources_[line.source], line, send);
    log_ << line_of(send) << '\n';
    (answer.outcome == Outcome::kOk     ? all_.ok_
     : answer.outcome == Outcome::kFail ? all_.fail_
                                        : all_.unknown_) += 1;
    return answer.outcome == Outcome::kOk || send.kind == Kind::kMalformed;
  }

  Clients& all_;
  const ClientsOptions& options_;
  std::vector<Send>& sent_;
  std::ofstream log_;
  std::mt19937_64 random_;
  const std::chrono::steady_clock::time_point began_;
  std::vector<Source> sources_;
  std::vector<Line> lines_;
};

Clients::Clients(const ClientsOptions& options, const std::atomic<std::uint64_t>& life)
    : options_(options), life_(life), sent_(static_cast<std::size_t>(options.clients)) {
  for (int i = 0; i < options.clients; ++i) {
    threads_.emplace_back([this, i] { Client(*this, i, sent_[static_cast<std::size_t>(i)]).run(); });
  }
}

Clients::~Clients() {
  stopping_ = true;
}

void Clients::pause() {
  paused_ = true;
  const auto limit = 2 * options_.answer_limit * options_.sources;
  if (!testing::wait_until(limit, [this] { return at_rest_ == options_.clients; })) {
    throw std::runtime_error("the clients did not come to rest");
  }
}

bool Clients::wait_acknowledged(std::uint64_t more, std::chrono::milliseconds limit) const {
  const std::uint64_t goal = ok_ + more;
  return testing::wait_until(limit, [&] { return ok_ >= goal; });
}

std::vector<Send> Clients::stop() {
  stopping_ = true;
  threads_.clear();
  std::vector<Send> all;
  for (auto& sent : sent_) std::move(sent.begin(), sent.end(), std::back_inserter(all));
  sent_.clear();
  return all;
}

}  // namespace hookspool::history
