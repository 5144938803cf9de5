// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/hdf5.hpp"

#include <nlohmann/json.hpp>
#include "krate/linalg/fetch.hpp"
#include "krate/nn/cross_entropy.hpp"
#include "krate/train/redunet_file.hpp"
#include "tools/redunet.hpp"
#include "tools/redunet_samples.hpp"

namespace krate::tools {

namespace {

/// What went through the model on this rank, and where it stands among the chosen samples of all ranks.
template <class T>
struct RedunetOutputs {
  RedunetRows<T> samples;  ///< z: features behind the last layer
  decltype(samples.z) logits;
  comm::Share share;
  std::size_t total;
};

template <class T>
RedunetOutputs<T> run_model(Context& context, io::CheckpointReader const& file, io::Dataset const& data,
                            std::vector<std::size_t> const& rows, std::size_t batch, bool labelled) {
  Space const& space = context.space();
  auto const& comm = context.comm();
  auto const model = train::load_redunet<Space, T>(space, file);
  auto const& c = model.config();
  auto const& about = data.description();
  if (about.sample_size() != c.dim) {
    throw ShapeError("krate::model", "the dataset's samples have " + std::to_string(about.sample_size()) +
                                         " numbers, but the model takes " + std::to_string(c.dim) +
                                         "; use a dataset of that size");
  }
  if (labelled && static_cast<std::size_t>(about.classes) > c.classes) {
    throw ValueError("krate::model", "the dataset has " + std::to_string(about.classes) + " classes, but the model " +
                                         std::to_string(c.classes) + "; use the dataset that it was trained on");
  }
  auto const part = mine(comm, rows);
  using Logits = decltype(RedunetOutputs<T>::logits);
  RedunetOutputs<T> const out{
      RedunetRows<T>(space, data.load(), part),
      Logits(Kokkos::view_alloc(space, "krate::tools::redunet::logits"), part.size(), c.classes),
      comm::share_of(rows.size(), comm.rank(), comm.size()), rows.size()};
  Arena<Space> arena(space, model.workspace(batch), "krate::tools::redunet");
  for (std::size_t begin = 0; begin < part.size(); begin += batch) {
    std::size_t const count = std::min(batch, part.size() - begin);
    model.forward(space, Matrix<T, Space>(&out.samples.z(begin, 0), count, c.dim), arena.workspace(),
                  Matrix<T, Space>(&out.logits(begin, 0), count, c.classes));
  }
  space.fence("krate::tools::redunet: the model has run");
  return out;
}

/// Calls `use(RedunetOutputs<T>)`, T as the model's parameters are stored.
template <class Use>
void with_outputs(Context& context, ModelArguments const& arguments, bool labelled, Use const& use) {
  require_value(arguments.batch > 0, "krate::model", "--batch", arguments.batch, "must be positive");
  io::CheckpointReader const file(arguments.model, context.comm());
  auto const data = open_as_rows(arguments.data, context.comm());
  if (labelled) data.require_labels();
  auto const subset = !arguments.split.empty()         ? io::subset_of(arguments.split)
                      : data.description().has_split() ? io::Subset::test
                                                       : io::Subset::all;
  auto const rows = data.indices(subset);
  require_value(!rows.empty(), "krate::model", "samples", 0, "must be at least one in the chosen part of the dataset");
  auto const names = file.tensors("/model");
  auto const batch = static_cast<std::size_t>(arguments.batch);
  if (!names.empty() && file.info("/model/" + names.front()).element_bytes == sizeof(double)) {
    use(run_model<double>(context, file, data, rows, batch, labelled));
  } else {
    use(run_model<float>(context, file, data, rows, batch, labelled));
  }
}

template <class V>
auto on_host(Space const& space, V const& v) {
  std::vector<typename V::value_type> values(v.size());
  Kokkos::View<typename V::value_type**, Kokkos::LayoutRight, Kokkos::HostSpace, impl::Unmanaged> const host(
      values.data(), v.extent(0), v.extent(1));
  Kokkos::deep_copy(space, host, v);
  space.fence("krate::tools::redunet: outputs are read");
  return values;
}

}  // namespace

bool is_redunet(Context& context, std::string const& model) {
  return io::CheckpointReader(model, context.comm()).model() == "redunet";
}

train::Evaluation eval_redunet(Context& context, ModelArguments const& arguments) {
  train::Evaluation found;
  with_outputs(context, arguments, true, [&](auto const& out) {
    Space const& space = context.space();
    auto const bytes = [](auto& work) {
      work.template take<double>();
      work.template take<std::int64_t>();
    };
    Arena<Space> arena(space, measure<Space>(bytes) + cross_entropy_workspace(out.share.count));
    auto work = arena.workspace();
    auto const loss = work.template take<double>();
    auto const correct = work.template take<std::int64_t>();
    cross_entropy(space, out.logits, out.samples.labels, {}, work, loss, correct);
    double const sum = fetch(space, loss, "krate::tools::redunet: loss is read");
    std::int64_t const right = fetch(space, correct, "krate::tools::redunet: accuracy is read");
    found.samples = static_cast<std::int64_t>(out.total);
    found.correct = context.comm().all_reduce(right);
    found.loss = context.comm().all_reduce(sum) / static_cast<double>(out.total);
  });
  return found;
}

void predict_redunet(Context& context, ModelArguments const& arguments, std::string const& output) {
  with_outputs(context, arguments, false, [&](auto const& out) {
    using T = typename std::decay_t<decltype(out.logits)>::value_type;
    auto const logits = on_host(context.space(), out.logits), features = on_host(context.space(), out.samples.z);
    auto file = io::File::create(output, context.comm());
    file.template write<T>("/logits", {out.total, out.logits.extent(1)}, out.share.begin, out.share.count, logits);
    file.template write<T>("/features", {out.total, out.samples.z.extent(1)}, out.share.begin, out.share.count,
                           features);
    file.commit();
    context.print(output + ": logits and features of " + std::to_string(out.total) + " samples");
    if (context.json()) context.print_json({{"path", output}, {"samples", out.total}});
  });
}

}  // namespace krate::tools
