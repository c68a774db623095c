#include "storage/catalogue/recovery.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "storage/catalogue/inspection.h"
#include "storage/segment/acked_record.h"

namespace hookspool::storage {
namespace {

constexpr std::string_view kGreatestIdName = "greatest-id";

class Recovery {
 public:
  Recovery(const Folder& folder, const std::string& vfs, Catalogue& catalogue, Tidy tidy)
      : folder_(folder), vfs_(vfs), catalogue_(catalogue), tidy_(tidy == Tidy::kYes) {}

  JournalResult<RecoveryReport> run() {
    const JournalResult<Folder::Listing> listing = folder_.list();
    if (!listing) return fail(listing.error());
    found_.greatest_number = listing->greatest_number;
    if (auto read = inspect_headers(*listing); !read) return fail(read.error());
    if (auto kept = read_greatest_id(); !kept) return fail(kept.error());
    if (auto finished = finish_interrupted(*listing); !finished) return fail(finished.error());
    for (auto& [number, inspected] : inspected_) {
      if (auto taken = take(number, inspected); !taken) return fail(taken.error());
    }
    tidy_up();
    for (const Cursor& cursor : cursors_) catalogue_.set_cursor(cursor);
    report_losses();
    return std::move(found_);
  }

 private:
  // All headers are read before anything is changed: an older hookspool leaves a newer journal as it was.
  JournalResult<void> inspect_headers(const Folder::Listing& listing) {
    for (const auto& [number, names] : listing.segments) {
      Inspected inspected(folder_, number);
      inspect_beginning(folder_, number, inspected);
      if (inspected.condition == Condition::kTooNew) return too_new(inspected.why);
      if (names.db) inspected_.emplace(number, std::move(inspected));
    }
    for (const std::string& name : listing.foreign) {
      if (!looks_like_segment(folder_.path() / name)) continue;
      found_.notes.push_back((folder_.path() / name).string() +
                             " looks like a segment and has a name of its own, so it was left alone: "
                             "hookspool import takes in what it holds");
    }
    return {};
  }

  static JournalResult<void> too_new(const std::string& why) {
    return fail(JournalError{JournalError::Kind::kTooNew,
                             why + ". Nothing in the journal was changed; install the newer hookspool "
                                   "again, which wrote it and can deliver it"});
  }

  JournalResult<void> read_greatest_id() {
    const auto text = folder_.read_text(kGreatestIdName);
    if (!text) return fail(text.error());
    if (!text->has_value()) return {};
    const std::optional<Uuid> id = Uuid::parse(std::string_view(**text).substr(0, 36));
    if (id) {
      found_.greatest_id = kept_id_ = *id;
    } else {
      found_.greatest_id = greatest_id_written({folder_.path() / kGreatestIdName});
      found_.notes.push_back((folder_.path() / kGreatestIdName).string() +
                             " holds no id: new ids begin after the time at which it was written");
    }
    return {};
  }

  JournalResult<void> finish_interrupted(const Folder::Listing& listing) {
    for (const auto& [number, names] : listing.segments) {
      if (names.unfinished && tidy_) folder_.discard_unfinished(number);
      if (names.dropped) {
        if (tidy_) note_if_failed(folder_.remove_dropped(number));
      } else if (!names.db && names.wal && file_bytes(folder_.segment_file(number).string() + "-wal") > 0) {
        if (tidy_) {
          const JournalResult<std::string> aside = folder_.set_aside(number);
          if (!aside) return fail(aside.error());
          found_.notes.push_back(folder_.segment_file(number).string() +
                                 " is gone, its WAL is not: kept as " + *aside);
        }
        add_lost_segment(number);
      } else if (!names.db) {
        add_lost_segment(number);
      }
    }
    return {};
  }

  void note_if_failed(const JournalResult<void>& done) {
    if (!done) found_.notes.push_back(done.error().text + "; the next start tries it again");
  }

  // A segment of which nothing is left but the record of what it held; one that held nothing is left over.
  void add_lost_segment(std::uint64_t number) {
    Inspected inspected(folder_, number);
    const auto acked = read_acked(folder_.acked_file(number), number);
    if (!acked) {
      found_.notes.push_back(acked.error().text + "; what was acknowledged from that segment is not known");
      return;
    }
    inspected.acked = *acked;
    if (!inspected.acked || inspected.acked->lanes.empty()) {
      if (inspected.acked) found_.greatest_id = std::max(found_.greatest_id, inspected.acked->greatest_id);
      left_over_.push_back(number);
      return;
    }
    inspected.condition = Condition::kLost;
    inspected_.emplace(number, std::move(inspected));
  }

  JournalResult<void> take(std::uint64_t number, Inspected& inspected) {
    const std::string path = folder_.segment_file(number).string();
    if (tidy_) make_durable(folder_, inspected);
    if (inspected.condition == Condition::kGood) inspect_contents(vfs_, inspected);
    const bool nothing = inspected.condition == Condition::kEmpty ||
                         (inspected.condition == Condition::kGood && inspected.there == 0);
    const bool doubtful = nothing && inspected.cursors.empty() && !was_refused_whole(inspected);
    const std::optional<bool> has_commit = doubtful ? wal_has_commit(path + "-wal") : false;
    if (!has_commit) {
      inspected.condition = Condition::kUnreadable;
      inspected.why = "its WAL cannot be read";
    } else if (*has_commit) {
      inspected.condition = Condition::kDamaged;
      inspected.why =
          knows_of_none(inspected)
              ? "its WAL holds the end of a transaction without its beginning, which is what a power "
                "cut leaves of the first one"
              : "its WAL holds transactions that cannot be read";
    }
    const bool owing = inspected.acked && !inspected.acked->lanes.empty();
    // What it held cannot be looked at, or not all of it: no id may be given that could be below one of those.
    if (inspected.condition == Condition::kGood ? inspected.there < inspected.events
                                                : inspected.condition != Condition::kEmpty || owing) {
      inspected.contents.greatest_id =
          std::max(inspected.contents.greatest_id, greatest_id_unread(inspected));
      found_.greatest_id = std::max(found_.greatest_id, inspected.contents.greatest_id);
    }
    if (inspected.condition == Condition::kDamaged) {
      if (auto aside = set_aside(number, inspected); !aside) return aside;
    }
    if (inspected.condition == Condition::kUnreadable) wait_for(number, inspected);
    if (owing && inspected.condition != Condition::kGood) {
      go_by_the_record(inspected, inspected.condition != Condition::kUnreadable);
    } else if (inspected.condition == Condition::kEmpty) {
      empty_.push_back(number);
    } else if (inspected.condition != Condition::kGood) {
      return {};
    }
    return add(number, inspected);
  }

  void wait_for(std::uint64_t number, Inspected& inspected) {
    found_.notes.push_back(folder_.segment_file(number).string() + " cannot be read: " + inspected.why +
                           ". It was left as it is; its events are delivered as soon as it can be read");
    found_.unreadable[number] = inspected.why;
    inspected.contents.file->unread = true;
    if (!inspected.acked || inspected.acked->lanes.empty()) catalogue_.add_unknown(number);
  }

  JournalResult<void> set_aside(std::uint64_t number, const Inspected& inspected) {
    if (!tidy_) {
      found_.not_set_aside.push_back(number);
      return {};
    }
    const JournalResult<std::string> aside = folder_.set_aside(number);
    if (!aside) return fail(aside.error());
    set_aside_ = true;
    found_.notes.push_back(
        folder_.segment_file(number).string() + " cannot be used: " + inspected.why + ". It was kept as " +
        *aside +
        (knows_of_none(inspected)
             ? "; it was never acknowledged, as far as the record beside it knows"
             : "; events in it that were not delivered yet are missing until they are salvaged: stop the "
               "agent and run hookspool salvage --config ..."));
    return {};
  }

  JournalResult<void> set_duplicate_aside(std::uint64_t number) {
    if (!tidy_) {
      found_.not_set_aside.push_back(number);
      return {};
    }
    set_aside_ = true;
    const JournalResult<std::string> aside = folder_.set_aside(number, kDuplicatePrefix);
    if (!aside) return fail(aside.error());
    found_.notes.push_back(folder_.segment_file(number).string() +
                           " holds numbers that another segment holds already, like a copy. It was kept as " +
                           *aside + "; hookspool salvage takes out of it what is nowhere else");
    return {};
  }

  JournalResult<void> add(std::uint64_t number, Inspected& inspected) {
    found_.greatest_id = std::max(found_.greatest_id, inspected.contents.greatest_id);
    if (inspected.events > 0 && !catalogue_.add_closed(inspected.contents)) {
      return inspected.condition == Condition::kGood ? set_duplicate_aside(number) : JournalResult<void>();
    }
    if (inspected.condition == Condition::kGood && inspected.had_wal) {
      found_.notes.push_back(folder_.segment_file(number).string() + " was not closed cleanly; its " +
                             std::to_string(inspected.there) + " events were recovered");
    }
    std::move(inspected.cursors.begin(), inspected.cursors.end(), std::back_inserter(cursors_));
    return {};
  }

  // What was acknowledged, is not known to be in PostgreSQL, and is in no file any more.
  void report_losses() {
    std::set<std::uint64_t> kept;
    for (const auto& [number, inspected] : inspected_) {
      const SegmentContents& contents = inspected.contents;
      for (const SegmentLane& lane : contents.lanes) {
        const auto lost_from = contents.file->lost_from.find(lane.number);
        if (lost_from == contents.file->lost_from.end()) continue;
        std::uint64_t first = lost_from->second;
        Uuid before_first;
        for (const LaneRun& run : catalogue_.runs(lane.lane)) {
          if (run.epoch != contents.epoch) continue;
          if (run.confirmed.seq + 1 >= first) before_first = run.confirmed.id;
          first = std::max(first, run.confirmed.seq + 1);
        }
        if (first > lane.last_seq) continue;
        found_.lost_ids.push_back(ids_of_lost(number, inspected, lane, before_first));
        if (inspected.condition == Condition::kGood && !contents.salvaged) kept.insert(number);
        const std::uint64_t count = lane.last_seq - first + 1;
        found_.lost += count;
        found_.losses.push_back(std::to_string(count) + " acknowledged events of lane '" + lane.lane +
                                "', epoch " + contents.epoch.to_string() + ", numbers " +
                                std::to_string(first) + " to " + std::to_string(lane.last_seq) +
                                ", are no longer in " + contents.file->path.string() +
                                ": the disk has lost them. What PostgreSQL has not got of them is recorded "
                                "in its table of gaps. What the damaged file still holds can be taken "
                                "out of it: stop the agent and run hookspool salvage --config ...");
      }
    }
    // What cannot be read there may still be of use to an administrator, after the segment itself has gone.
    for (const std::uint64_t number : kept) {
      if (!tidy_) break;
      const JournalResult<std::string> copy = folder_.keep_copy(number);
      found_.notes.push_back(copy.ok() ? folder_.segment_file(number).string() + " is kept as " + *copy
                                       : copy.error().text);
    }
  }

  // Ids grow in the order of acceptance over all segments, so those of its neighbours enclose what is lost.
  LostIds ids_of_lost(std::uint64_t number, const Inspected& inspected, const SegmentLane& lane,
                      const Uuid& before_first) const {
    LostIds lost{lane.lane, before_first, {}};
    const auto own = inspected.ids.find(lane.number);
    if (lost.after.is_nil() && own != inspected.ids.end()) lost.after = own->second.second;
    if (lost.after.is_nil()) lost.after = inspected.greatest_id_before;
    if (lost.after.is_nil()) {
      for (const auto& [other_number, other] : inspected_) {
        if (other_number < number) lost.after = std::max(lost.after, other.contents.greatest_id);
      }
    }
    for (const auto& [other_number, other] : inspected_) {
      if (other_number <= number || !lost.before.is_nil()) continue;
      for (const SegmentLane& later : other.contents.lanes) {
        const auto ids = other.ids.find(later.number);
        if (later.lane == lane.lane && ids != other.ids.end()) lost.before = ids->second.first;
      }
    }
    return lost;
  }

  // Segments without events go, but not before what they alone knew is kept elsewhere. On a disk without room they stay.
  void tidy_up() {
    if (!tidy_ || (empty_.empty() && left_over_.empty() && !set_aside_)) return;
    const bool covered = std::any_of(inspected_.begin(), inspected_.end(), [&](const auto& entry) {
      return entry.second.condition == Condition::kGood &&
             entry.second.contents.greatest_id >= found_.greatest_id;
    });
    if (!covered && found_.greatest_id > kept_id_) {
      const auto kept = keep_greatest_id(folder_, found_.greatest_id);
      note_if_failed(kept);
      if (!kept) return;
    }
    for (const std::uint64_t number : left_over_) folder_.discard_segment(number);
    for (const std::uint64_t number : empty_) {
      const auto marked = folder_.mark_dropped(number);
      note_if_failed(marked ? folder_.remove_dropped(number) : marked);
    }
  }

  const Folder& folder_;
  const std::string& vfs_;
  Catalogue& catalogue_;
  std::map<std::uint64_t, Inspected> inspected_;
  std::vector<Cursor> cursors_;
  const bool tidy_;
  std::vector<std::uint64_t> empty_;
  std::vector<std::uint64_t>
      left_over_;           // records and other files of segments that are gone and held nothing
  bool set_aside_ = false;  // a segment was
  Uuid kept_id_;            // what the file greatest-id says
  RecoveryReport found_;
};

}  // namespace

JournalResult<RecoveryReport> recover_segments(const Folder& folder, const std::string& vfs,
                                               Catalogue& catalogue, Tidy tidy) {
  return Recovery(folder, vfs, catalogue, tidy).run();
}

JournalResult<void> keep_greatest_id(const Folder& folder, const Uuid& id) {
  return folder.write_text(kGreatestIdName, id.to_string() + "\n");
}

}  // namespace hookspool::storage
