// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model flatnet in train, resume, eval and predict. It takes features, and images as the rows of numbers they are.
#pragma once

#include <string>

#include "krate/train/inference.hpp"
#include "tools/model_command.hpp"
#include "tools/options.hpp"
#include "tools/rows.hpp"

namespace krate::tools {

/// Builds the layers and writes RUN, or goes on from its newest checkpoint. Collective.
void train_flatnet(Context& context, OptionTable& options, std::string const& run, bool resume);

/// True if a model file holds a FlatNet. Collective.
bool is_flatnet(Context& context, std::string const& model);

/// The loss is the mean squared distance of a sample to what comes back. Collective.
train::Evaluation eval_flatnet(Context& context, ModelArguments const& arguments);
/// Codes as /features and what comes back as /reconstruction. @param decode  the dataset holds codes. Collective.
void predict_flatnet(Context& context, ModelArguments const& arguments, std::string const& output, bool decode);

/// Mean squared distance of samples to the plane of so many principal directions through their mean.
double principal_plane_error(Space const& space, Rows samples, std::size_t dim);

/// Dimension of what the samples lie on, from distances to neighbours alone.
struct DimensionEstimates {
  double two_nn = 0;              ///< Facco et al. 2017: ratio of the two nearest, the tenth with the largest left out
  double maximum_likelihood = 0;  ///< Levina and Bickel 2004, 20 neighbours, inverse estimates averaged (MacKay)
};
/// Of at most the first 5000 samples, equal ones left out. NaN for fewer than 21.
DimensionEstimates estimate_dimension(Space const& space, Rows samples);

}  // namespace krate::tools
