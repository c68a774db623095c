// What storage/ answers when it could not do what was asked. Plain values.
#pragma once

#include <string>

#include "storage/model/result.h"

namespace hookspool::storage {

struct JournalError {
  enum class Kind {
    kFull,          // over the byte budget, below the free-space limit, or the disk said so; nothing was kept
    kIo,            // the disk failed; nothing was acknowledged
    kGone,          // the segment's file lost its name (deleted or replaced from outside)
    kCorrupt,       // a row or a file cannot be trusted
    kTooNew,        // written by a newer hookspool
    kLocked,        // another process has this journal open
    kTooManyLanes,  // a lane more than lanes_max
    kTooLarge,      // longer than a named limit: an event, a lane's name, a note
    kSpent,         // the numbers of this lane's epoch are used up; the next opening has new ones
    kNoMemory,      // for one more event
    kLaneFull,      // no room for this lane, while others may still be accepted; nothing was kept
    kClosed,        // close() was called
    kNotFound,      // no such lane, epoch or number is retained
  };
  Kind kind;
  std::string text;  // what was attempted on what, and what to do
};

template <class T>
using JournalResult = Result<T, JournalError>;

}  // namespace hookspool::storage
