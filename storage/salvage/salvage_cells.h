// Rows and names in the bytes of a page, found by what they look like and not by the page's own pointers, which may
// be damaged (sqlite.org/fileformat2.html sections 1.6 and 2).
//
// Internal to storage/. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/model/uuid.h"
#include "storage/salvage/salvage_pages.h"

namespace hookspool::storage {

// What may be a row of `events`: the record header fits, nothing more is known.
struct EventCell {
  std::int64_t key = 0;
  bool whole_key =
      false;  // what stands before it fits as well: not a remnant whose beginning was overwritten
  Uuid id;
  std::int32_t format = 0;         // known by the number of columns
  std::size_t at = 0;              // of the record in the page
  std::uint64_t record_bytes = 0;  // header and columns
  std::size_t local_bytes = 0;     // of them, those in this page
  std::uint32_t next_page = 0;     // of the others; 0 if there are none
  std::size_t header_bytes = 0;
  std::vector<std::uint64_t> types;  // of the columns
};
void find_event_cells(const SalvagePage& page, const std::function<void(const EventCell&)>& found);

// The columns of a whole record. False if one is cut short.
struct EventColumns {
  Uuid id;
  std::int64_t received_at_us = 0;
  std::vector<std::string> texts;  // delivery_id to headers, in the order of the table
  std::string body;
  std::int64_t again = 0;
  std::int64_t crc = 0;
  Uuid dedupe_key;
};
bool split_record(const EventCell& cell, const std::string& record, EventColumns& columns);

// What an event's checksum needs and its row does not hold. Only hints: a row is believed when its checksum fits.
void find_names(const SalvagePage& page, const std::function<void(const Uuid&)>& epoch,
                const std::function<void(std::string)>& lane);

}  // namespace hookspool::storage
