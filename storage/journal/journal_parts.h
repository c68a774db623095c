// What an open journal is made of. Journal, JournalAdmin and JournalNotes are three views of it.
//
// Internal to storage/. Thread-safe as far as each part says that it is; the values do not change after the opening.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "storage/catalogue/catalogue.h"
#include "storage/catalogue/late_segments.h"
#include "storage/file/folder.h"
#include "storage/journal/journal_options.h"
#include "storage/journal/segment_removal.h"
#include "storage/journal/space.h"
#include "storage/journal/writer.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {

// In the order of their dependence: the writer goes first, the lock of the folder last.
struct JournalParts {
  JournalParts(JournalOptions given, std::unique_ptr<Folder> locked_folder, const Uuid& epoch)
      : options(std::move(given)),
        folder(std::move(locked_folder)),
        catalogue(epoch),
        readers(options.vfs),
        space(options, *folder, catalogue),
        removal(*folder, catalogue, readers, space),
        late(*folder, options.vfs, catalogue) {
    space.set_drop([this](std::uint64_t number) { return removal.remove(number); });
  }

  const JournalOptions options;
  const std::unique_ptr<Folder> folder;
  std::string agent_id;
  Catalogue catalogue;
  ReaderPool readers;
  JournalSpace space;
  SegmentRemoval removal;
  LateSegments late;
  std::uint64_t set_aside_files = 0;
  std::unique_ptr<Writer> writer;
};

}  // namespace hookspool::storage
