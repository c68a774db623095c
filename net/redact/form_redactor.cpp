#include "net/redact/form_redactor.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "net/form/multipart.h"
#include "net/redact/json_redactor.h"
#include "storage/base/hex.h"
#include "storage/base/text.h"

namespace hookspool::net {
namespace {

using Tokens = std::vector<std::string>;

// What is left of a pointer for one part of a field: in each way that it could be meant, for the sender decides whether a field
// comes once or twice, and so whether it is a list.
void add_rests(const Tokens& tokens, const std::string& key, std::size_t index, std::vector<Tokens>& rests) {
  if (tokens.front() != key && tokens.front() != kEveryToken) return;
  rests.emplace_back(tokens.begin() + 1, tokens.end());
  if (tokens.size() > 1 && (tokens[1] == kEveryToken || tokens[1] == std::to_string(index)))
    rests.emplace_back(tokens.begin() + 2, tokens.end());
}

// What a part's value becomes; nothing: it stays.
std::optional<std::string> replacement(const FormPart& part, bool is_json, const std::vector<Tokens>& rests) {
  if (rests.empty()) return std::nullopt;
  const bool whole = std::any_of(rests.begin(), rests.end(), [](const Tokens& rest) { return rest.empty(); });
  if (whole || part.is_file) return std::string(kRedacted);
  if (!is_json) return std::nullopt;
  const JsonReading reading = read_json(part.value);
  if (!reading.fits_jsonb()) return std::string(kRedacted);
  std::vector<JsonPointer> pointers;
  for (const Tokens& rest : rests) pointers.emplace_back(rest);
  return redacted_json(reading.text, pointers, kJsonBytesMax).value_or(std::string(kRedacted));
}

// As a browser sends a field's text (WHATWG URL, application/x-www-form-urlencoded percent-encode set).
std::string urlencoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("*-._").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      append_hex(out, static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string head_of_field(const std::string& key) {
  std::string head = "Content-Disposition: form-data; name=\"";
  for (const char c : key) head.append(c == '"' || c == '\\' ? "\\" : "") += c;
  return head + "\"\r\n\r\n";
}

class FormRedactor {
 public:
  FormRedactor(std::string_view body, const FormParts& form) : body_(body), form_(form) {}

  // False: the part could not be read again, for the escapes in its name.
  bool replace(const FormPart& part, const std::string& value) {
    const auto begin = static_cast<std::size_t>(part.head.data() - body_.data());
    out_.append(body_, copied_, begin - copied_);
    copied_ = begin + part.head.size() + part.content.size();
    if (form_.kind == FormKind::kMultipart) {
      const std::string head = part.is_file ? head_of_field(part.key) : std::string(part.head);
      out_ += head;
      out_ += value;
      return head.size() <= kPartHeadBytesMax;
    }
    out_ += part.head;
    if (!part.head.ends_with('=')) out_ += '=';
    out_ += urlencoded(value);
    return true;
  }
  std::size_t bytes() const { return out_.size(); }
  std::string finish() {
    out_.append(body_, copied_);
    return std::move(out_);
  }

 private:
  const std::string_view body_;
  const FormParts& form_;
  std::size_t copied_ = 0;  // of body_
  std::string out_;
};

}  // namespace

std::optional<std::string> redacted_form(std::string_view body, const FormParts& form, const FormRules& rules,
                                         std::span<const JsonPointer> pointers, std::size_t bytes_max) {
  std::vector<std::optional<std::string>> values(form.parts.size());
  for (const FormField& field : fields_of(form.parts, rules)) {
    for (std::size_t index = 0; index < field.parts.size(); ++index) {
      const FormPart& part = form.parts[field.parts[index]];
      std::vector<Tokens> rests;
      for (const JsonPointer& pointer : pointers) add_rests(pointer.tokens(), part.key, index, rests);
      values[field.parts[index]] = replacement(part, is_json_field(rules, part.key), rests);
    }
  }
  FormRedactor redactor(body, form);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    if (!redactor.replace(form.parts[i], *values[i]) || redactor.bytes() > bytes_max) return std::nullopt;
  }
  std::string out = redactor.finish();
  if (out.size() > bytes_max) return std::nullopt;
  return out;
}

}  // namespace hookspool::net
