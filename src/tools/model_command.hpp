// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the commands share that run a trained model over a dataset: eval, predict, analyze.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "krate/core/arena.hpp"
#include "krate/io/checkpoint.hpp"
#include "krate/io/dataset.hpp"
#include "krate/models/causal_crate.hpp"
#include "krate/models/crate_bert.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/models/tost.hpp"
#include "krate/models/tost_causal.hpp"
#include "krate/models/vit.hpp"
#include "krate/train/inference.hpp"
#include "tools/context.hpp"
#include "tools/model_source.hpp"

namespace krate::tools {

struct ModelArguments {
  std::string model, data, split;
  std::int64_t batch = 128;
};

/// The positional model file, --data, --batch and, where `splits`, --split.
void add_model_arguments(cli::App& command, ModelArguments& arguments, bool splits);

/// Rows of a dataset: those that a command is about, and those that classifiers on features learn from.
struct ChosenRows {
  std::vector<std::size_t> samples, reference{};
};

/// A model and the chosen samples of a dataset, ready to run: the samples are the train part of the source, those to
/// learn from the test part. Compiled once, for all models (model_on_data.cpp).
template <class Model>
struct ModelOnData {
  using T = typename Model::Scalar;
  Space const& space;
  comm::Communicator const& comm;
  Model model;
  DataSourceOf<Model> source;
  std::size_t batch;
  Arena<Space> arena;
  train::Inference<Model> inference;

  ModelOnData(Space const& on, comm::Communicator const& ranks, io::SampleTable table, ChosenRows rows, bool labelled,
              io::CheckpointReader const& file, std::size_t batch_size);
  ~ModelOnData();

  /// This rank's samples, positions among those chosen.
  std::vector<std::size_t> mine() const;
};

/// Families of models that these commands run: classifiers with blocks of attention and sparse coding, those and other
/// models with a class token, models that project tokens once for each head, and all.
template <class T>
using CrateModels = std::tuple<models::Crate<Space, T>, models::CrateAlpha<Space, T>>;
template <class T>
using ClassTokenModels = std::tuple<models::Crate<Space, T>, models::CrateAlpha<Space, T>, models::CrateMae<Space, T>,
                                    models::Tost<Space, T>>;
template <class T>
using LayerModels = std::tuple<models::Crate<Space, T>, models::CrateAlpha<Space, T>, models::CrateMae<Space, T>,
                               models::CausalCrate<Space, T>, models::CrateBert<Space, T>, models::Tost<Space, T>,
                               models::TostCausal<Space, T>>;
template <class T>
using ImageModels =
    std::tuple<models::Crate<Space, T>, models::CrateAlpha<Space, T>, models::Mlp<Space, T>, models::Vit<Space, T>>;
template <class T>
using AllModels =
    std::tuple<models::Crate<Space, T>, models::CrateAlpha<Space, T>, models::CrateMae<Space, T>, models::Mlp<Space, T>,
               models::CausalCrate<Space, T>, models::CrateBert<Space, T>, models::Tost<Space, T>,
               models::TostCausal<Space, T>, models::Vit<Space, T>, models::Gpt2<Space, T>>;

/// @throws ValueError for a CRATE with a half of an ordinary transformer: what looks at subspaces and codes finds none
inline void require_crate_blocks(io::CheckpointReader const& file) {
  for (auto const& [half, ours] : {std::pair{"attention", "mssa"}, {"feed_forward", "ista"}}) {
    if (!file.config().has(half) || file.config().get<std::string>(half) == ours) continue;
    throw ValueError("krate::model", file.path() + " is a crate with " + half + " = " +
                                         file.config().get<std::string>(half) + " (this looks at " + ours +
                                         "); take a model without it");
  }
}

/// Calls `use(ModelOnData<Model>&)`, Model of the family and with the scalar that the file's parameters are stored in.
/// Collective. @throws ValueError if the file holds none of the families
template <template <class> class Families, class Use>
void with_model_on(Space const& space, comm::Communicator const& comm, io::SampleTable table, ChosenRows rows,
                   bool labelled, io::CheckpointReader const& file, std::size_t batch, Use const& use) {
  using Chosen = Families<float>;
  if constexpr (std::is_same_v<Chosen, CrateModels<float>> || std::is_same_v<Chosen, ClassTokenModels<float>> ||
                std::is_same_v<Chosen, LayerModels<float>>)
    require_crate_blocks(file);
  auto const names = file.tensors("/model");
  bool const wide = !names.empty() && file.info("/model/" + names.front()).element_bytes == sizeof(double);
  auto const run_if = [&]<class Model>(Model const*, bool chosen) {
    if (!chosen) return false;
    ModelOnData<Model> run(space, comm, std::move(table), std::move(rows), labelled, file, batch);
    use(run);
    return true;
  };
  auto const run_one_of = [&]<class... Models>(std::tuple<Models...> const*, bool chosen) {
    return (run_if(static_cast<Models const*>(nullptr), chosen && file.model() == Models::name) || ...);
  };
  if (run_one_of(static_cast<Families<double> const*>(nullptr), wide)) return;
  if (run_one_of(static_cast<Families<float> const*>(nullptr), !wide)) return;
  auto const names_of = []<class... Models>(std::tuple<Models...> const*) {
    std::string known;
    ((known += (known.empty() ? "" : ", ") + std::string(Models::name)), ...);
    return known;
  };
  throw ValueError("krate::model", file.path() + ": holds a model '" + file.model() + "' (this works on " +
                                       names_of(static_cast<Chosen const*>(nullptr)) + "); name a model of these");
}

/// The same for what a command was given. Collective.
/// @param labelled  the samples must have labels, but those of a masked autoencoder
template <template <class> class Families, class Use>
void with_model(Context& context, ModelArguments const& arguments, bool labelled, Use const& use) {
  require_value(arguments.batch > 0, "krate::model", "--batch", arguments.batch, "must be positive");
  io::CheckpointReader const file(arguments.model, context.comm());
  auto const data = io::Dataset::open(arguments.data, context.comm());
  bool const needs_labels = labelled && file.model() != models::CrateMae<Space, float>::name;
  if (needs_labels) data.require_labels();
  bool const has_split = data.description().has_split();
  auto const subset =
      arguments.split.empty() ? (has_split ? io::Subset::test : io::Subset::all) : io::subset_of(arguments.split);
  ChosenRows rows{data.indices(subset), data.indices(io::Subset::train)};
  require_value(!rows.samples.empty(), "krate::model", "samples", 0,
                "must be at least one in the chosen part of the dataset");
  with_model_on<Families>(context.space(), context.comm(), data.load(), std::move(rows), needs_labels, file,
                          static_cast<std::size_t>(arguments.batch), use);
}

}  // namespace krate::tools
