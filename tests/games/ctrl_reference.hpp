// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tests/data/ctrl.h5.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "games/subspace_data.hpp"
#include "krate/io/hdf5.hpp"
#include "support/reference_file.hpp"

namespace {

struct CtrlFile {
  krate::io::File file = krate::io::File::open(krate::testing::reference_file("ctrl.h5"), krate::comm::Communicator());

  std::vector<double> numbers(std::string const& path) const { return file.read_all<double>(path); }
  double number(std::string const& path) const { return numbers(path)[0]; }
  std::size_t rows(std::string const& path) const { return file.info(path).shape[0]; }
  double attribute(std::string const& group, std::string const& name) const {
    return file.attributes(group).get<double>(name);
  }

  PursuitData data(std::string const& group) const {
    PursuitData found;
    found.dim = file.info(group + "/X").row_size();
    found.rows = numbers(group + "/X");
    if (file.exists(group + "/labels")) {
      for (auto const l : file.read_all<std::int64_t>(group + "/labels"))
        found.labels.push_back(static_cast<krate::Label>(l));
    } else {
      found.labels.assign(found.rows.size() / found.dim, 0);
    }
    found.classes = 1 + static_cast<std::size_t>(*std::max_element(found.labels.begin(), found.labels.end()));
    return found;
  }
  ClassStatistics moments(std::string const& group) const {
    return {file.info(group + "/Sigma").shape[2], numbers(group + "/counts"), numbers(group + "/Sigma")};
  }
};

}  // namespace
