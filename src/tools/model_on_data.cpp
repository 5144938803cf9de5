// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <numeric>

#include "krate/train/model_file.hpp"
#include "tools/model_command.hpp"
#include "tools/model_source.hpp"

namespace krate::tools {

template <class Model>
ModelOnData<Model>::ModelOnData(Space const& on, comm::Communicator const& ranks, io::SampleTable table,
                                ChosenRows rows, bool labelled, io::CheckpointReader const& file,
                                std::size_t batch_size)
    : space(on),
      comm(ranks),
      model(train::load_model<Model>(space, file)),
      source(source_for<Model>(std::move(table), model.config(), labelled)),
      batch(batch_size),
      arena(space, train::Inference<Model>::bytes(model, batch), "krate::tools::arena"),
      inference(model, batch, arena.workspace()) {
  require_fit<Model>(source, model.config(), labelled);
  source.select(std::move(rows.samples), std::move(rows.reference));
}

template <class Model>
ModelOnData<Model>::~ModelOnData() = default;

template <class Model>
std::vector<std::size_t> ModelOnData<Model>::mine() const {
  auto const share = comm::share_of(source.size(train::Part::train), comm.rank(), comm.size());
  std::vector<std::size_t> samples(share.count);
  std::iota(samples.begin(), samples.end(), share.begin);
  return samples;
}

#define KRATE_MODEL_ON_DATA(Model)                          \
  template struct ModelOnData<models::Model<Space, float>>; \
  template struct ModelOnData<models::Model<Space, double>>;
KRATE_MODEL_ON_DATA(Crate)
KRATE_MODEL_ON_DATA(CrateAlpha)
KRATE_MODEL_ON_DATA(CrateMae)
KRATE_MODEL_ON_DATA(Mlp)
KRATE_MODEL_ON_DATA(CausalCrate)
KRATE_MODEL_ON_DATA(CrateBert)
KRATE_MODEL_ON_DATA(Tost)
KRATE_MODEL_ON_DATA(TostCausal)
KRATE_MODEL_ON_DATA(Vit)
KRATE_MODEL_ON_DATA(Gpt2)
#undef KRATE_MODEL_ON_DATA

}  // namespace krate::tools
