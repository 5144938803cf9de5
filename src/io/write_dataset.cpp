// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/shape.hpp"
#include "krate/core/require.hpp"
#include "krate/io/dataset.hpp"

namespace krate::io {
namespace {

constexpr char const* in_write_dataset = "krate::io::write_dataset";

struct Layout {
  char const *path, *axes;
  std::size_t rank;
};
Layout layout_of(SampleKind kind) {
  switch (kind) {
    case SampleKind::images:
      return {"/samples/images", "sample,channel,row,column", 3};
    case SampleKind::features:
      return {"/samples/features", "sample,feature", 1};
    default:
      return {"/samples/tokens", "sample,position", 1};
  }
}

// What this rank gives must be rows that Dataset::open accepts. Returns how many.
std::size_t check(DatasetContents const& c) {
  auto const shape_error = [](std::string const& what) { throw ShapeError(in_write_dataset, what); };
  std::size_t const size = product_of(c.sample_shape), width = product_of(c.label_shape);
  if (c.sample_shape.size() != layout_of(c.kind).rank || size == 0) {
    shape_error("sample_shape is " + krate::impl::shape_text(c.sample_shape) + ", expected one sample of '" +
                layout_of(c.kind).axes + "'");
  }
  std::size_t const count = std::visit([](auto const& s) { return s.size(); }, c.samples);
  if (count % size != 0) {
    shape_error(std::to_string(count) + " elements are no whole number of samples of " + std::to_string(size));
  }
  std::size_t const rows = count / size;
  if (width == 0 || (!c.labels.empty() && c.labels.size() != rows * width)) {
    shape_error(std::to_string(c.labels.size()) + " labels for " + std::to_string(rows) + " samples, expected " +
                std::to_string(width) + " each");
  }
  if (!c.split.empty() && c.split.size() != rows) {
    shape_error(std::to_string(c.split.size()) + " entries of split for " + std::to_string(rows) + " samples");
  }
  for (auto const* const list : {&c.scale, &c.bias}) {
    if (list->size() > 1 && list->size() != c.sample_shape[0]) {
      shape_error("scale or bias has " + std::to_string(list->size()) + " values, expected 1 or " +
                  std::to_string(c.sample_shape[0]));
    }
  }
  for (std::size_t i = 0; i < c.labels.size(); ++i) {
    bool const ignored = !c.label_shape.empty() && c.labels[i] == ignored_label;
    require_value(ignored || (c.labels[i] >= 0 && (c.classes == 0 || c.labels[i] < c.classes)), in_write_dataset,
                  ("label of row " + std::to_string(i / width)).c_str(), c.labels[i], "must lie in [0, classes)");
  }
  for (std::size_t i = 0; i < c.split.size(); ++i) {
    require_value(c.split[i] <= 1, in_write_dataset, ("split of row " + std::to_string(i)).c_str(), int(c.split[i]),
                  "must be 0 or 1");
  }
  std::visit(
      [&](auto const& samples) {
        using T = typename std::remove_cvref_t<decltype(samples)>::value_type;
        if constexpr (std::is_floating_point_v<T>) {
          auto const bad = std::find_if(samples.begin(), samples.end(), [](T x) { return !std::isfinite(x); });
          if (bad == samples.end()) return;
          auto const i = static_cast<std::size_t>(bad - samples.begin());
          throw NumericalError(in_write_dataset, "sample " + std::to_string(i / size) + " is " +
                                                     krate::impl::value_text(*bad) + " at position " +
                                                     std::to_string(i % size) + ", expected finite numbers");
        }
      },
      c.samples);
  return rows;
}

}  // namespace

void write_dataset(std::string const& path, comm::Communicator const& comm, DatasetContents const& c,
                   FileOptions const& options) {
  std::size_t rows = 0;
  comm.guarded([&] { rows = check(c); });
  std::vector<std::int64_t> counts(static_cast<std::size_t>(comm.size()), 0);  // rows of each rank
  counts[static_cast<std::size_t>(comm.rank())] = static_cast<std::int64_t>(rows);
  comm.all_reduce(std::span<std::int64_t>(counts));
  auto const total = static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), std::int64_t(0)));
  auto const begin =
      static_cast<std::size_t>(std::accumulate(counts.begin(), counts.begin() + comm.rank(), std::int64_t(0)));
  require_value(total > 0, in_write_dataset, "samples", total, "must be at least 1");
  bool const labels = comm.all_reduce<std::int64_t>(!c.labels.empty(), comm::Reduction::max) > 0;
  bool const split = comm.all_reduce<std::int64_t>(!c.split.empty(), comm::Reduction::max) > 0;
  comm.guarded([&] {
    if (rows > 0 && (labels == c.labels.empty() || split == c.split.empty())) {
      throw ValueError(in_write_dataset,
                       "some ranks give labels or split and others do not; give them for all samples or none");
    }
  });

  File file = File::create(path, comm, options);
  file.set_attributes("/", c.attributes);
  Layout const layout = layout_of(c.kind);
  std::vector<std::size_t> shape = c.sample_shape;
  shape.insert(shape.begin(), total);
  std::visit(
      [&](auto const& samples) {
        using T = std::remove_const_t<typename std::remove_cvref_t<decltype(samples)>::element_type>;
        file.write<T>(layout.path, shape, begin, rows, samples);
      },
      c.samples);
  Configuration attributes;
  attributes.set("axes", c.axes.empty() ? Attribute(std::string(layout.axes)) : Attribute(c.axes));
  if (!c.description.empty()) attributes.set("description", c.description);
  if (!c.units.empty()) attributes.set("units", c.units);
  if (!c.scale.empty()) attributes.set("scale", c.scale.size() == 1 ? Attribute(c.scale[0]) : Attribute(c.scale));
  if (!c.bias.empty()) attributes.set("bias", c.bias.size() == 1 ? Attribute(c.bias[0]) : Attribute(c.bias));
  file.set_attributes(layout.path, attributes);
  if (labels) {
    std::vector<std::size_t> label_shape = c.label_shape;
    label_shape.insert(label_shape.begin(), total);
    file.write<Label>("/labels", label_shape, begin, rows, c.labels);
    if (c.classes > 0) file.set_attribute("/labels", "classes", c.classes);
  }
  if (split) file.write<std::uint8_t>("/split", {total}, begin, rows, c.split);
  file.commit();
}

}  // namespace krate::io
