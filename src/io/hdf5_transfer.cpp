// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <limits>

#include "hdf5_impl.hpp"

namespace krate::io {
namespace hdf5 {
namespace {

/// Calls `move(memory space, file space, property list, first byte)` for each piece.
template <class Move>
void for_each_piece(Place const& place, Transfer const& t, Move const& move) {
  char const* const cannot = "cannot select the rows";
  Handle const list = place.own(H5Pcreate(H5P_DATASET_XFER), H5Pclose, cannot);
#if KRATE_ENABLE_MPI
  if (t.collective) place.check(H5Pset_dxpl_mpio(list, H5FD_MPIO_COLLECTIVE), cannot);
#endif
  std::size_t const row_size = t.info.row_size();
  std::string failure;
  for (std::size_t piece = 0; piece < t.pieces; ++piece) {
    std::size_t const done = std::min(piece * t.rows_per_piece, t.rows);
    std::size_t const rows = std::min(t.rows_per_piece, t.rows - done);
    hsize_t const count = rows * row_size, one = std::max<hsize_t>(count, 1);
    Handle const memory = place.own(H5Screate_simple(1, &one, nullptr), H5Sclose, cannot);
    Handle const file = place.own(H5Dget_space(t.dataset), H5Sclose, cannot);
    if (count == 0) {
      place.check(H5Sselect_none(memory), cannot);
      place.check(H5Sselect_none(file), cannot);
    } else if (!t.info.shape.empty()) {
      std::vector<hsize_t> start(t.info.shape.size(), 0), extent(t.info.shape.begin(), t.info.shape.end());
      start[0] = t.begin + done;
      extent[0] = rows;
      place.check(H5Sselect_hyperslab(file, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr), cannot);
    }
    if (move(memory, file, list, done * row_size * t.element_bytes) < 0 && failure.empty()) failure = error_text();
  }
  if (!failure.empty()) place.fail("the data cannot be transferred (HDF5: " + failure + ")");
}

}  // namespace

void plan_pieces(comm::Communicator const& comm, std::size_t piece_bytes, Transfer& t) {
  std::size_t const row_bytes = std::max<std::size_t>(1, t.info.row_size() * t.element_bytes);
  t.rows_per_piece = std::max<std::size_t>(1, piece_bytes / row_bytes);
  std::size_t const mine = (t.rows + t.rows_per_piece - 1) / t.rows_per_piece;
  t.pieces = static_cast<std::size_t>(comm.all_reduce(static_cast<std::int64_t>(mine), comm::Reduction::max));
}

void read_pieces(Place const& place, Transfer const& t, void* out) {
  for_each_piece(place, t, [&](hid_t memory, hid_t file, hid_t list, std::size_t at) {
    return H5Dread(t.dataset, t.memory_type, memory, file, list, static_cast<std::byte*>(out) + at);
  });
}

void write_pieces(Place const& place, Transfer const& t, void const* data) {
  for_each_piece(place, t, [&](hid_t memory, hid_t file, hid_t list, std::size_t at) {
    return H5Dwrite(t.dataset, t.memory_type, memory, file, list, static_cast<std::byte const*>(data) + at);
  });
}

namespace {

// Bytes of `count` chunks or elements; more than any file holds where the product overflows.
std::size_t bounded_product(std::vector<std::size_t> const& factors) {
  std::size_t result = 1;
  for (std::size_t const f : factors) {
    if (f == 0) return 0;
    result =
        result > std::numeric_limits<std::size_t>::max() / f ? std::numeric_limits<std::size_t>::max() : result * f;
  }
  return result;
}

// No filter makes data smaller than this; it bounds the memory that a small file can ask for.
constexpr std::size_t best_compression = 1 << 16;

void check_chunks(Place const& place, hid_t dataset, hid_t list, DatasetInfo const& info, std::size_t stored) {
  std::vector<hsize_t> chunk(info.shape.size());
  place.check(H5Pget_chunk(list, static_cast<int>(chunk.size()), chunk.data()), "has no readable chunks");
  std::vector<std::size_t> counts, chunk_shape(chunk.begin(), chunk.end());
  for (std::size_t i = 0; i < chunk.size(); ++i) counts.push_back((info.shape[i] - 1) / chunk[i] + 1);
  hsize_t found = 0;
  Handle const space = place.own(H5Dget_space(dataset), H5Sclose, "has no readable chunks");
  place.check(H5Dget_num_chunks(dataset, space, &found), "has no readable chunks");
  std::size_t const expected = bounded_product(counts);
  if (found != expected) {
    place.fail("holds " + std::to_string(found) + " of its " + std::to_string(expected) +
               " chunks: it was not written completely; write it again");
  }
  int const filters = place.check(H5Pget_nfilters(list), "has no readable filters");
  for (unsigned i = 0; i < static_cast<unsigned>(filters); ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    char name[64] = "";
    H5Z_filter_t const filter = H5Pget_filter2(list, i, &flags, &values, nullptr, sizeof name, name, nullptr);
    place.check(filter, "has no readable filters");
    if (H5Zfilter_avail(filter) <= 0) {
      place.fail("is packed with filter " + std::to_string(filter) + " (" + name +
                 "), which this HDF5 library does not have; write it without, or with deflate");
    }
  }
  counts.insert(counts.end(), chunk_shape.begin(), chunk_shape.end());
  counts.push_back(info.element_bytes);
  if (bounded_product(counts) / (filters ? best_compression : 1) > stored) {
    place.fail("declares " + std::to_string(bounded_product(counts)) + " bytes, but the file stores only " +
               std::to_string(stored) + "; it is damaged or was not written completely");
  }
}

void check_storage(Place const& place, hid_t dataset, hid_t list, DatasetInfo const& info, std::size_t file_bytes) {
  H5D_layout_t const layout = H5Pget_layout(list);
  if (layout == H5D_VIRTUAL || H5Pget_external_count(list) > 0) {
    place.fail("keeps its data in other files, which krate does not follow; copy it into one file");
  }
  std::vector<std::size_t> factors = info.shape;
  factors.push_back(info.element_bytes);
  std::size_t const declared = bounded_product(factors);
  if (declared == 0) return;
  std::size_t const stored = H5Dget_storage_size(dataset);
  haddr_t const offset = layout == H5D_CONTIGUOUS ? H5Dget_offset(dataset) : 0;
  bool const inside = offset != HADDR_UNDEF && offset <= file_bytes && stored <= file_bytes - offset;
  if (layout == H5D_CHUNKED) check_chunks(place, dataset, list, info, stored);
  if (!inside || (layout != H5D_CHUNKED && stored < declared)) {
    place.fail("declares " + std::to_string(declared) + " bytes, but the file stores only " +
               std::to_string(inside ? stored : 0) + "; it is damaged or was not written completely");
  }
}

}  // namespace
}  // namespace hdf5

File::Impl::Open const& File::Impl::dataset(hdf5::Place const& place) {
  auto const known = open.find(place.object);
  if (known != open.end()) return known->second;
  Open found{object(place), {}, false};
  if (H5Iget_type(found.id) != H5I_DATASET) place.fail("is not a dataset; name one, such as " + place.object + "/NAME");
  hdf5::Handle const type = place.own(H5Dget_type(found.id), H5Tclose, "has no readable type");
  hdf5::Handle const space = place.own(H5Dget_space(found.id), H5Sclose, "has no readable shape");
  hdf5::Handle const list = place.own(H5Dget_create_plist(found.id), H5Pclose, "has no readable layout");
  found.info = hdf5::type_info(type);
  found.info.shape = hdf5::extents(place, space);
  found.filtered = H5Pget_layout(list) == H5D_CHUNKED && H5Pget_nfilters(list) > 0;
  if (!writing) hdf5::check_storage(place, found.id, list, found.info, file_bytes);
  return open.emplace(place.object, std::move(found)).first->second;
}

}  // namespace krate::io
