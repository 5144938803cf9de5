// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "krate/core/compat.hpp"
#include "krate/core/parameters.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::io {

/// A tensor in host memory, row-major; T may be const.
template <class T>
struct TensorView {
  std::string name;  ///< path below its group: "blocks/00/mssa/projection"
  std::vector<std::size_t> shape;
  std::span<T> data;
};

/// The newest format_version that this krate reads, and the one it writes.
inline constexpr std::int64_t checkpoint_version = 1;

/// Model files, checkpoints and imported files are one format:
///
/// * `/` attributes format = "krate-checkpoint", format_version, krate_version, git_commit, created_utc, complete;
/// * `/config` attributes: model and every hyper-parameter;
/// * `/model/NAME` parameters in their training precision, each with a `checksum`;
/// * `/optimizer/RULE/STATE/NAME` the same tensors' optimizer state (checkpoints only);
/// * `/train` attributes: step, epoch, seed, …: all that resuming needs (checkpoints only).
///
/// The file appears in one step at commit(); the number of ranks is no part of it. All members are collective.
class CheckpointWriter {
 public:
  CheckpointWriter(std::string const& path, comm::Communicator const& comm, Configuration const& config,
                   FileOptions const& options = {});

  /// A tensor that every rank holds in full, below `group` ("/model", "/optimizer/adamw/first_moment"). float or
  /// double.
  template <class T>
  void write(std::string const& group, TensorView<T> const& tensor) {
    write_tensor<std::remove_const_t<T>>(group, tensor.name, tensor.shape, tensor.data);
  }
  void write_train(Configuration const& train) { file_.set_attributes("/train", train); }
  /// @throws IoError and leaves nothing behind if the file cannot be finished
  void commit();

  comm::Communicator const& comm() const { return file_.comm(); }

 private:
  template <class T>
  void write_tensor(std::string const& group, std::string const& name, std::vector<std::size_t> const& shape,
                    std::span<T const> data);
  File file_;
};

/// Reads such files. Names that are not asked for are ignored, what is missing throws with its path.
/// @throws IoError for files that are not whole checkpoints, or were written by a newer krate
class CheckpointReader {
 public:
  /// Collective.
  explicit CheckpointReader(std::string const& path, comm::Communicator const& comm = {});

  std::string const& path() const { return file_.path(); }
  comm::Communicator const& comm() const { return file_.comm(); }
  Configuration const& about() const { return about_; }    ///< root attributes
  Configuration const& config() const { return config_; }  ///< of /config
  std::string model() const { return config_.get<std::string>("model"); }
  /// @throws ValueError naming both models
  void require_model(std::string const& expected) const;
  /// Of /train. @throws IoError if the file is a model file, which has no training state
  Configuration train() const;
  bool has(std::string const& path) const { return file_.exists(path); }
  /// Names of tensors below a group, sorted.
  std::vector<std::string> tensors(std::string const& group) const;
  DatasetInfo info(std::string const& path) const { return file_.info(path); }

  /// Collective: every rank gets the tensor; float files serve double models and the other way round.
  /// @throws IoError if it is missing or its checksum is wrong; ShapeError naming both shapes
  template <class T>
  void read(std::string const& group, TensorView<T> const& tensor) const {
    read_tensor<T>(group, tensor.name, tensor.shape, tensor.data);
  }
  /// Collective: reads every tensor and compares its checksum. @throws IoError
  void verify() const;

 private:
  template <class T>
  void read_tensor(std::string const& group, std::string const& name, std::vector<std::size_t> const& shape,
                   std::span<T> data) const;
  File file_;
  Configuration about_, config_;
};

/// "step-00000100.h5"
std::string checkpoint_name(std::int64_t step);
/// Paths of the checkpoints in a directory, newest (largest step) first; other files are left out. None if it is no
/// directory.
std::vector<std::string> list_checkpoints(std::string const& directory);

struct NewestCheckpoint {
  std::optional<std::string> path;
  std::vector<std::string> skipped;  ///< newer ones that are damaged: their errors, one line each
};
/// Collective: the newest checkpoint that verifies.
NewestCheckpoint newest_good_checkpoint(std::string const& directory, comm::Communicator const& comm = {});

namespace impl {

/// Calls `use(name, shape, host span)` for each tensor of `list` whose values stand in the flat buffer `flat(i)`; on a
/// device they are staged through host memory, which is copied back after `use` where `back` says so.
template <class Space, class T, class Flat, class Use>
void for_each_on_host(Space const& space, ParameterList<Space, T> const& list, Flat const& flat, bool back,
                      Use const& use) {
  space.fence("krate::io: parameters are read by the host");
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    Parameter const& p = list.entries()[i];
    Vector<T, Space> const values = flat(i);
    if constexpr (krate::impl::is_device<Space>) {
      Kokkos::View<T*, Kokkos::HostSpace> const host(
          Kokkos::view_alloc(Kokkos::WithoutInitializing, "krate::io::stage"), p.size);
      if (!back) Kokkos::deep_copy(space, host, values);
      space.fence("krate::io: staged on the host");
      use(p.name, p.shape, std::span<T>(host.data(), p.size));
      if (back) Kokkos::deep_copy(space, values, host);
      space.fence("krate::io: staging ends");
    } else {
      use(p.name, p.shape, std::span<T>(values.data(), p.size));
    }
  }
}

template <class Space, class T>
auto flat_state(ParameterList<Space, T> const& list, Vector<T, Space> const& state) {
  require_value(state.size() == list.length(), "krate::io: optimizer state", "state.size()", state.size(),
                "must equal the length of the parameter list");
  return [&list, state](std::size_t i) {
    Parameter const& p = list.entries()[i];
    return Vector<T, Space>(state.data() + p.offset, p.size);
  };
}

}  // namespace impl

/// Collective: all values of a parameter list, to and from `/model`.
/// @throws IoError; reading also ShapeError where a tensor of the file has another shape
/// @note allocates: on devices, host memory for one tensor; fences: yes
template <class Space, class T>
void save_parameters(Space const& space, ParameterList<Space, T> const& list, CheckpointWriter& to) {
  impl::for_each_on_host(
      space, list, [&](std::size_t i) { return list.value(i); }, false,
      [&](auto const& name, auto const& shape, std::span<T> data) {
        to.write<T const>("/model", {name, shape, data});
      });
}
template <class Space, class T>
void load_parameters(Space const& space, CheckpointReader const& from, ParameterList<Space, T> const& list) {
  impl::for_each_on_host(
      space, list, [&](std::size_t i) { return list.value(i); }, true,
      [&](auto const& name, auto const& shape, std::span<T> data) {
        from.read<T>("/model", {name, shape, data});
      });
}

/// Collective: one flat state of an optimizer (as long as the list), to and from `/optimizer/RULE/STATE`.
/// @throws IoError; ValueError if the state has another length than the list; reading also ShapeError
/// @note allocates: on devices, host memory for one tensor; fences: yes
template <class Space, class T>
void save_state(Space const& space, ParameterList<Space, T> const& list, std::string const& rule,
                std::string const& state, std::type_identity_t<Vector<T, Space>> const& flat, CheckpointWriter& to) {
  impl::for_each_on_host(space, list, impl::flat_state(list, flat), false,
                         [&](auto const& name, auto const& shape, std::span<T> data) {
                           to.write<T const>("/optimizer/" + rule + "/" + state, {name, shape, data});
                         });
}
template <class Space, class T>
void load_state(Space const& space, CheckpointReader const& from, ParameterList<Space, T> const& list,
                std::string const& rule, std::string const& state, std::type_identity_t<Vector<T, Space>> const& flat) {
  impl::for_each_on_host(space, list, impl::flat_state(list, flat), true,
                         [&](auto const& name, auto const& shape, std::span<T> data) {
                           from.read<T>("/optimizer/" + rule + "/" + state, {name, shape, data});
                         });
}

}  // namespace krate::io
