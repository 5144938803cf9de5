// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Coding rates of a file that need not fit into memory: piece after piece goes into moments of the classes.
#pragma once

#include "krate/io/dataset.hpp"
#include "krate/rate/class_moments.hpp"
#include "tools/context.hpp"

namespace krate::tools {

/// Bytes that a rank may take for a file.
/// @param asked  "64M" or a plain number; empty: a quarter of the machine's memory, shared by the ranks
/// @throws ValueError for another text, or if streaming the file takes more
std::size_t rate_budget(comm::Communicator const& comm, io::DatasetDescription const& data, std::string const& asked);

/// Collective: reads the file in pieces that fit `budget`; without labels all samples are one class.
RateReduction rate_of_stream(Context& context, io::Dataset const& data, double eps_squared, std::size_t budget);

}  // namespace krate::tools
