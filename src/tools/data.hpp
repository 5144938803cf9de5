// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the sources of `krate data` share. Each source is a subcommand of it, in a file of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "krate/core/function_ref.hpp"
#include "krate/core/random.hpp"
#include "krate/io/dataset.hpp"
#include "tools/context.hpp"

namespace krate::tools {

void add_data_cifar10(cli::App& data, Context& context);
void add_data_corrupt(cli::App& data, Context& context);
void add_data_csv(cli::App& data, Context& context);
void add_data_digits(cli::App& data, Context& context);
void add_data_images(cli::App& data, Context& context);
void add_data_manifold(cli::App& data, Context& context);
void add_data_mnist(cli::App& data, Context& context);
void add_data_principal(cli::App& data, Context& context);
void add_data_text(cli::App& data, Context& context);

/// A source's subcommand, with the options that all sources have.
struct DataCommand {
  cli::App* app;
  std::shared_ptr<std::string> output;  ///< the file to make
};
DataCommand add_source(cli::App& data, Context& context, std::string const& name, std::string const& description,
                       std::string const& example);

/// Which samples are for testing (1), the others for training (0): a fifth of all, rounded up, spread over the classes
/// in proportion, and always the same for the same labels. A lone sample is for training.
std::vector<std::uint8_t> stratified_split(std::span<Label const> labels);

/// Draws new labels for floor(fraction * rows) of the rows, uniformly from all classes: a draw may be the old one. What
/// happens to a row depends on the seed, and on which rows there are. Source: Yu et al. 2020 (MCR2), label corruption.
void corrupt_labels(std::span<Label> labels, std::vector<std::size_t> rows, std::int64_t classes, double fraction,
                    Seed seed);

/// A dataset that a source has read into memory.
struct NewDataset {
  io::SampleKind kind = io::SampleKind::images;
  std::vector<std::size_t> sample_shape{};
  std::vector<std::uint8_t> bytes{};  ///< either these
  std::vector<float> numbers{};       ///< or these
  std::vector<Label> labels{};        ///< or none
  std::vector<std::size_t> label_shape{};
  std::int64_t classes = 0;  ///< 0: the largest label + 1
  std::vector<std::uint8_t> split{};
  double scale = 1, bias = 0;
  std::string description{};
};

/// Reads on rank 0 and writes there, while the others wait; then says what was made. Collective.
void make_dataset(Context& context, std::string const& output, FunctionRef<NewDataset()> read);

/// Says what dataset now is in a file, as a line or as JSON. Collective.
void report_dataset(Context& context, std::string const& path);

}  // namespace krate::tools
