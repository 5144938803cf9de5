// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Datasets and attributes of a File: the transfers.
#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <stdexcept>

#include "hdf5_impl.hpp"
#include "krate/core/require.hpp"

namespace krate::io {

using hdf5::Handle;
using hdf5::Place;
using hdf5::Quiet;

namespace {

struct Types {
  hid_t memory, file;
  std::size_t bytes;
  bool integer;
};

// In the order of File::Type.
Types types_of(int type) {
  switch (type) {
    case 0:
      return {H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE, 8, false};
    case 1:
      return {H5T_NATIVE_FLOAT, H5T_IEEE_F32LE, 4, false};
    case 2:
      return {H5T_NATIVE_INT64, H5T_STD_I64LE, 8, true};
    case 3:
      return {H5T_NATIVE_INT32, H5T_STD_I32LE, 4, true};
    default:
      return {H5T_NATIVE_UINT8, H5T_STD_U8LE, 1, true};
  }
}

void check_rows(Place const& place, DatasetInfo const& info, std::size_t begin, std::size_t rows, std::size_t count) {
  if (begin > info.rows() || rows > info.rows() - begin) {
    throw ValueError(place.where,
                     place.text("rows [" + std::to_string(begin) + ", " + std::to_string(begin) + " + " +
                                std::to_string(rows) + ") do not lie in its " + std::to_string(info.rows())));
  }
  if (count != rows * info.row_size()) {
    throw ShapeError(
        place.where,
        place.text(std::to_string(rows) + " rows of shape " + krate::impl::shape_text(info.shape) + " are " +
                   std::to_string(rows * info.row_size()) + " elements, but " + std::to_string(count) + " were given"));
  }
}

// How many ranks take part in moving `bytes` that all of them hold or want.
int ranks_for(comm::Communicator const& comm, FileOptions const& options, std::size_t bytes) {
  std::size_t const wanted = bytes / std::max<std::size_t>(1, options.bytes_per_rank);
  return static_cast<int>(std::clamp<std::size_t>(wanted, 1, static_cast<std::size_t>(comm.size())));
}
comm::Share share_for(std::size_t rows, int rank, int ranks) {
  return rank < ranks ? comm::share_of(rows, rank, ranks) : comm::Share{0, 0};
}

}  // namespace

void File::read_rows(std::string const& dataset, Type type, std::size_t begin, std::size_t rows, void* out,
                     std::size_t count) const {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::read", hdf5::normal(dataset));
  Types const types = types_of(static_cast<int>(type));
  Impl::Open const* open = nullptr;
  comm().guarded([&] {
    open = &impl_->dataset(place);
    bool const integer = open->info.element == ElementClass::integer;
    if (!integer && (types.integer || open->info.element != ElementClass::floating)) {
      place.fail(std::string("holds ") +
                 (open->info.element == ElementClass::floating ? "floating numbers"
                  : open->info.element == ElementClass::text   ? "text"
                                                               : "neither numbers nor text") +
                 ", expected " + (types.integer ? "integers" : "numbers"));
    }
    check_rows(place, open->info, begin, rows, count);
  });
  // Ranks unpack filtered chunks alone, so that a damaged one leaves nobody waiting.
  bool const collective = impl_->parallel() && !open->filtered;
  hdf5::Transfer transfer{open->id, types.memory, types.bytes, open->info, begin, rows, 0, 0, collective};
  hdf5::plan_pieces(comm(), impl_->options.piece_bytes, transfer);
  comm().guarded([&] { hdf5::read_pieces(place, transfer, out); });
}

void File::read_shared(std::string const& dataset, Type type, void* out, std::size_t count,
                       std::size_t element_bytes) const {
  DatasetInfo found;
  comm().guarded([&] {
    found = info(dataset);
    check_rows(impl_->place("krate::io::File::read", hdf5::normal(dataset)), found, 0, found.rows(), count);
  });
  std::size_t const row_bytes = found.row_size() * element_bytes;
  int const ranks = ranks_for(comm(), impl_->options, count * element_bytes);
  comm::Share const mine = share_for(found.rows(), comm().rank(), ranks);
  auto* const first = static_cast<std::byte*>(out) + mine.begin * row_bytes;
  read_rows(dataset, type, mine.begin, mine.count, first, mine.count * found.row_size());
  std::vector<std::size_t> counts;
  for (int r = 0; r < comm().size(); ++r) counts.push_back(share_for(found.rows(), r, ranks).count * row_bytes);
  if (comm().size() > 1) {
    comm().all_gather({first, mine.count * row_bytes}, {static_cast<std::byte*>(out), count * element_bytes}, counts);
  }
}

template <class T>
std::vector<T> File::read_all(std::string const& dataset, std::vector<std::size_t>* shape) const {
  std::vector<T> values;
  comm().guarded([&] {
    DatasetInfo const found = info(dataset);
    if (shape) *shape = found.shape;
    try {
      values.resize(found.size());
    } catch (std::exception const&) {
      impl_->place("krate::io::File::read_all", hdf5::normal(dataset))
          .fail("needs " + std::to_string(found.size()) + " numbers of memory, which this machine does not have");
    }
  });
  read_replicated<T>(dataset, values);
  return values;
}

template std::vector<double> File::read_all(std::string const&, std::vector<std::size_t>*) const;
template std::vector<float> File::read_all(std::string const&, std::vector<std::size_t>*) const;
template std::vector<std::int64_t> File::read_all(std::string const&, std::vector<std::size_t>*) const;
template std::vector<std::int32_t> File::read_all(std::string const&, std::vector<std::size_t>*) const;
template std::vector<std::uint8_t> File::read_all(std::string const&, std::vector<std::size_t>*) const;

void File::write_rows(std::string const& dataset, std::vector<std::size_t> const& shape, Type type, std::size_t begin,
                      std::size_t rows, void const* data, std::size_t count) {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::write", hdf5::normal(dataset));
  Types const types = types_of(static_cast<int>(type));
  DatasetInfo info;
  info.shape = shape;
  comm().guarded([&] {
    require_value(impl_->writing && impl_->file.valid(), place.where, "file", path(), "is not being written");
    if (exists(dataset)) throw ValueError(place.where, place.text("was written already"));
    check_rows(place, info, begin, rows, count);
  });
  // The same names and shapes everywhere, and every row once.
  std::string key = place.object + krate::impl::shape_text(shape) + std::to_string(static_cast<int>(type));
  auto const hash = static_cast<std::int64_t>(std::hash<std::string>{}(key) >> 2);
  std::int64_t extremes[2] = {hash, -hash};
  comm().all_reduce(std::span<std::int64_t>(extremes), comm::Reduction::max);
  if (extremes[0] != -extremes[1])
    throw ValueError(place.where, place.text("the ranks name different datasets or shapes"));
  auto const total = static_cast<std::size_t>(comm().all_reduce(static_cast<std::int64_t>(rows)));
  if (total != info.rows()) {
    throw ValueError(place.where, place.text("the ranks write " + std::to_string(total) + " rows of " +
                                             std::to_string(info.rows()) + "; each row must be written once"));
  }
  impl_->reserve(info.size() * types.bytes);
  Handle made;
  comm().guarded([&] {
    char const* const cannot = "cannot be made";
    impl_->make_group(impl_->place(place.where, hdf5::parent(place.object)));
    Handle const list = place.own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, cannot);
    place.check(H5Pset_obj_track_times(list, false), cannot);
    place.check(H5Pset_fill_time(list, H5D_FILL_TIME_NEVER), cannot);  // every row is written
    place.check(H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY), cannot);
    if (impl_->options.chunk_bytes > 0 && info.size() > 0 && !shape.empty()) {
      std::vector<hsize_t> chunk(shape.begin(), shape.end());
      chunk[0] = std::clamp<hsize_t>(impl_->options.chunk_bytes / (info.row_size() * types.bytes), 1, shape[0]);
      place.check(H5Pset_chunk(list, static_cast<int>(chunk.size()), chunk.data()), cannot);
      if (impl_->options.compression > 0) {
        place.check(H5Pset_shuffle(list), cannot);
        place.check(H5Pset_deflate(list, static_cast<unsigned>(impl_->options.compression)), cannot);
      }
    }
    std::vector<hsize_t> const dims(shape.begin(), shape.end());
    Handle const space =
        shape.empty()
            ? place.own(H5Screate(H5S_SCALAR), H5Sclose, cannot)
            : place.own(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose, cannot);
    made = place.own(H5Dcreate2(impl_->file, place.object.c_str(), types.file, space, H5P_DEFAULT, list, H5P_DEFAULT),
                     H5Dclose, cannot);
  });
  hdf5::Transfer transfer{made, types.memory, types.bytes, info, begin, rows, 0, 0, impl_->parallel()};
  hdf5::plan_pieces(comm(), impl_->options.piece_bytes, transfer);
  comm().guarded([&] { hdf5::write_pieces(place, transfer, data); });
}

void File::write_shared(std::string const& dataset, std::vector<std::size_t> const& shape, Type type, void const* data,
                        std::size_t count, std::size_t element_bytes) {
  DatasetInfo info;
  info.shape = shape;
  comm().guarded(
      [&] { check_rows(impl_->place("krate::io::File::write", hdf5::normal(dataset)), info, 0, info.rows(), count); });
  comm::Share const mine =
      share_for(info.rows(), comm().rank(), ranks_for(comm(), impl_->options, count * element_bytes));
  write_rows(dataset, shape, type, mine.begin, mine.count,
             static_cast<std::byte const*>(data) + mine.begin * info.row_size() * element_bytes,
             mine.count * info.row_size());
}

void File::create_group(std::string const& path) {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::create_group", hdf5::normal(path));
  require_value(impl_->writing && impl_->file.valid(), place.where, "file", this->path(), "is not being written");
  impl_->reserve(0);
  comm().guarded([&] { impl_->make_group(place); });
}

namespace {

// A Configuration as bytes, to hand the root's to all ranks.
template <class T>
void put(std::string& bytes, T const* values, std::size_t count) {
  std::uint64_t const n = count;
  bytes.append(reinterpret_cast<char const*>(&n), sizeof n);
  bytes.append(reinterpret_cast<char const*>(values), count * sizeof(T));
}
template <class Container>
Container take(std::string const& bytes, std::size_t& at) {
  std::uint64_t n = 0;
  std::memcpy(&n, bytes.data() + at, sizeof n);
  at += sizeof n;
  Container values(n, {});
  if (n) std::memcpy(values.data(), bytes.data() + at, n * sizeof values[0]);
  at += n * sizeof values[0];
  return values;
}

Configuration same_everywhere(comm::Communicator const& comm, Configuration const& mine) {
  if (comm.size() == 1) return mine;
  std::string bytes;
  for (auto const& [name, value] : mine.entries()) {
    put(bytes, name.data(), name.size());
    bytes += static_cast<char>(value.index());
    if (auto const* v = std::get_if<std::int64_t>(&value)) put(bytes, v, 1);
    if (auto const* v = std::get_if<double>(&value)) put(bytes, v, 1);
    if (auto const* v = std::get_if<std::string>(&value)) put(bytes, v->data(), v->size());
    if (auto const* v = std::get_if<std::vector<std::int64_t>>(&value)) put(bytes, v->data(), v->size());
    if (auto const* v = std::get_if<std::vector<double>>(&value)) put(bytes, v->data(), v->size());
  }
  comm.broadcast(bytes);
  Configuration result;
  for (std::size_t at = 0; at < bytes.size();) {
    auto const name = take<std::string>(bytes, at);
    switch (bytes[at++]) {
      case 0:
        result.set(name, Attribute(take<std::vector<std::int64_t>>(bytes, at)[0]));
        break;
      case 1:
        result.set(name, Attribute(take<std::vector<double>>(bytes, at)[0]));
        break;
      case 2:
        result.set(name, Attribute(take<std::string>(bytes, at)));
        break;
      case 3:
        result.set(name, Attribute(take<std::vector<std::int64_t>>(bytes, at)));
        break;
      default:
        result.set(name, Attribute(take<std::vector<double>>(bytes, at)));
    }
  }
  return result;
}

std::size_t bytes_of(Attribute const& value) {
  return std::visit(
      [](auto const& v) -> std::size_t {
        if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(v)>>)
          return sizeof v;
        else
          return v.size() * sizeof v[0];
      },
      value);
}

}  // namespace

void File::set_attribute(std::string const& object, std::string const& name, Attribute const& value) {
  Configuration one;
  one.set(name, value);
  set_attributes(object, one);
}

void File::set_attributes(std::string const& object, Configuration const& values) {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::set_attribute", hdf5::normal(object));
  require_value(impl_->writing && impl_->file.valid(), place.where, "file", path(), "is not being written");
  Configuration const agreed = same_everywhere(comm(), values);
  std::size_t bytes = 0;
  for (auto const& entry : agreed.entries()) bytes += bytes_of(entry.value) + 256;
  impl_->reserve(bytes);
  comm().guarded([&] {
    if (!exists(object)) impl_->make_group(place);
    Handle const opened = impl_->object(place);
    for (auto const& [name, value] : agreed.entries()) {
      hdf5::write_attribute({place.where, place.file, place.object + ": attribute '" + name + "'"}, opened, name,
                            value);
    }
  });
}

}  // namespace krate::io
