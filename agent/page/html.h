// HTML, piece by piece: markup is known at compile time, and everything else is escaped. So no text of a sender, a server or
// a configuration can become markup. Not thread-safe.
// Source: HTML Living Standard, 13.1 (attribute values are written in double quotes, which is up to the markup).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hookspool::agent {

// Only a literal becomes one.
class Markup {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): so that a literal can be written where markup is wanted.
  consteval Markup(const char* literal) : text_(literal) {}
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class Html {
 public:
  Html& raw(Markup markup) {
    text_ += markup.text();
    return *this;
  }
  // Between tags and within double quotes. Controls and what would hide or reorder text are shown as escapes (printable());
  // `bytes_max`: what is longer is cut.
  Html& text(std::string_view text, std::size_t bytes_max = kTextBytesMax);
  // The same, but line feeds stay.
  Html& lines(std::string_view text);
  Html& number(std::uint64_t value);  // 139,842

  static constexpr std::size_t kTextBytesMax = 500;
  static constexpr std::size_t kLinesBytesMax = 4'000;

  std::string take() { return std::move(text_); }

 private:
  void escaped(std::string_view text);

  std::string text_;
};

}  // namespace hookspool::agent
