// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one door to HDF5: no other part of krate calls the HDF5 library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "krate/comm/communicator.hpp"
#include "krate/core/configuration.hpp"

namespace krate::io {

/// "major.minor.release" of the HDF5 library that is loaded.
std::string hdf5_version();

enum class ElementClass {
  integer,   ///< any width, signed or not; also h5py's booleans and other enumerations
  floating,  ///< any width
  text,
  other  ///< compounds, references, …: nothing here reads them
};

/// Shape and element type of a dataset.
struct DatasetInfo {
  std::vector<std::size_t> shape;  ///< empty for a single value
  ElementClass element = ElementClass::other;
  std::size_t element_bytes = 0;
  bool is_signed = false;

  bool is_uint8() const { return element == ElementClass::integer && element_bytes == 1 && !is_signed; }
  std::size_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::size_t row_size() const;  ///< elements a row
  std::size_t size() const { return rows() * row_size(); }
};

/// How files are laid out and shared. The defaults are right for a laptop; a parallel file system wants its stripe
/// here.
struct FileOptions {
  std::size_t alignment = 0;             ///< objects of at least this many bytes begin at its multiples; 0: unaligned
  std::size_t chunk_bytes = 0;           ///< split datasets into chunks of whole rows of about this size; 0: contiguous
  int compression = 0;                   ///< deflate level 1 to 9; needs chunks; 0: off
  bool collective_metadata = true;       ///< several ranks write headers together instead of one by one
  std::size_t piece_bytes = 1 << 30;     ///< most that one call of MPI or HDF5 moves; below 2 GiB
  std::size_t bytes_per_rank = 1 << 24;  ///< replicated data: one more rank takes part per this many bytes
};

/// For programs, never for libraries: switches HDF5's own error printing off for good. The library prints at the end of
/// the process, too, after some damaged files; krate's exceptions say all that is worth saying.
void silence_hdf5();

/// An HDF5 file, opened for reading or being created, by one rank or by all ranks of a communicator together.
///
/// A file is created under the name `path.tmp` in the same directory; commit() writes everything out, checks it, and
/// renames it to `path`, so that `path` is always whole: before commit() the old file stands, and a File destroyed
/// without it (by an exception) removes what it wrote. A killed process leaves at most the `.tmp` file.
///
/// Functions marked *collective* must be called by all ranks of the communicator in the same order with the same names
/// and shapes, and throw on all ranks if they fail on one. Making and destroying a File is collective: let an exception
/// that concerns one rank alone reach all of them (Communicator::guarded). Unmarked functions may be called by any
/// rank.
///
/// Paths are absolute ("/samples/images"). Soft links are followed. Not followed or read, because a file from elsewhere
/// may not make the reader open other files: external links, external and virtual storage. Every declared size is
/// checked against what the file stores before memory is taken for it.
///
/// @throws IoError naming file, path and HDF5's own message for everything that is wrong with a file or a disk;
///         ValueError, ShapeError for wrong arguments. HDF5's error printing is off during the calls only.
class File {
 public:
  /// Collective: for reading.
  static File open(std::string const& path, comm::Communicator const& comm = {}, FileOptions const& options = {});
  /// Collective: for writing `path`, which exists after commit() only.
  static File create(std::string const& path, comm::Communicator const& comm = {}, FileOptions const& options = {});
  File(File&&) noexcept;
  File& operator=(File&&) noexcept;
  ~File();

  std::string const& path() const;
  comm::Communicator const& comm() const;

  /// Whether there is an object, or a link to one, at `path`.
  bool exists(std::string const& path) const;
  bool is_group(std::string const& path) const;
  /// Names in a group, sorted.
  std::vector<std::string> list(std::string const& group) const;
  DatasetInfo info(std::string const& dataset) const;

  bool has_attribute(std::string const& object, std::string const& name) const;
  Attribute attribute(std::string const& object, std::string const& name) const;
  /// All attributes that an Attribute can hold, in the order they were made where the file keeps it, else by name.
  Configuration attributes(std::string const& object) const;

  /// Collective: rows [begin, begin + rows) along the first axis, all elements of each, converted to T = double, float,
  /// std::int64_t, std::int32_t or std::uint8_t. Each rank reads its own rows; a rank may read none. A single value is
  /// one row. Integers are read from integer datasets only; those outside the range of T become its nearest number.
  template <class T>
  void read(std::string const& dataset, std::size_t begin, std::size_t rows,
            std::type_identity_t<std::span<T>> out) const {
    read_rows(dataset, type_of<T>(), begin, rows, out.data(), out.size());
  }
  /// Collective: every rank gets the whole dataset.
  template <class T = double>
  std::vector<T> read_all(std::string const& dataset, std::vector<std::size_t>* shape = nullptr) const;
  /// Collective: the same into memory of that size; few ranks read, all receive.
  template <class T>
  void read_replicated(std::string const& dataset, std::type_identity_t<std::span<T>> out) const {
    read_shared(dataset, type_of<T>(), out.data(), out.size(), sizeof(T));
  }

  /// Collective: makes a group and those above it, unless they are there.
  void create_group(std::string const& path);
  /// Collective: of a dataset that was written, or of a group, which is made if it is not there. The root's value
  /// counts.
  void set_attribute(std::string const& object, std::string const& name, Attribute const& value);
  void set_attributes(std::string const& object, Configuration const& values);

  /// Collective: makes a dataset of this global shape, and the groups above it; each rank writes its own rows
  /// [begin, begin + rows), which together must be all rows once. A single value (empty shape) is one row.
  template <class T>
  void write(std::string const& dataset, std::vector<std::size_t> const& shape, std::size_t begin, std::size_t rows,
             std::type_identity_t<std::span<T const>> data) {
    write_rows(dataset, shape, type_of<T>(), begin, rows, data.data(), data.size());
  }
  /// Collective: the same for data that every rank holds in full.
  template <class T>
  void write_replicated(std::string const& dataset, std::vector<std::size_t> const& shape,
                        std::type_identity_t<std::span<T const>> data) {
    write_shared(dataset, shape, type_of<T>(), data.data(), data.size(), sizeof(T));
  }

  /// Collective: makes what was written the file `path`, in one step. The File can only be destroyed afterwards.
  void commit();

 private:
  enum class Type { float64, float32, int64, int32, uint8 };
  template <class T>
  static constexpr Type type_of() {
    if constexpr (std::is_same_v<T, double>) return Type::float64;
    if constexpr (std::is_same_v<T, float>) return Type::float32;
    if constexpr (std::is_same_v<T, std::int64_t>) return Type::int64;
    if constexpr (std::is_same_v<T, std::int32_t>) return Type::int32;
    static_assert(std::is_same_v<T, double> || std::is_same_v<T, float> || std::is_same_v<T, std::int64_t> ||
                      std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::uint8_t>,
                  "HDF5 data is read and written as double, float, std::int64_t, std::int32_t or std::uint8_t");
    return Type::uint8;
  }
  void read_rows(std::string const&, Type, std::size_t begin, std::size_t rows, void* out, std::size_t count) const;
  void read_shared(std::string const&, Type, void* out, std::size_t count, std::size_t element_bytes) const;
  void write_rows(std::string const&, std::vector<std::size_t> const& shape, Type, std::size_t begin, std::size_t rows,
                  void const* data, std::size_t count);
  void write_shared(std::string const&, std::vector<std::size_t> const& shape, Type, void const* data,
                    std::size_t count, std::size_t element_bytes);

  struct Impl;
  explicit File(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace krate::io
