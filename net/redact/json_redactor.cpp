#include "net/redact/json_redactor.h"

#include <algorithm>
#include <vector>

#include "net/json/members.h"

namespace hookspool::net {
namespace {

class Redactor {
 public:
  Redactor(std::string_view text, std::size_t bytes_max) : text_(text), bytes_max_(bytes_max) {}

  // A pointer, and how many of its tokens lead to the value in hand.
  struct Path {
    const JsonPointer* pointer = nullptr;
    std::size_t taken = 0;
  };
  using Paths = std::vector<Path>;

  // As deep as the longest pointer, which is an administrator's. False: the result is too long.
  bool visit(const JsonValue& value, const Paths& paths);
  std::optional<std::string> finish();

 private:
  bool replace(std::string_view value);

  const std::string_view text_;
  const std::size_t bytes_max_;
  std::size_t copied_ = 0;  // of text_
  std::string out_;
};

bool Redactor::visit(const JsonValue& value, const Paths& paths) {
  const bool is_end = std::any_of(paths.begin(), paths.end(), [](const Path& path) {
    return path.taken == path.pointer->tokens().size();
  });
  if (is_end) return replace(value.raw);
  Paths further;
  bool fits = true;
  const auto go_on = [&](const JsonValue& below, const auto& is_next) {
    further.clear();
    for (const Path& path : paths) {
      const bool every = path.pointer->tokens()[path.taken] == kEveryToken;
      if (every || is_next(path)) further.push_back({path.pointer, path.taken + 1});
    }
    fits = further.empty() || visit(below, further);
    return fits;
  };
  if (value.kind == JsonKind::kObject) {
    each_member(value, [&](const JsonMember& member) {
      return go_on(member.value,
                   [&](const Path& path) { return path.pointer->tokens()[path.taken] == member.name; });
    });
  } else if (value.kind == JsonKind::kArray) {
    std::size_t index = 0;
    each_element(value, [&](const JsonValue& element) {
      const bool goes_on =
          go_on(element, [&](const Path& path) { return path.pointer->index(path.taken) == index; });
      ++index;
      return goes_on;
    });
  }
  return fits;
}

bool Redactor::replace(std::string_view value) {
  const auto begin = static_cast<std::size_t>(value.data() - text_.data());
  out_.append(text_, copied_, begin - copied_);
  out_.append("\"").append(kRedacted).append("\"");
  copied_ = begin + value.size();
  return out_.size() <= bytes_max_;
}

std::optional<std::string> Redactor::finish() {
  out_.append(text_, copied_);
  if (out_.size() > bytes_max_) return std::nullopt;
  return std::move(out_);
}

}  // namespace

std::optional<std::string> redacted_json(std::string_view json, std::span<const JsonPointer> pointers,
                                         std::size_t bytes_max) {
  const auto whole = find_json(json, JsonPointer({}));
  if (!whole) return std::nullopt;
  Redactor redactor(json, bytes_max);
  Redactor::Paths paths;
  for (const JsonPointer& pointer : pointers) paths.push_back({&pointer, 0});
  if (!paths.empty() && !redactor.visit(*whole, paths)) return std::nullopt;
  return redactor.finish();
}

}  // namespace hookspool::net
