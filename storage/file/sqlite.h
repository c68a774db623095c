// What every SQLite connection of the journal has in common: how it is opened, and what its errors mean.
//
// Internal to storage/. Everything here throws SQLite::Exception; segment.cpp, segment_reader.cpp and
// recovery.cpp are where those end. Not thread-safe: a connection and its statements belong to one thread
// at a time.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/model/journal_error.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

constexpr std::int32_t kApplicationId = 0x686b7370;  // "hksp", in the header of every segment
constexpr std::int32_t kFormatVersion = 3;           // PRAGMA user_version of what is written; see FORMAT.md

constexpr std::uint64_t kPageBytes = 4096;  // of every file that is made here

// The first versions whose events have one.
constexpr std::int32_t kFormatWithDedupeKey = 2;
constexpr std::int32_t kFormatWithPacking = 3;

// Opens a connection that may write, with every setting the promise of durability rests on set and read back.
// It never checkpoints by itself, not even when it is closed. A new file is readable for its owner alone.
std::unique_ptr<SQLite::Database> open_writable(const std::filesystem::path& file, const std::string& vfs,
                                                bool create);

// Opens a connection that only reads. `growing`: the writer still has this file open. A file that no process
// writes and that has no WAL left is opened without locks and without a -shm file; one with a WAL as well if a -shm file
// cannot be made or locked, as on a disk that is full or takes no writes.
std::unique_ptr<SQLite::Database> open_read_only(const std::filesystem::path& file, const std::string& vfs,
                                                 bool growing);

// A 16-byte BLOB column; nil if it is anything else.
Uuid uuid_column(SQLite::Statement& select, int column);
void bind_uuid(SQLite::Statement& statement, int index, const Uuid& uuid);

// The error is about the disk, the system's limits or its rights at this moment: it says nothing about what the file
// holds.
bool cannot_be_read_now(const SQLite::Exception& error);

// Reads a PRAGMA back and throws unless it answers `expected`.
void require_pragma(SQLite::Database& database, const std::string& name, const std::string& expected);

// The system's error behind the last failure, as far as SQLite knows it: what it noted itself, else what the database
// file or its WAL noted; 0 if none did.
int last_errno(SQLite::Database& database);

// Whether closing the connection may checkpoint and remove the WAL.
void allow_checkpoint_on_close(SQLite::Database& database, bool allow);

// Whether the disk gives every byte of the connection's database and WAL. SQLite calls a failed read a corruption
// (SQLITE_IOERR_CORRUPTFS becomes SQLITE_CORRUPT); this tells the two apart, through the connection's own
// descriptors.
bool can_be_read(SQLite::Database& database);

// Reads a stretch of the database's file for nothing but to have it in the page cache; errors show when it is used.
void read_ahead(SQLite::Database& database, std::uint64_t from, std::uint64_t bytes);
// The size of the database's file without its WAL; 0 when it is not known.
std::uint64_t database_bytes(SQLite::Database& database);

// `attempted`: what was done on which file, e.g. "committing to /var/.../segment-00000001.db".
JournalError sqlite_error(const SQLite::Exception& error, int system_errno, const std::string& attempted);
JournalError sqlite_error(int extended_code, int system_errno, const std::string& message,
                          const std::string& attempted);

}  // namespace hookspool::storage
