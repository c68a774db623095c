// The one pass over a JSON text; json.h is what others see of it. Not thread-safe: one for each reading.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/json/follower.h"
#include "net/json/json.h"
#include "net/json/key_register.h"

namespace hookspool::net {

// RFC 8259 as PostgreSQL's json_in reads it, with what jsonb refuses on top. Without recursion: the depth is the sender's
// choice.
class JsonScanner {
 public:
  // `keys`, `follower`: are told what they need where they are not null. They must outlive it.
  JsonScanner(std::string_view text, JsonReading& reading, KeyRegister* keys, Follower* follower)
      : text_(text), reading_(reading), keys_(keys), follower_(follower) {}

  // The whole text. Fills all of the reading but bom, text and duplicate_key.
  void scan();
  // Where the text is one array: its next element. REQUIRES: the array has been read as JSON.
  std::optional<JsonValue> next_element();

 private:
  bool refuse(std::string_view refusal) {
    reading_.refusal = refusal;
    return false;
  }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  bool whole();
  bool value();
  bool begin_value();
  bool open(bool object);
  void close();
  bool after_value();
  bool name();
  bool word(std::string_view expected);
  std::int64_t digits(bool& all_zero);
  bool number();
  void skip_plain();
  bool string();
  bool multibyte(unsigned char lead);
  bool escape();
  bool unicode_escape();

  std::string_view text_;
  JsonReading& reading_;
  KeyRegister* const keys_;
  Follower* const follower_;
  std::size_t at_ = 0;
  std::size_t ended_at_ = 0;              // behind the outermost value
  std::bitset<kJsonDepthMax> in_object_;  // of the open arrays and objects
  int depth_ = 0;
  bool opened_ = false;
  bool escaped_ = false;  // the string that was read last
  std::string name_;      // of a key that was escaped, without
  bool number_out_of_range_ = false;
};

}  // namespace hookspool::net
