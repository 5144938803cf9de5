// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to hdf5*.cpp: what a File holds.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hdf5_handle.hpp"
#include "krate/io/atomic_path.hpp"

namespace krate::io {

struct File::Impl {
  /// A dataset that was opened and checked.
  struct Open {
    hdf5::Handle id;
    DatasetInfo info;
    bool filtered = false;
  };

  std::string path;  ///< as the user named it
  comm::Communicator comm;
  FileOptions options;
  bool writing = false;
  std::size_t file_bytes = 0;  ///< when reading: bounds all that is stored
  std::size_t promised = 0;    ///< when writing: what everything so far needs at most
  std::size_t reserved = 0;    ///< when writing: bytes the file system has room for
  AtomicPath output;           ///< when writing, on the root
  hdf5::Handle links, file;
  std::map<std::string, Open> open;

  ~Impl();
  bool parallel() const { return comm.size() > 1; }
  hdf5::Place place(char const* where, std::string object = {}) const { return {where, path, std::move(object)}; }

  /// An object of any kind, soft links followed.
  hdf5::Handle object(hdf5::Place const& place) const;
  /// Opens a dataset once and checks what it declares against what is stored.
  Open const& dataset(hdf5::Place const& place);
  /// Collective: room for `bytes` more, headers not counted.
  void reserve(std::size_t bytes);
  /// Collective: makes the group and those above it.
  void make_group(hdf5::Place const& place);
};

namespace hdf5 {

/// "a//b/" as "/a/b".
std::string normal(std::string const& path);
/// "/a/b" of "/a/b/c", "/" of "/c".
std::string parent(std::string const& path);

/// One rank's part of a transfer: rows of a dataset, in pieces of at most `rows_per_piece`; as many pieces on every
/// rank.
struct Transfer {
  hid_t dataset, memory_type;
  std::size_t element_bytes;
  DatasetInfo const& info;
  std::size_t begin, rows, rows_per_piece, pieces;
  bool collective;
};
/// Rows of a piece, and how many pieces all ranks must do. Collective.
void plan_pieces(comm::Communicator const& comm, std::size_t piece_bytes, Transfer& transfer);
/// Collective if the transfer is: all pieces, whatever fails on the way; then throws if one failed.
void read_pieces(Place const& place, Transfer const& transfer, void* out);
void write_pieces(Place const& place, Transfer const& transfer, void const* data);

}  // namespace hdf5
}  // namespace krate::io
