#include "net/pg/tables/expected_rows.h"

#include "net/pg/tables/item_reader.h"

namespace hookspool::net {

std::uint64_t expected_rows(const TableMapping& mapping, const Outgoing& outgoing) {
  if (mapping.makes_one_row()) return 1;
  const JsonText body(outgoing);
  const JsonText headers(outgoing.event().headers);
  const ItemReader reader(mapping);
  std::uint64_t rows = 0;
  reader.each(body, [&](const ItemReader::Item& item) {
    if (reader.wanted(item, headers)) ++rows;
    return true;
  });
  return rows;
}

}  // namespace hookspool::net
