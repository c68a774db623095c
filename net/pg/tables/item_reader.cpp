#include "net/pg/tables/item_reader.h"

#include <algorithm>

namespace hookspool::net {

struct ItemReader::Walk {
  const std::function<bool(const Item&)>& take;
  Item item;
  Walked walked;
  std::vector<std::uint64_t> elements;  // by level: how many were read
};

ItemReader::ItemReader(const TableMapping& mapping)
    : mapping_(mapping),
      levels_(mapping.for_each ? mapping.for_each->levels() : 0),
      pointers_(levels_ + 1),
      columns_(mapping.columns.size()) {
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    const ColumnSource& source = mapping.columns[i].source;
    if (source.kind == ColumnSource::Kind::kPointer) columns_[i] = add(source.place);
  }
  if (mapping.where) {
    for (const JsonPlace& place : mapping.where->places()) where_.push_back(add(place));
  }
  for (std::size_t level = 0; level < levels_; ++level)
    pointers_[level].emplace_back(mapping.for_each->step(level));
}

ItemReader::Slot ItemReader::add(const JsonPlace& place) {
  const std::size_t level = place.is_relative() ? levels_ - std::min(levels_, place.up) : 0;
  pointers_[level].emplace_back(place.tokens);
  return {level, pointers_[level].size() - 1};
}

ItemReader::Walked ItemReader::each(const JsonText& body,
                                    const std::function<bool(const Item&)>& take) const {
  Walk walk{take, {}, {}, std::vector<std::uint64_t>(levels_)};
  walk.item.found.resize(levels_ + 1);
  walk.item.found.front() = body.values(pointers_.front());
  visit(walk, 0);
  return walk.walked;
}

// False: no more.
bool ItemReader::visit(Walk& walk, std::size_t level) const {
  Walked& walked = walk.walked;
  Item& item = walk.item;
  if (level == levels_) {
    item.number = walked.items++;
    return walk.take(item);
  }
  const std::optional<JsonValue> list = item.found[level].back();
  if (!list || list->kind != JsonKind::kArray) {
    if (walked.missing++ == 0) walked.first_missing = mapping_.for_each->shown(item.indexes);
    return true;
  }
  bool goes_on = true;
  std::size_t index = 0;
  item.indexes.push_back(0);
  each_element(*list, [&](const JsonValue& element) {
    // On each level, so that what has no element to make a row of is no endless work either.
    walked.too_many = walk.elements[level]++ == mapping_.items_max;
    if (walked.too_many) return goes_on = false;
    item.indexes.back() = index++;
    if (!pointers_[level + 1].empty()) item.found[level + 1] = find_json(element.raw, pointers_[level + 1]);
    goes_on = visit(walk, level + 1);
    return goes_on;
  });
  item.indexes.pop_back();
  return goes_on;
}

bool ItemReader::wanted(const Item& item, const JsonText& headers) const {
  if (!mapping_.where) return true;
  std::vector<std::optional<JsonValue>> values;
  for (const Slot& slot : where_) values.push_back(at(item, slot));
  std::vector<std::optional<std::string>> found;
  for (const std::string& name : mapping_.where->headers()) found.push_back(header_value(headers, name));
  return mapping_.where->holds({values, found});
}

std::string ItemReader::shown(const Item& item) const {
  return mapping_.for_each ? mapping_.for_each->shown(item.indexes) : std::string();
}

}  // namespace hookspool::net
