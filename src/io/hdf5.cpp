// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/hdf5.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <new>
#include <numeric>
#include <stdexcept>

#include "hdf5_impl.hpp"
#include "krate/core/require.hpp"

namespace krate::io {

using hdf5::Handle;
using hdf5::Place;
using hdf5::Quiet;

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  return H5get_libversion(&major, &minor, &release) < 0
             ? "unknown"
             : std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

std::size_t DatasetInfo::row_size() const {
  return shape.empty() ? 1 : std::accumulate(shape.begin() + 1, shape.end(), std::size_t(1), std::multiplies<>());
}

namespace hdf5 {

std::string normal(std::string const& path) {
  std::string result;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t const end = std::min(path.find('/', at), path.size());
    if (end > at) result.append("/").append(path, at, end - at);
    at = end + 1;
  }
  return result.empty() ? "/" : result;
}

std::string parent(std::string const& path) {
  std::size_t const slash = path.find_last_of('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

namespace {

Handle file_access(Place const& place, comm::Communicator const& comm, FileOptions const& options) {
  char const* const cannot = "cannot set up file access";
  Handle list = place.own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, cannot);
  place.check(H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_LATEST), cannot);  // headers with checksums
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  place.check(H5Pset_file_locking(list, true, true), cannot);  // but not where the file system has no locks
#endif
  if (options.alignment > 1) place.check(H5Pset_alignment(list, options.alignment, options.alignment), cannot);
#if KRATE_ENABLE_MPI
  if (comm.size() > 1) {
    place.check(H5Pset_fapl_mpio(list, comm.native(), MPI_INFO_NULL), cannot);
    place.check(H5Pset_coll_metadata_write(list, options.collective_metadata), cannot);
  }
#else
  static_cast<void>(comm);
#endif
  return list;
}

// Attributes keep their order, and equal contents give equal files.
template <class List>
void keep_order(Place const& place, List const& list) {
  place.check(H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "cannot be set up");
  place.check(H5Pset_obj_track_times(list, false), "cannot be set up");
}

}  // namespace
}  // namespace hdf5

File::Impl::~Impl() {
  Quiet const quiet;
  if (writing && file.valid()) {  // not committed: make room for the headers that closing writes, lest that fails
    output.discard();
    try {
      comm.barrier();
    } catch (std::exception const&) {
    }
  }
  open.clear();
  links.close();
  file.close();
}

Handle File::Impl::object(Place const& place) const {
  return place.own(H5Oopen(file, place.object.c_str(), links), H5Oclose, "cannot be opened");
}

void File::Impl::reserve(std::size_t bytes) {
  // HDF5 does not tell a parallel file's size, so this is a sum of generous guesses; commit() cuts what is left over.
  constexpr std::size_t headers = 1 << 13, step = 1 << 18;
  promised += (options.chunk_bytes > 0 ? 2 : 1) * bytes + headers + 2 * options.alignment;
  if (promised <= reserved) return;
  reserved = promised + step;
  comm.guarded([&] {
    if (comm.is_root()) output.reserve(reserved);
  });
}

void File::Impl::make_group(Place const& place) {
  if (place.object == "/") return;
  make_group({place.where, place.file, hdf5::parent(place.object)});
  if (place.check(H5Lexists(file, place.object.c_str(), links), "cannot be looked up") > 0) return;
  Handle const list = place.own(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, "cannot be made");
  hdf5::keep_order(place, list);
  place.own(H5Gcreate2(file, place.object.c_str(), H5P_DEFAULT, list, H5P_DEFAULT), H5Gclose, "cannot be made");
}

void silence_hdf5() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

File::File(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;
File::~File() = default;

std::string const& File::path() const {
  return impl_->path;
}
comm::Communicator const& File::comm() const {
  return impl_->comm;
}

File File::open(std::string const& path, comm::Communicator const& comm, FileOptions const& options) {
  Quiet const quiet;
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->comm = comm;
  impl->options = options;
  Place const place = impl->place("krate::io::File::open");
  auto const own_open = [&](Handle const& access) {
    return place.own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), H5Fclose, "cannot be opened");
  };
  comm.guarded([&] {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) place.fail("there is no such file; check the path");
    if (!S_ISREG(status.st_mode)) place.fail("is not a regular file; name an HDF5 file");
    if (status.st_size == 0) place.fail("is empty; it was not written completely");
    impl->file_bytes = static_cast<std::size_t>(status.st_size);
    impl->links = hdf5::link_access(place);
    if (comm.is_root()) {  // alone first: what is wrong with the file is found without the other ranks
      htri_t const is_hdf5 = H5Fis_hdf5(path.c_str());
      if (is_hdf5 < 0) place.fail_hdf5("cannot be read");
      if (is_hdf5 == 0) place.fail("is not an HDF5 file; make one with 'krate data'");
      impl->file = own_open(hdf5::file_access(place, {}, options));
      place.own(H5Oopen(impl->file, "/", H5P_DEFAULT), H5Oclose, "has no readable root group");
    }
  });
  if (impl->parallel()) {
    impl->file.close();
    comm.guarded([&] { impl->file = own_open(hdf5::file_access(place, comm, options)); });
  }
  return File(std::move(impl));
}

File File::create(std::string const& path, comm::Communicator const& comm, FileOptions const& options) {
  Quiet const quiet;
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->comm = comm;
  impl->options = options;
  impl->writing = true;
  Place const place = impl->place("krate::io::File::create");
  comm.guarded([&] {
    require_value(options.compression >= 0 && options.compression <= 9, place.where, "compression", options.compression,
                  "must be 0 (off) to 9");
    require_value(options.compression == 0 || options.chunk_bytes > 0, place.where, "chunk_bytes", options.chunk_bytes,
                  "must be positive: only chunks can be compressed");
    impl->links = hdf5::link_access(place);
    if (!comm.is_root()) return;
    impl->output = AtomicPath(path);
    impl->output.reserve(1 << 16);
  });
  comm.guarded([&] {
    Handle const list = place.own(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "cannot be made");
    hdf5::keep_order(place, list);
    std::string const temporary = path + ".tmp";
    impl->file = place.own(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, list, hdf5::file_access(place, comm, options)),
                           H5Fclose, "cannot be made");
  });
  impl->reserve(0);
  return File(std::move(impl));
}

bool File::exists(std::string const& path) const {
  Quiet const quiet;
  std::string const whole = hdf5::normal(path);
  for (std::size_t end = 0; end < whole.size() && whole != "/";) {
    end = std::min(whole.find('/', end + 1), whole.size());
    Place const place = impl_->place("krate::io::File::exists", whole.substr(0, end));
    if (place.check(H5Lexists(impl_->file, place.object.c_str(), impl_->links), "cannot be looked up") == 0)
      return false;
    if (end < whole.size() && H5Iget_type(impl_->object(place)) != H5I_GROUP) return false;
  }
  return true;
}

bool File::is_group(std::string const& path) const {
  Quiet const quiet;
  return H5Iget_type(impl_->object(impl_->place("krate::io::File::is_group", hdf5::normal(path)))) == H5I_GROUP;
}

std::vector<std::string> File::list(std::string const& group) const {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::list", hdf5::normal(group));
  Handle const object = impl_->object(place);
  if (H5Iget_type(object) != H5I_GROUP) place.fail("is not a group");
  std::vector<std::string> names;
  auto const add = [](hid_t, char const* name, H5L_info_t const*, void* data) -> herr_t {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  place.check(H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "cannot be listed");
  return names;
}

DatasetInfo File::info(std::string const& dataset) const {
  Quiet const quiet;
  return impl_->dataset(impl_->place("krate::io::File::info", hdf5::normal(dataset))).info;
}

bool File::has_attribute(std::string const& object, std::string const& name) const {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::has_attribute", hdf5::normal(object));
  return place.check(H5Aexists(impl_->object(place), name.c_str()), "has no readable attributes") > 0;
}

Attribute File::attribute(std::string const& object, std::string const& name) const {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::attribute", hdf5::normal(object));
  Handle const opened = impl_->object(place);
  if (place.check(H5Aexists(opened, name.c_str()), "has no readable attributes") == 0) {
    place.fail("has no attribute '" + name + "'");
  }
  return hdf5::read_attribute({place.where, place.file, place.object + ": attribute '" + name + "'"}, opened, name);
}

Configuration File::attributes(std::string const& object) const {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::attributes", hdf5::normal(object));
  Handle const opened = impl_->object(place);
  std::vector<std::string> names;
  auto const add = [](hid_t, char const* name, H5A_info_t const*, void* data) -> herr_t {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  if (H5Aiterate2(opened, H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, add, &names) < 0) {
    names.clear();
    place.check(H5Aiterate2(opened, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "has no readable attributes");
  }
  Configuration result(place.file + ": " + place.object);
  for (auto const& name : names) {
    Place const here{place.where, place.file, place.object + ": attribute '" + name + "'"};
    Handle const attribute = here.own(H5Aopen(opened, name.c_str(), H5P_DEFAULT), H5Aclose, "cannot be opened");
    if (hdf5::is_readable(attribute)) result.set(name, hdf5::read_attribute(here, opened, name));
  }
  return result;
}

void File::commit() {
  Quiet const quiet;
  Place const place = impl_->place("krate::io::File::commit");
  require_value(impl_->writing && impl_->file.valid(), place.where, "file", path(), "is not being written");
  comm().guarded([&] { place.check(H5Fflush(impl_->file, H5F_SCOPE_GLOBAL), "cannot be written out"); });
  impl_->open.clear();
  comm().guarded([&] {
    if (!impl_->file.close()) place.fail_hdf5("cannot be closed");
  });
  comm().guarded([&] {
    if (!comm().is_root()) return;
    haddr_t end = 0;  // read back from the file: it can be opened, and the room reserved behind it goes
    Handle written = place.own(H5Fopen(impl_->output.temporary().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                               "cannot be read back");
    place.check(H5Fget_eoa(written, &end), "cannot be read back");
    written.close();
    impl_->output.commit(end);
  });
}

}  // namespace krate::io
