// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Coding rates of a file that need not fit into memory: piece after piece goes into moments of the classes.
#pragma once

#include "krate/io/dataset.hpp"
#include "krate/rate/class_moments.hpp"
#include "tools/context.hpp"

namespace krate::tools {

/// Collective: samples that a rank reads at a time, so that it takes no more memory than it may; 0: all of its share at
/// once.
/// @param asked          "64M", "1.5G" or a plain number; empty: a quarter of the machine's memory, shared by the ranks
/// @param bytes_at_once  what a rank takes that holds its whole share
/// @throws ValueError for another text, or if nothing that small is possible
std::size_t rate_piece(comm::Communicator const& comm, io::DatasetDescription const& data, std::string const& asked,
                       double bytes_at_once);

/// Collective: without labels all samples are one class.
/// @param piece  samples that a rank reads at a time, the same on all ranks
RateReduction rate_of_stream(Context& context, io::Dataset const& data, double eps_squared, std::size_t piece);

}  // namespace krate::tools
