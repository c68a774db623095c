#include "agent/config/config_source.h"

#include <algorithm>

#include "agent/config/config_condition.h"
#include "agent/config/config_reader.h"
#include "net/verify/json_field.h"
#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kRateMost = 1'000'000;          // a second
constexpr std::size_t kResponseBodyBytesMax = 4'096;  // senders hardly read any
constexpr std::string_view kHeaderPrefix = "header:";

void read_dedupe(TableReader& reader, DedupeRule& rule) {
  std::string written;
  if (!reader.text("dedupe", written)) return;
  using By = DedupeRule::By;
  if (written == "off") {
    rule.by = By::kNothing;
  } else if (written == "body") {
    rule.by = By::kBody;
  } else if (written.starts_with(kHeaderPrefix) && written.size() > kHeaderPrefix.size()) {
    rule = {By::kHeader, lower_case(std::string_view(written).substr(kHeaderPrefix.size()))};
  } else if (written.starts_with('/') && net::is_json_pointer(written)) {
    rule = {By::kPointer, written};
  } else if (written != "delivery_id") {
    reader.fault("dedupe", "\"" + written +
                               "\" is not a rule; write \"delivery_id\", \"body\", \"header:X-Request-Id\", "
                               "\"/json/pointer\" or \"off\"");
  }
}

void read_rate(TableReader& reader, SourceConfig& source) {
  reader.integer("max_rate", source.rate_max, 1, kRateMost);
  source.burst_max = source.rate_max;
  if (reader.has("max_burst") && source.rate_max == 0)
    reader.fault("max_burst", "needs max_rate, the events a second");
  reader.integer("max_burst", source.burst_max, 1, kRateMost);
}

void read_response(const toml::table& table, SourceConfig& source, FaultList& faults) {
  TableReader reader(&table, "sources." + source.name + ".response.", faults);
  SourceResponse response;
  std::size_t status = 200;
  reader.integer("status", status, 200, 299);
  response.status = static_cast<int>(status);
  reader.text("body", response.body);
  reader.text("content_type", response.content_type);
  const auto printable = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
  };
  if (!printable(response.content_type) || response.content_type.empty())
    reader.fault("content_type", "is a media type such as \"text/plain\"");
  if (response.body.size() > kResponseBodyBytesMax)
    reader.fault("body", "is longer than " + std::to_string(kResponseBodyBytesMax) + " bytes");
  if ((status == 204 || status == 205) && !response.body.empty())
    reader.fault("body", "cannot be sent with status " + std::to_string(status));
  reader.finish();
  source.response = std::move(response);
}

void read_names(TableReader& reader, std::string_view key, std::vector<std::string>& names) {
  const auto* list = reader.array(key);
  if (list == nullptr) return;
  for (const auto& node : *list) {
    const auto* name = node.as_string();
    if (name == nullptr) return reader.fault(key, "is a list of names in quotes");
    names.push_back(name->get());
  }
}

// Slack's buttons and dialogs come as one field `payload` that holds JSON.
void read_form(TableReader& reader, SourceConfig& source) {
  std::string written = "bytes";
  reader.text("form", written);
  if (written != "bytes" && written != "json")
    reader.fault("form", "\"" + written + "\" is neither \"bytes\" nor \"json\"");
  net::FormRules rules;
  if (source.verify == "slack") rules.json = {"payload"};
  if (reader.has("form_json")) rules.json.clear();
  read_names(reader, "form_json", rules.json);
  read_names(reader, "form_lists", rules.lists);
  reader.boolean("form_multipart", rules.multipart);
  if (written == "json") {
    source.form = std::move(rules);
    return;
  }
  for (const std::string_view key : {"form_json", "form_lists", "form_multipart"}) {
    if (reader.has(key)) reader.fault(key, "needs form = \"json\" beside it");
  }
}

void read_keep_raw(TableReader& reader, net::KeepRaw& keep_raw) {
  constexpr std::string_view kKey = "keep_raw", kUnparsed = "unparsed";
  if (!reader.has(kKey)) return;
  if (reader.is_text(kKey)) {
    std::string written;
    reader.text(kKey, written);
    if (written != kUnparsed)
      reader.fault(kKey, "\"" + written + "\" is none of true, false and \"unparsed\"");
    return;
  }
  bool always = false;
  reader.boolean(kKey, always);
  keep_raw = always ? net::KeepRaw::kAlways : net::KeepRaw::kNever;
}

}  // namespace

void read_answers(TableReader& reader, SourceConfig& source, FaultList& faults) {
  read_dedupe(reader, source.dedupe);
  source.keep = read_condition(reader, "keep", 0);
  read_form(reader, source);
  read_keep_raw(reader, source.keep_raw);
  read_rate(reader, source);
  if (const auto* table = reader.table("response")) read_response(*table, source, faults);
}

}  // namespace hookspool::agent
