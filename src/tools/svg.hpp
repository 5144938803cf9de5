// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Charts for reports, as SVG to stand inside an HTML page.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace krate::tools {

/// A line, or the bars of one colour. Points that are not finite are left out, and break a line.
struct Series {
  std::string name;              ///< for the legend; empty: none
  std::vector<double> x{}, y{};  ///< bars have no x
  std::vector<double> spread{};  ///< half-length of the whisker of each point; empty: none
  std::string colour{};          ///< empty: the next of a palette that colour-blind eyes tell apart
  bool dashed = false;
  bool markers = false;  ///< dots on the points of a line
};

struct ChartOptions {
  std::string title{}, x_label{}, y_label{};
  double width = 640, height = 360;
  bool log_x = false, log_y = false;                              ///< points that are not positive are left out
  std::optional<std::pair<double, double>> x_range{}, y_range{};  ///< else all that is shown, rounded to ticks
};

/// Lines over a grid with round ticks and a legend. Long series are thinned to what the width can show, extremes kept.
std::string line_chart(std::vector<Series> const& series, ChartOptions const& options);

/// Groups of bars, one group a category and one bar a series in it, standing on zero.
std::string bar_chart(std::vector<std::string> const& categories, std::vector<Series> const& series,
                      ChartOptions const& options);

/// Round numbers that cover [low, high], about `count` of them.
std::vector<double> round_ticks(double low, double high, int count);

/// Charts below each other, each of this width and height.
std::string stacked(std::vector<std::string> const& charts, ChartOptions const& each);

/// A chart as a file of its own.
std::string svg_file(std::string const& chart);

/// Text inside SVG or HTML: & < > and quotes written as entities, control characters as blanks.
std::string escaped(std::string const& text);

}  // namespace krate::tools
