// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/svg.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>

#include "tools/axis.hpp"

namespace krate::tools {

namespace {

constexpr std::array palette = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d1f", "#56b4e9", "#444444"};
constexpr char const* ink = "currentColor";  // the page's own, so that charts fit dark pages too
constexpr char const* svg_style = " style=\"max-width:100%;height:auto\"";
constexpr char const* font = "font-family=\"system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif\"";

std::string coordinate(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  std::string s = text;
  s.erase(s.find_last_not_of('0') + 1);
  if (s.back() == '.') s.pop_back();
  return s;
}

// `name="value" ...` from pairs of a name and a number.
std::string at(std::initializer_list<std::pair<char const*, double>> places) {
  std::string text;
  for (auto const& [name, value] : places) text += std::string(" ") + name + "=\"" + coordinate(value) + "\"";
  return text;
}

std::string label(double x, double y, char const* anchor, double size, std::string const& text,
                  std::string const& more = "") {
  return "<text" + at({{"x", x}, {"y", y}, {"font-size", size}}) + " text-anchor=\"" + anchor + "\" " + more + ">" +
         escaped(text) + "</text>\n";
}

std::string segment(double x1, double y1, double x2, double y2, std::string const& svg_style) {
  return "<line" + at({{"x1", x1}, {"y1", y1}, {"x2", x2}, {"y2", y2}}) + " " + svg_style + "/>\n";
}

std::string colour_of(Series const& s, std::size_t i) {
  return s.colour.empty() ? palette[i % palette.size()] : s.colour;
}

struct AxisRange {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double v, bool logarithmic) {
    if (!std::isfinite(v) || (logarithmic && v <= 0)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
};

// The frame that all charts share: size, title, axes, grid and legend. `inside` is drawn between grid and legend.
class Chart {
 public:
  Chart(ChartOptions const& options, std::vector<Series> const& series, Axis x, Axis y)
      : o_(options), series_(series), places_(legend_places()), x(std::move(x)), y(std::move(y)) {
    this->x.start = left_;
    this->x.end = o_.width - right_;
    this->y.start = o_.height - bottom();
    this->y.end = top();
  }

  std::string draw(std::string const& x_labels, std::string const& inside) const {
    std::string svg = "<svg role=\"img\" viewBox=\"0 0 " + coordinate(o_.width) + " " + coordinate(o_.height) + "\"" +
                      at({{"width", o_.width}, {"height", o_.height}}) + svg_style + " " + font +
                      " color=\"#333\" fill=\"currentColor\">\n";
    if (!o_.title.empty()) {
      svg +=
          "<title>" + escaped(o_.title) + "</title>\n" + label(left_, 20, "start", 15, o_.title, "font-weight=\"600\"");
    }
    for (double const t : y.ticks) {
      double const place = y.place(t);
      svg += segment(left_, place, o_.width - right_, place, "stroke=\"currentColor\" stroke-opacity=\"0.13\"");
      svg += label(left_ - 7, place + 4, "end", 11.5, tick_text(t));
    }
    svg += x_labels;
    svg += inside;
    svg += segment(left_, y.start, o_.width - right_, y.start, "stroke=\"currentColor\" stroke-opacity=\"0.55\"");
    svg += label((left_ + o_.width - right_) / 2, o_.height - 8, "middle", 12.5, o_.x_label);
    if (!o_.y_label.empty()) {
      double const middle = (y.start + y.end) / 2;
      svg += label(15, middle, "middle", 12.5, o_.y_label, "transform=\"rotate(-90 15 " + coordinate(middle) + ")\"");
    }
    return svg + legend() + "</svg>\n";
  }

  std::string x_ticks() const {
    std::string svg;
    for (double const t : x.ticks) {
      svg += segment(x.place(t), y.start, x.place(t), y.end, "stroke=\"currentColor\" stroke-opacity=\"0.07\"");
      svg += label(x.place(t), y.start + 17, "middle", 11.5, tick_text(t));
    }
    return svg;
  }

 private:
  struct Place {
    double x = left_;
    int row = 0;
  };

  double head() const { return o_.title.empty() ? 8 : 30; }
  double top() const { return head() + 22 + row_height * (places_.empty() ? 0 : places_.back().row); }
  double bottom() const { return o_.x_label.empty() ? 28 : 46; }

  // Of each name, in rows under the title.
  std::vector<Place> legend_places() const {
    std::vector<Place> places;
    Place next;
    for (auto const& s : series_) {
      double const width = s.name.empty() ? 0 : 23 + 6.8 * static_cast<double>(s.name.size()) + 18;
      if (next.x > left_ && next.x + width - 18 > o_.width - right_) next = {left_, next.row + 1};
      places.push_back(next);
      next.x += width;
    }
    return places;
  }

  std::string legend() const {
    std::string svg;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      auto const& s = series_[i];
      if (s.name.empty()) continue;
      std::string const svg_style =
          "stroke=\"" + colour_of(s, i) + "\" stroke-width=\"3\"" + (s.dashed ? " stroke-dasharray=\"5 3\"" : "");
      double const x = places_[i].x, row = head() + 8 + row_height * places_[i].row;
      svg += segment(x, row, x + 18, row, svg_style) + label(x + 23, row + 4, "start", 12, s.name);
    }
    return svg;
  }

  static constexpr double left_ = 62, right_ = 16, row_height = 18;
  ChartOptions const& o_;
  std::vector<Series> const& series_;
  std::vector<Place> places_;

 public:
  Axis x, y;
};

struct Point {
  double x, y;
};

// At most two points a column of about a pixel: the lowest and the highest, in their order.
std::vector<Point> thinned(std::vector<Point> const& points, std::size_t most) {
  if (points.size() <= 2 * most) return points;
  std::vector<Point> kept;
  for (std::size_t c = 0; c < most; ++c) {
    auto const first = points.begin() + static_cast<std::ptrdiff_t>(c * points.size() / most);
    auto const last = points.begin() + static_cast<std::ptrdiff_t>((c + 1) * points.size() / most);
    auto [low, high] = std::minmax_element(first, last, [](Point a, Point b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (low != high) kept.push_back(*high);
  }
  return kept;
}

std::string polyline(std::vector<Point> const& points, Series const& s, std::string const& colour, double width) {
  if (points.empty()) return {};
  std::string svg = "<polyline fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"2\" stroke-linejoin=\"round\"" +
                    (s.dashed ? " stroke-dasharray=\"6 4\"" : "") + " points=\"";
  for (auto const p : thinned(points, static_cast<std::size_t>(width)))
    svg += coordinate(p.x) + "," + coordinate(p.y) + " ";
  svg.back() = '"';
  svg += "/>\n";
  if (s.markers || points.size() == 1) {
    for (auto const p : points)
      svg += "<circle" + at({{"cx", p.x}, {"cy", p.y}, {"r", 3}}) + " fill=\"" + colour + "\"/>\n";
  }
  return svg;
}

std::string whisker(Axis const& y, double place, double value, double spread, std::string const& colour) {
  if (!(spread > 0) || !y.shows(value + spread) || (y.logarithmic && value <= spread)) return {};
  double const low = y.place(value - spread), high = y.place(value + spread);
  std::string const svg_style = "stroke=\"" + colour + "\" stroke-width=\"1.3\"";
  return segment(place, low, place, high, svg_style) + segment(place - 4, low, place + 4, low, svg_style) +
         segment(place - 4, high, place + 4, high, svg_style);
}

std::string line(Series const& s, std::string const& colour, Axis const& x, Axis const& y, double width) {
  std::string svg;
  std::vector<Point> run;
  for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
    if (x.shows(s.x[i]) && y.shows(s.y[i])) {
      run.push_back({x.place(s.x[i]), y.place(s.y[i])});
      if (i < s.spread.size()) svg += whisker(y, run.back().x, s.y[i], s.spread[i], colour);
    } else {
      svg += polyline(run, s, colour, width);
      run.clear();
    }
  }
  return svg + polyline(run, s, colour, width);
}

Axis value_axis(std::vector<Series> const& series, ChartOptions const& o, bool from_zero) {
  AxisRange range;
  for (auto const& s : series) {
    for (std::size_t i = 0; i < s.y.size(); ++i) {
      double const spread = i < s.spread.size() && std::isfinite(s.spread[i]) ? s.spread[i] : 0;
      range.include(s.y[i] + spread, o.log_y);
      range.include(s.y[i] - spread, o.log_y);
      range.include(s.y[i], o.log_y);
    }
  }
  if (from_zero) range.include(0, o.log_y);
  if (o.y_range) range = {o.y_range->first, o.y_range->second};
  return make_axis(range.low, range.high, o.log_y, o.y_range.has_value(), static_cast<int>(o.height / 62));
}

}  // namespace

std::string escaped(std::string const& text) {
  std::string safe;
  for (char const c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += std::iscntrl(static_cast<unsigned char>(c)) ? ' ' : c;
    }
  }
  return safe;
}

std::string stacked(std::vector<std::string> const& charts, ChartOptions const& each) {
  double const height = each.height * static_cast<double>(charts.size());
  std::string svg = "<svg role=\"img\" viewBox=\"0 0 " + coordinate(each.width) + " " + coordinate(height) + "\"" +
                    at({{"width", each.width}, {"height", height}}) + svg_style + ">\n";
  for (std::size_t i = 0; i < charts.size(); ++i) {
    std::string chart = charts[i];
    chart.erase(chart.find(svg_style), std::string(svg_style).size());  // it would take the whole height
    svg += "<svg" + at({{"y", each.height * static_cast<double>(i)}}) + chart.substr(4);
  }
  return svg + "</svg>\n";
}

std::string svg_file(std::string const& chart) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\"" + chart.substr(4);
}

std::string line_chart(std::vector<Series> const& series, ChartOptions const& options) {
  AxisRange range;
  for (auto const& s : series) {
    for (double const v : s.x) range.include(v, options.log_x);
  }
  bool const exact = options.x_range.has_value() || !options.log_x;  // a linear abscissa ends where the data ends
  if (options.x_range) range = {options.x_range->first, options.x_range->second};
  Chart const chart(options, series,
                    make_axis(range.low, range.high, options.log_x, exact, static_cast<int>(options.width / 90)),
                    value_axis(series, options, false));
  std::string inside;
  for (std::size_t i = 0; i < series.size(); ++i) {
    inside += line(series[i], colour_of(series[i], i), chart.x, chart.y, options.width);
  }
  return chart.draw(chart.x_ticks(), inside);
}

std::string bar_chart(std::vector<std::string> const& categories, std::vector<Series> const& series,
                      ChartOptions const& options) {
  Chart const chart(options, series, Axis{0, std::max(1.0, static_cast<double>(categories.size()))},
                    value_axis(series, options, true));
  double const group = (chart.x.end - chart.x.start) / chart.x.high;
  double const bar = 0.74 * group / std::max(1.0, static_cast<double>(series.size()));
  double const floor = chart.y.place(options.log_y ? chart.y.low : std::clamp(0.0, chart.y.low, chart.y.high));
  std::string inside, names;
  for (std::size_t c = 0; c < categories.size(); ++c) {
    double const middle = chart.x.start + (static_cast<double>(c) + 0.5) * group;
    names += label(middle, chart.y.start + 17, "middle", 11.5, categories[c]);
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (c >= series[i].y.size() || !chart.y.shows(series[i].y[c])) continue;
      double const left = middle + (static_cast<double>(i) - static_cast<double>(series.size()) / 2) * bar;
      double const end = chart.y.place(series[i].y[c]);
      inside += "<rect" +
                at({{"x", left + 0.04 * bar},
                    {"y", std::min(end, floor)},
                    {"width", 0.92 * bar},
                    {"height", std::abs(end - floor)}}) +
                " fill=\"" + colour_of(series[i], i) + "\"/>\n";
      if (c < series[i].spread.size()) {
        inside += whisker(chart.y, left + bar / 2, series[i].y[c], series[i].spread[c], ink);
      }
    }
  }
  return chart.draw(names, inside);
}

}  // namespace krate::tools
