// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Charts as pixels, for PNG files.
#pragma once

#include "tools/image.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

/// The lines of line_chart() as a picture; `spread` is a band around each line. @return RGB, width x height pixels
Image line_picture(std::vector<Series> const& series, ChartOptions const& options);

}  // namespace krate::tools
