#include "net/pg/delivery/copy_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "net/pg/tables/payload.h"

namespace hookspool::net {
namespace {

constexpr std::int16_t kEventColumnCount = 18;
constexpr std::int16_t kDeadLetterColumnCount = 10;

bool is_ascii_char(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_ascii_char);
}

std::string ascii(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !is_ascii_char(c); }, '?');
  return out;
}

// A text as the database's encoding takes it; valid until the next one.
class Encoded {
 public:
  explicit Encoded(bool utf8) : utf8_(utf8) {}
  std::string_view operator()(std::string_view text) {
    if (utf8_) return text;
    altered_ = ascii(text);
    return altered_;
  }

 private:
  const bool utf8_;
  std::string altered_;
};

constexpr std::string_view kReplacement = "\\ufffd";  // as with_unfit_replaced() writes it

// In a database of another encoding even the escape \u00e9 may have no character, or be refused outright. The escape
// `but_for` is passed over.
bool fits_any_encoding(std::string_view json, std::string_view but_for = {}) {
  if (!is_ascii(json)) return false;
  for (std::size_t at = json.find("\\u"); at != std::string_view::npos; at = json.find("\\u", at + 2)) {
    if (!but_for.empty() && json.substr(at).starts_with(but_for)) continue;
    if (json.substr(at + 2, 2) != "00" || json[at + 4] > '7') return false;
  }
  return true;
}

Payload without(std::string_view reason) {
  Payload none;
  none.issue = reason;
  return none;
}

Payload payload_of(const std::optional<FormReading>& form, const Outgoing& outgoing) {
  if (outgoing.body_is_withheld()) return without("redacted");
  if (!form) return to_payload(outgoing.event().body);
  return form->refusal.empty() ? to_payload(form->json) : without(form->refusal);
}

bool keeps_body(KeepRaw keep_raw, bool has_payload, bool payload_is_body) {
  switch (keep_raw) {
    case KeepRaw::kUnparsed:
      return !payload_is_body;
    case KeepRaw::kAlways:
      return true;
    case KeepRaw::kNever:
      return !has_payload;
  }
  return true;
}

void payload_columns(CopyWriter& copy, const Outgoing& outgoing, bool utf8) {
  const std::string& body = outgoing.event().body;
  const FormRules* rules = outgoing.rules().form_rules();
  const auto form = rules == nullptr ? std::nullopt : read_form(outgoing.event().content_type, body, *rules);
  const Payload payload = payload_of(form, outgoing);
  const bool encodable = utf8 || !payload.is_json || fits_any_encoding(payload.text());
  const bool has_payload = payload.is_json && encodable;
  if (has_payload) {
    copy.jsonb(payload.text());
  } else {
    copy.null();
  }
  // Where only the replacement has no character, the issue is what had to be replaced.
  const bool only_replaced = !payload.altered.empty() && fits_any_encoding(payload.altered, kReplacement);
  const std::string_view issue = encodable || only_replaced ? std::string_view(payload.issue) : "encoding";
  if (keeps_body(outgoing.rules().keep_raw, has_payload, issue.empty() && !form)) {
    copy.bytea(body);
  } else {
    copy.null();
  }
  if (issue.empty()) {
    copy.null();
  } else {
    copy.text(issue);
  }
}

}  // namespace

void write_event_row(CopyWriter& copy, std::string_view agent_id, const Outgoing& outgoing,
                     const Arrival& arrival, bool utf8) {
  const StoredEvent& stored = outgoing.stored();
  const Event& event = stored.event;
  Encoded text(utf8);
  copy.row(kEventColumnCount);
  copy.uuid(stored.id);
  copy.text(agent_id);
  copy.uuid(stored.epoch);
  copy.bigint(static_cast<std::int64_t>(stored.seq));
  copy.text(event.lane);
  copy.timestamptz(event.received_at_us);
  copy.text_or_null(text(event.delivery_id));
  copy.text(event.method);
  copy.text(text(event.path));
  copy.text_or_null(text(event.query));
  copy.inet(event.remote_addr);
  copy.text_or_null(text(event.content_type));

  const Payload headers = to_payload(event.headers);
  if (headers.is_json) {
    copy.jsonb(text(headers.text()));
  } else {
    copy.null();
  }
  payload_columns(copy, outgoing, utf8);
  copy.int4(arrival.feed);
  copy.bigint(arrival.number);
}

std::string dead_letter_request(const Event& event) {
  const nlohmann::ordered_json request{
      {"delivery_id", event.delivery_id},
      {"method", event.method},
      {"path", event.path},
      {"query", event.query},
      {"remote_addr", event.remote_addr},
      {"content_type", event.content_type},
      {"headers", nlohmann::ordered_json::parse(event.headers, nullptr, false)}};
  return request.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void write_dead_letter_row(CopyWriter& copy, std::string_view agent_id, const Outgoing& outgoing,
                           const PgError& why) {
  const StoredEvent& stored = outgoing.stored();
  const Event& event = stored.event;
  copy.row(kDeadLetterColumnCount);
  copy.uuid(stored.id);
  copy.text(agent_id);
  copy.uuid(stored.epoch);
  copy.bigint(static_cast<std::int64_t>(stored.seq));
  copy.text(event.lane);
  copy.timestamptz(event.received_at_us);
  copy.text(why.sqlstate);
  copy.text(ascii(why.text));
  copy.bytea(dead_letter_request(event));
  copy.bytea(event.body);
}

}  // namespace hookspool::net
