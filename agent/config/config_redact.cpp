#include "agent/config/config_redact.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http/syntax.h"
#include "net/json/json.h"
#include "net/json/place.h"
#include "net/verify/providers.h"
#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

using Tokens = std::vector<std::string>;

constexpr std::string_view kHeaderPrefix = "header:";

// What one entry of `redact` names.
struct Redacted {
  Tokens pointer{};      // of a pointer: at least one
  std::string header{};  // else this, in lower case
};

// Do both lead to one value for some body, as far as the shorter one goes?
bool meet(const Tokens& a, const Tokens& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != b[i] && a[i] != net::kEveryToken && b[i] != net::kEveryToken) return false;
  }
  return true;
}

// Of the elements of the outermost `levels` lists of for_each.
Tokens element_of(const net::ItemPath& path, std::size_t levels) {
  Tokens tokens;
  for (std::size_t level = 0; level < levels; ++level) {
    const auto& step = path.step(level);
    tokens.insert(tokens.end(), step.begin(), step.end());
    tokens.emplace_back(net::kEveryToken);
  }
  return tokens;
}

Tokens from_root(const net::JsonPlace& place, const net::TableMapping& table) {
  Tokens tokens;
  if (place.is_relative() && table.for_each && place.up < table.for_each->levels())
    tokens = element_of(*table.for_each, table.for_each->levels() - place.up);
  tokens.insert(tokens.end(), place.tokens.begin(), place.tokens.end());
  return tokens;
}

bool changes(const Redacted& redacted, const net::ColumnSource& source, const net::TableMapping& table) {
  switch (source.kind) {
    case net::ColumnSource::Kind::kPointer:
      return !redacted.pointer.empty() && meet(redacted.pointer, from_root(source.place, table));
    case net::ColumnSource::Kind::kHeader:
      return source.header == redacted.header;
    case net::ColumnSource::Kind::kField:
      return redacted.header.empty()
                 ? source.field == net::EventField::kPayload || source.field == net::EventField::kBody
                 : source.field == net::EventField::kHeaders;
  }
  return false;
}

bool changes(const Redacted& redacted, const net::Condition& where, const net::TableMapping& table) {
  const auto& headers = where.headers();
  if (!redacted.header.empty())
    return std::find(headers.begin(), headers.end(), redacted.header) != headers.end();
  return std::any_of(where.places().begin(), where.places().end(), [&](const net::JsonPlace& place) {
    return meet(redacted.pointer, from_root(place, table));
  });
}

bool is_key(const net::TableMapping& table, const std::string& column) {
  return table.conflict_keys.empty() || std::find(table.conflict_keys.begin(), table.conflict_keys.end(),
                                                  column) != table.conflict_keys.end();
}

// What of a table would be decided by what is redacted; empty: nothing.
std::string decided_by(const Redacted& redacted, const net::TableMapping& table) {
  const std::string name = " of " + table.shown_name();
  if (table.for_each) {
    const Tokens elements = element_of(*table.for_each, table.for_each->levels());
    const bool above = !redacted.pointer.empty() && redacted.pointer.size() <= elements.size();
    if (above && meet(redacted.pointer, elements))
      return "takes away what for_each = \"" + table.for_each->text() + "\"" + name + " makes rows of";
  }
  if (table.where && changes(redacted, *table.where, table)) return "is what `where`" + name + " asks for";
  if (table.on_conflict == net::OnConflict::kError) return {};
  for (const net::MappedColumn& column : table.columns) {
    if (!is_key(table, column.name) || !changes(redacted, column.source, table)) continue;
    return "would be equal in every row, and column " + column.name + name +
           (table.conflict_keys.empty()
                ? " may be in a unique index: name the conflict_keys beside on_conflict = \"ignore\""
                : " is one of its conflict_keys");
  }
  return {};
}

// The delivery id is a column of its own.
bool is_delivery_id(const Redacted& redacted, const SourceConfig& source) {
  const auto has = [&](const std::vector<std::string>& headers) {
    return std::find(headers.begin(), headers.end(), redacted.header) != headers.end();
  };
  const auto* provider = net::find_provider(source.verify);
  if (!redacted.header.empty())
    return has(source.scheme.id_headers) || (provider != nullptr && has(provider->delivery_id.headers));
  if (provider == nullptr || provider->delivery_id.pointer.empty()) return false;
  const auto pointer = net::JsonPointer::parse(provider->delivery_id.pointer);
  return pointer && meet(redacted.pointer, pointer->tokens());
}

std::string misplaced(const Redacted& redacted, const SourceConfig& source) {
  if (redacted.header == "content-type")
    return "says how the body is to be read, and has a column of its own";
  if (is_delivery_id(redacted, source)) return "is the delivery id of verify = \"" + source.verify + "\"";
  if (!source.tables) return {};
  for (const net::TableMapping& table : source.tables->tables) {
    if (std::string what = decided_by(redacted, table); !what.empty()) return what;
  }
  return {};
}

// The error says what is wrong with it.
Result<Redacted, std::string> parse(const std::string& written) {
  if (written.starts_with(kHeaderPrefix)) {
    std::string name = lower_case(std::string_view(written).substr(kHeaderPrefix.size()));
    if (!net::is_token(name) || name == net::kEveryToken)
      return fail(std::string("is no header's name; write \"header:x-api-key\""));
    return Redacted{{}, std::move(name)};
  }
  const auto pointer = net::JsonPointer::parse(written);
  if (!pointer || pointer->tokens().empty()) {
    return fail(std::string(written.starts_with('/')
                                ? "is no JSON pointer: after ~ comes 0 (for ~) or 1 (for /)"
                                : "is neither a JSON pointer (\"/card/number\", \"/cards/*/number\") nor "
                                  "\"header:x-api-key\""));
  }
  if (pointer->tokens().size() > net::kRedactedTokensMax)
    return fail("has more than " + std::to_string(net::kRedactedTokensMax) + " levels");
  return Redacted{pointer->tokens(), {}};
}

void add(const Redacted& redacted, net::Redaction& all) {
  if (redacted.header.empty()) {
    all.pointers.emplace_back(redacted.pointer);
  } else {
    all.headers.push_back(redacted.header);
  }
}

}  // namespace

void read_redact(TableReader& reader, SourceConfig& source, FaultList& faults) {
  reader.boolean("redact_journal", source.redact_journal);
  const auto* list = reader.array("redact");
  if (source.redact_journal && list == nullptr)
    reader.fault("redact_journal", "needs redact = [\"/card/number\"] beside it");
  if (source.redact_journal && source.quarantine)
    reader.fault("redact_journal",
                 "does not go with on_bad_signature = \"quarantine\", which keeps requests whole");
  if (list == nullptr) return;
  if (list->empty() || list->size() > net::kRedactedPlacesMax) {
    reader.fault("redact", "has " + std::to_string(list->size()) + " entries; 1 to " +
                               std::to_string(net::kRedactedPlacesMax) + " may be given");
    return;
  }
  const std::string place = "sources." + source.name + ".redact: ";
  for (const auto& node : *list) {
    const auto* written = node.as_string();
    if (written == nullptr) {
      faults.add(node.source(), place + "each is a text in quotes: \"/card/number\" or \"header:x-api-key\"");
      continue;
    }
    const auto redacted = parse(written->get());
    if (!redacted) {
      faults.add(node.source(), place + "\"" + written->get() + "\" " + redacted.error());
      continue;
    }
    if (const std::string what = misplaced(*redacted, source); !what.empty())
      faults.add(node.source(), place + "\"" + written->get() + "\" " + what);
    add(*redacted, source.redact);
  }
}

}  // namespace hookspool::agent
