// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a dataset to what a model reads.
#pragma once

#include <string>

#include "krate/train/dataset_source.hpp"
#include "krate/train/text_source.hpp"
#include "tools/space.hpp"

namespace krate::tools {

template <class Model>
using DataSourceOf = std::conditional_t<train::ReadsTokens<Model>, train::TextSource<Space>,
                                        train::DatasetSource<Space, typename Model::Scalar>>;

/// Models that fill in masked tokens; the last id of their vocabulary is the mask.
template <class Model>
inline constexpr bool fills_in = requires(typename Model::Config const& c) {
  c.padding;
};

/// @param labelled  the samples must have labels; else nothing is masked
template <class Model>
DataSourceOf<Model> source_for(io::SampleTable table, typename Model::Config const& config, bool labelled,
                               bool windows = false) {
  if constexpr (train::ReadsTokens<Model>) {
    train::TextOptions text{.windows = windows};
    if constexpr (fills_in<Model>) {
      text.masked = labelled ? 0.15 : 0;
      text.mask_id = static_cast<Label>(config.vocabulary - 1);
    }
    return DataSourceOf<Model>(std::move(table), text, labelled);
  } else {
    return DataSourceOf<Model>(std::move(table), labelled);
  }
}

/// @throws ShapeError, ValueError unless the model takes such samples
template <class Model>
void require_fit(DataSourceOf<Model> const& source, typename Model::Config const& c, bool labelled) {
  std::size_t classes = 0;
  if constexpr (train::ReadsTokens<Model>) {
    classes = fills_in<Model> ? c.vocabulary - 1 : c.vocabulary;
    require_value(source.tokens() <= c.context, "krate::model", "tokens", source.tokens(),
                  ("of a sample must not exceed the model's context of " + std::to_string(c.context)).c_str());
  } else {
    if constexpr (!train::RemovesPatches<Model>) classes = c.classes;
    if (source.channels() != c.channels || source.height() != c.image_size.height ||
        source.width() != c.image_size.width) {
      throw ShapeError("krate::model", "the dataset's images are [" + std::to_string(source.channels()) + ", " +
                                           std::to_string(source.height()) + ", " + std::to_string(source.width()) +
                                           "], but the model takes [" + std::to_string(c.channels) + ", " +
                                           std::to_string(c.image_size.height) + ", " +
                                           std::to_string(c.image_size.width) + "]; use a dataset of that size");
    }
  }
  if (labelled && !train::RemovesPatches<Model> && source.classes() > classes) {
    throw ValueError("krate::model", "the dataset has " + std::to_string(source.classes()) +
                                         " classes, but the model " + std::to_string(classes) +
                                         "; use the dataset that it was trained on");
  }
}

}  // namespace krate::tools
