#include "net/form/multipart.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/base/text.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kMalformed = "malformed";
constexpr std::string_view kEncoding = "encoding";

using Parameters = std::vector<std::pair<std::string, std::string>>;  // names in lower case

const std::string* find(const Parameters& parameters, std::string_view name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& parameter) { return parameter.first == name; });
  return found == parameters.end() ? nullptr : &found->second;
}

// A quoted string, up to behind its second quote. Only a quote and a backslash are escaped: Windows' paths hold backslashes.
bool take_quoted(std::string_view& text, std::string& value) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return true;
    }
    const bool escape =
        text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
    value += text[escape ? ++at : at];
  }
  return false;
}

// What follows the first semicolon of a header field. Nothing: it cannot be read, or a name is there twice.
std::optional<Parameters> parameters_of(std::string_view field) {
  Parameters parameters;
  std::string_view rest = field.substr(std::min(field.find(';'), field.size()));
  while (!rest.empty()) {
    if (rest.front() != ';') return std::nullopt;
    rest = trimmed(rest.substr(1));
    if (rest.empty()) break;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::string name = lower_case(trimmed(rest.substr(0, equals)));
    rest = trimmed(rest.substr(equals + 1));
    std::string value;
    if (rest.starts_with('"')) {
      if (!take_quoted(rest, value)) return std::nullopt;
    } else {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      value = trimmed(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    rest = trimmed(rest);
    if (find(parameters, name) != nullptr) return std::nullopt;
    parameters.emplace_back(std::move(name), std::move(value));
  }
  return parameters;
}

bool is_boundary_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

// The fields of one part's head that matter here.
struct PartHead {
  std::optional<std::string_view> disposition{}, type{}, transfer{};
};

// False: a line is none of a header, or one of the three is there twice.
bool read_head(std::string_view head, PartHead& fields) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find(kLineEnd));
    head.remove_prefix(std::min(head.size(), line.size() + kLineEnd.size()));
    const std::size_t colon = line.find(':');
    // A line that begins with a blank would go on with the one before it.
    if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' || line.front() == '\t' ||
        line.find_first_of("\r\n") != std::string_view::npos)
      return false;
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    std::optional<std::string_view>* field =
        equals_ignoring_case(name, "content-disposition")         ? &fields.disposition
        : equals_ignoring_case(name, "content-type")              ? &fields.type
        : equals_ignoring_case(name, "content-transfer-encoding") ? &fields.transfer
                                                                  : nullptr;
    if (field == nullptr) continue;
    if (*field) return false;
    *field = value;
  }
  return true;
}

bool is_plain_transfer(std::string_view encoding) {
  return equals_ignoring_case(encoding, "7bit") || equals_ignoring_case(encoding, "8bit") ||
         equals_ignoring_case(encoding, "binary");
}

// A field's text has to be UTF-8 as it stands.
std::string_view refusal_of_field(const PartHead& head) {
  if (head.transfer && !is_plain_transfer(*head.transfer)) return kEncoding;
  if (!head.type) return {};
  const auto parameters = parameters_of(*head.type);
  if (!parameters) return kMalformed;
  const std::string* charset = find(*parameters, "charset");
  if (charset == nullptr) return {};
  const std::string name = lower_case(*charset);
  return name == "utf-8" || name == "utf8" || name == "us-ascii" ? std::string_view() : kEncoding;
}

// `head`: with the empty line at its end.
std::string_view read_part(std::string_view head, std::string_view content, FormPart& part) {
  part.head = head;
  part.content = content;
  PartHead fields;
  if (!read_head(head.substr(0, head.size() - kHeadEnd.size()), fields) || !fields.disposition)
    return kMalformed;
  const std::string_view disposition = *fields.disposition;
  const auto parameters = parameters_of(disposition);
  const std::string_view kind = trimmed(disposition.substr(0, disposition.find(';')));
  if (!parameters || !equals_ignoring_case(kind, "form-data")) return kMalformed;
  const std::string* name = find(*parameters, "name");
  if (name == nullptr) return kMalformed;
  part.key = *name;
  const std::string* filename = find(*parameters, "filename");
  if (filename == nullptr) filename = find(*parameters, "filename*");
  part.is_file = filename != nullptr;
  if (!part.is_file) {
    part.value = content;
    return refusal_of_field(fields);
  }
  part.filename = *filename;
  part.content_type = fields.type.value_or(std::string_view());
  return {};
}

}  // namespace

std::string multipart_boundary(std::string_view content_type) {
  const auto parameters = parameters_of(content_type);
  const std::string* boundary = parameters ? find(*parameters, "boundary") : nullptr;
  const bool ok = boundary != nullptr && !boundary->empty() && boundary->size() <= kBoundaryBytesMax &&
                  boundary->back() != ' ' &&
                  std::all_of(boundary->begin(), boundary->end(), is_boundary_char);
  return ok ? *boundary : std::string();
}

std::string_view split_multipart(const std::string& boundary, std::string_view body,
                                 std::vector<FormPart>& parts) {
  const std::string delimiter = "\r\n--" + boundary;
  if (!body.starts_with(std::string_view(delimiter).substr(kLineEnd.size()))) return kMalformed;
  body.remove_prefix(delimiter.size() - kLineEnd.size());
  while (!body.starts_with("--")) {
    if (!body.starts_with(kLineEnd)) return kMalformed;
    body.remove_prefix(kLineEnd.size());
    const std::size_t head_end = body.substr(0, kPartHeadBytesMax).find(kHeadEnd);
    if (head_end == std::string_view::npos) return kMalformed;
    const std::string_view head = body.substr(0, head_end + kHeadEnd.size());
    if (head.find(delimiter) != std::string_view::npos) return kMalformed;
    body.remove_prefix(head.size());
    const std::size_t content_end = body.find(delimiter);
    if (content_end == std::string_view::npos) return kMalformed;
    if (parts.size() == kFormFieldsMax) return "too_many";
    const std::string_view content = body.substr(0, content_end);
    body.remove_prefix(content_end + delimiter.size());
    if (const auto refusal = read_part(head, content, parts.emplace_back()); !refusal.empty()) return refusal;
  }
  body.remove_prefix(2);
  return body.empty() || body == kLineEnd ? std::string_view() : kMalformed;
}

}  // namespace hookspool::net
