// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

#include "krate/core/require.hpp"

namespace krate::io {
namespace {

constexpr char const* where_open = "krate::io::Dataset::open";
constexpr char const* sample_paths[] = {"/samples/images", "/samples/features", "/samples/tokens"};

[[noreturn]] void fail(std::string const& file, std::string const& path, std::string const& what) {
  throw IoError(where_open, file + ": " + path + ": " + what);
}

// One value or one a channel, all finite.
std::vector<double> per_channel(File const& file, std::string const& path, char const* name, std::size_t channels,
                                double otherwise) {
  if (!file.has_attribute(path, name)) return {otherwise};
  Configuration values(file.path() + ": " + path);
  values.set(name, file.attribute(path, name));
  auto found = values.get<std::vector<double>>(name);
  if (found.size() != 1 && found.size() != channels) {
    fail(file.path(), path,
         std::string("attribute '") + name + "' has " + std::to_string(found.size()) + " values, expected 1 or " +
             std::to_string(channels) + " (one a channel)");
  }
  for (double const x : found) {
    if (!std::isfinite(x)) fail(file.path(), path, std::string("attribute '") + name + "' is not finite");
  }
  return found;
}

std::string text_attribute(File const& file, std::string const& path, char const* name) {
  if (!file.has_attribute(path, name)) return {};
  auto const value = file.attribute(path, name);
  auto const* const text = std::get_if<std::string>(&value);
  return text ? *text : std::string();
}

// The first element of `values`, rows of `width`, that is NaN or infinite, as an error.
template <class T>
void check_finite(std::string const& where, std::span<T const> values, std::size_t width, std::size_t first_row) {
  if constexpr (std::is_floating_point_v<T>) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      throw NumericalError(where, "sample " + std::to_string(first_row + i / width) + " is " +
                                      krate::impl::value_text(values[i]) + " at position " + std::to_string(i % width) +
                                      ", expected finite numbers; clean the data");
    }
  }
}

// Collective: calls `work(begin, rows)` as often on every rank, so that it may be collective too: this rank's share of
// `total` rows in blocks. An exception of `work` waits for the end.
template <class Work>
void for_each_block(comm::Communicator const& comm, std::size_t total, std::size_t block, Work const& work) {
  comm::Share const mine = comm::share_of(total, comm.rank(), comm.size());
  std::size_t const longest = comm::share_of(total, 0, comm.size()).count;
  for (std::size_t done = 0; done < longest; done += block) {
    std::size_t const at = std::min(done, mine.count);
    work(mine.begin + at, std::min(block, mine.count - at));
  }
}

}  // namespace

Dataset Dataset::open(std::string const& path, comm::Communicator const& comm, DatasetOptions const& options) {
  Dataset data(File::open(path, comm), options);
  comm.guarded([&] {
    data.description_.origin = path;
    data.describe_samples();
    data.describe_labels();
  });
  data.read_split();
  if (data.description_.has_labels) data.check_labels();
  return data;
}

void Dataset::describe_samples() {
  std::string& at = options_.samples;
  for (char const* const path : sample_paths) {
    if (at.empty() && file_.exists(path)) at = path;
  }
  if (at.empty())
    fail(file_.path(), "/samples", "holds neither images, features nor tokens; see the dataset format in the README");
  if (!file_.exists(at)) fail(file_.path(), at, "there is no such dataset; name one that is there");
  samples_ = file_.info(at);
  auto const& shape = samples_.shape;
  if (samples_.element != ElementClass::integer && samples_.element != ElementClass::floating) {
    fail(file_.path(), at, "holds no numbers, expected integers or floating numbers");
  }
  std::string const name = at.substr(at.find_last_of('/') + 1);
  bool const tokens = name == "tokens" && !options_.as_features;
  bool const images = !options_.as_features && (name == "images" || (name != "features" && shape.size() == 4));
  std::size_t const rank = images ? 4 : 2;
  if (options_.as_features ? shape.size() < 2 : shape.size() != rank) {
    fail(file_.path(), at,
         "has shape " + krate::impl::shape_text(shape) + ", expected " +
             (images   ? "[samples, channels, rows, columns]"
              : tokens ? "[samples, positions]"
                       : "[samples, features]"));
  }
  if (samples_.size() == 0)
    fail(file_.path(), at,
         "has shape " + krate::impl::shape_text(shape) + ", so there are no samples; give at least one");
  DatasetDescription& d = description_;
  d.kind = images ? SampleKind::images : tokens ? SampleKind::tokens : SampleKind::features;
  d.samples = shape[0];
  d.sample_shape.assign(shape.begin() + 1, shape.end());
  if (options_.as_features) d.sample_shape = {samples_.row_size()};
  d.axes = text_attribute(file_, at, "axes");
  d.description = text_attribute(file_, at, "description");
  d.units = text_attribute(file_, at, "units");
  if (tokens) {
    if (samples_.element != ElementClass::integer)
      fail(file_.path(), at, "holds floating numbers, expected integers (tokens)");
    return;
  }
  d.scale = per_channel(file_, at, "scale", shape[1], samples_.is_uint8() ? 1.0 / 255 : 1.0);
  d.bias = per_channel(file_, at, "bias", shape[1], 0.0);
}

void Dataset::describe_labels() {
  DatasetDescription& d = description_;
  std::string& at = options_.labels;
  if (at.empty()) {
    if (!file_.exists("/labels")) return;
    at = "/labels";
  } else if (!file_.exists(at)) {
    fail(file_.path(), at, "there is no such dataset; name one that is there");
  }
  labels_ = file_.info(at);
  if (labels_.element != ElementClass::integer && labels_.element != ElementClass::floating) {
    fail(file_.path(), at, "holds no numbers, expected integer labels");
  }
  bool const one_a_position = d.kind == SampleKind::tokens && labels_.shape.size() == 2;
  if (labels_.rows() != d.samples || (labels_.shape.size() != 1 && !one_a_position) || labels_.row_size() == 0) {
    fail(file_.path(), at,
         "has shape " + krate::impl::shape_text(labels_.shape) + ", expected [" + std::to_string(d.samples) +
             "] (one label a sample of " + options_.samples + ")");
  }
  if (one_a_position) d.label_shape = {labels_.shape[1]};
  d.has_labels = true;
  if (!file_.has_attribute(at, "classes")) return;
  Configuration values(file_.path() + ": " + at);
  values.set("classes", file_.attribute(at, "classes"));
  d.classes = values.get<std::int64_t>("classes");
  if (d.classes < 1 || d.classes > std::numeric_limits<Label>::max()) {
    fail(file_.path(), at, "attribute 'classes' is " + std::to_string(d.classes) + ", expected at least 1");
  }
}

void Dataset::check_labels() {
  comm::Communicator const& comm = file_.comm();
  std::size_t const width = description_.label_size(), block = std::max<std::size_t>(1, (std::size_t(1) << 20) / width);
  std::int64_t const limit = description_.classes > 0 ? description_.classes : std::numeric_limits<Label>::max();
  std::int64_t largest = -1;
  std::string wrong;  // the first on this rank
  std::vector<double> values;
  for_each_block(comm, description_.samples, block, [&](std::size_t begin, std::size_t rows) {
    values.resize(rows * width);
    file_.read<double>(options_.labels, begin, rows, values);
    for (std::size_t i = 0; i < values.size() && wrong.empty(); ++i) {
      double const x = values[i];
      if (!description_.label_shape.empty() && x == ignored_label) continue;
      if (!(x >= 0 && x < static_cast<double>(limit) && x == std::floor(x))) {
        wrong = "label " + krate::impl::value_text(x) + " of row " + std::to_string(begin + i / width) +
                (width > 1 ? ", position " + std::to_string(i % width) : "") + " is not an integer in [0, " +
                (description_.classes > 0 ? std::to_string(limit) + ") (its attribute 'classes')" : "2^31)") +
                "; correct the labels";
        continue;
      }
      largest = std::max(largest, static_cast<std::int64_t>(x));
    }
  });
  comm.guarded([&] {
    if (!wrong.empty()) fail(file_.path(), options_.labels, wrong);
  });
  largest = comm.all_reduce(largest, comm::Reduction::max);
  if (description_.classes == 0) description_.classes = std::max<std::int64_t>(largest + 1, 1);
}

void Dataset::read_split() {
  bool present = false;
  file_.comm().guarded([&] {
    present = file_.exists("/split");
    if (!present) return;
    DatasetInfo const info = file_.info("/split");
    if (info.element != ElementClass::integer || info.shape != std::vector<std::size_t>{description_.samples}) {
      fail(file_.path(), "/split",
           "has shape " + krate::impl::shape_text(info.shape) + ", expected integers of shape [" +
               std::to_string(description_.samples) + "] (one a sample)");
    }
    description_.split.resize(description_.samples);
  });
  if (!present) return;
  auto const values = file_.read_all<std::int64_t>("/split");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0 && values[i] != 1) {
      fail(file_.path(), "/split",
           "is " + std::to_string(values[i]) + " for row " + std::to_string(i) + ", expected 0 (train) or 1 (test)");
    }
    description_.split[i] = static_cast<std::uint8_t>(values[i]);
  }
}

template <class T>
void Dataset::read_rows(std::size_t begin, std::size_t count, std::type_identity_t<std::span<T>> out) const {
  file_.read<T>(options_.samples, begin, count, out);
  file_.comm().guarded([&] {
    std::size_t const size = description_.sample_size();
    check_finite<T>("krate::io::Dataset::read_rows: " + file_.path() + ": " + options_.samples, out, size, begin);
    std::size_t const per_scale = size / description_.scale.size(), per_bias = size / description_.bias.size();
    for (std::size_t i = 0; i < out.size(); ++i) {
      double const scale = description_.scale[i % size / per_scale], bias = description_.bias[i % size / per_bias];
      out[i] = static_cast<T>(static_cast<double>(out[i]) * scale + bias);
    }
  });
}
template void Dataset::read_rows<float>(std::size_t, std::size_t, std::span<float>) const;
template void Dataset::read_rows<double>(std::size_t, std::size_t, std::span<double>) const;

void Dataset::read_labels(std::size_t begin, std::size_t count, std::span<Label> out) const {
  require_labels();
  std::vector<double> values(out.size());
  file_.read<double>(options_.labels, begin, count, values);  // whatever their type; exact below 2^53
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Label>(values[i]);
}

SampleTable Dataset::load() const {
  comm::Communicator const& comm = file_.comm();
  std::size_t const size = description_.sample_size();
  comm::Share const mine = comm::share_of(description_.samples, comm.rank(), comm.size());
  // This rank's share of `width` elements a row into its place of `all`, then everyone's.
  auto const gather = [&](auto& all, std::size_t width, auto const& read_share) {
    using T = typename std::remove_reference_t<decltype(all)>::value_type;
    comm.guarded([&] {
      try {
        all.resize(description_.samples * width);
      } catch (std::exception const&) {
        throw IoError("krate::io::Dataset::load", file_.path() + ": needs " +
                                                      std::to_string(description_.samples * width * sizeof(T)) +
                                                      " bytes of memory, which this machine does not have");
      }
    });
    std::span<T> const share = std::span<T>(all).subspan(mine.begin * width, mine.count * width);
    read_share(share);
    std::vector<std::size_t> counts;
    for (int r = 0; r < comm.size(); ++r) {
      counts.push_back(comm::share_of(description_.samples, r, comm.size()).count * width * sizeof(T));
    }
    if (comm.size() > 1) comm.all_gather(std::as_bytes(share), std::as_writable_bytes(std::span<T>(all)), counts);
  };
  SampleTable::Storage samples;
  auto const gather_samples = [&](auto all) {
    using T = typename decltype(all)::value_type;
    gather(all, size, [&](std::span<T> share) {
      file_.read<T>(options_.samples, mine.begin, mine.count, share);
      comm.guarded([&] {
        std::string const where = "krate::io::Dataset::load: " + file_.path() + ": " + options_.samples;
        check_finite<T>(where, share, size, mine.begin);
        if (description_.kind != SampleKind::tokens) return;
        auto const bad = std::find_if(share.begin(), share.end(), [](T x) { return x < 0; });
        if (bad == share.end()) return;
        auto const i = static_cast<std::size_t>(bad - share.begin());
        throw IoError("krate::io::Dataset::load", file_.path() + ": " + options_.samples + ": the token of row " +
                                                      std::to_string(mine.begin + i / size) + ", position " +
                                                      std::to_string(i % size) + " is negative, expected 0 or more");
      });
    });
    samples = std::move(all);
  };
  bool const exact_in_float = samples_.element_bytes <= (samples_.element == ElementClass::floating ? 4 : 2);
  if (samples_.is_uint8())
    gather_samples(std::vector<std::uint8_t>());
  else if (description_.kind == SampleKind::tokens)
    gather_samples(std::vector<std::int32_t>());
  else if (exact_in_float)
    gather_samples(std::vector<float>());
  else
    gather_samples(std::vector<double>());
  std::vector<Label> labels;
  if (description_.has_labels) {
    gather(labels, description_.label_size(),
           [&](std::span<Label> share) { read_labels(mine.begin, mine.count, share); });
  }
  return SampleTable(description_, std::move(samples), std::move(labels));
}

}  // namespace krate::io
