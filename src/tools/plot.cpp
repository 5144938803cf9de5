// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tools/axis.hpp"
#include "tools/letters.hpp"

namespace krate::tools {

namespace {

using Colour = std::array<double, 3>;
constexpr std::array<Colour, 8> plot_palette = {{{0, 114, 178},
                                                 {213, 94, 0},
                                                 {0, 158, 115},
                                                 {204, 121, 167},
                                                 {140, 109, 31},
                                                 {86, 180, 233},
                                                 {68, 68, 68},
                                                 {160, 60, 60}}};
constexpr Colour plot_ink = {51, 51, 51};
constexpr int fine = 2;        // pixels are drawn so many times finer, and averaged
constexpr int letter_dot = 3;  // of a letter, in fine pixels

/// Paint on a page that is `fine` times larger than the picture.
class Canvas {
 public:
  Canvas(int width, int height)
      : width_(fine * width),
        height_(fine * height),
        page_(static_cast<std::size_t>(width_) * height_, {255, 255, 255}) {}

  void blend(int x, int y, Colour const& c, double part) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    Colour& p = page_[static_cast<std::size_t>(y) * width_ + x];
    for (int k = 0; k < 3; ++k) p[k] += part * (c[k] - p[k]);
  }
  void box(double x, double y, double width, double height, Colour const& c, double part = 1) {
    for (int j = 0; j < static_cast<int>(std::lround(fine * height)); ++j)
      for (int i = 0; i < static_cast<int>(std::lround(fine * width)); ++i)
        blend(static_cast<int>(std::lround(fine * x)) + i, static_cast<int>(std::lround(fine * y)) + j, c, part);
  }
  void segment(double x1, double y1, double x2, double y2, Colour const& c) {
    double const steps = std::ceil(fine * std::max({std::abs(x2 - x1), std::abs(y2 - y1), 0.5}));
    for (double k = 0; k <= steps; ++k) {
      double const t = k / steps;
      box(x1 + t * (x2 - x1) - 0.75, y1 + t * (y2 - y1) - 0.75, 1.5, 1.5, c);
    }
  }
  /// @param place  of the text along x that is `x`: 0 its begin, 0.5 its middle, 1 its end; y is its top
  void text(double x, double y, double place, std::string const& words) {
    double left = fine * (x - place * text_width(words));
    for (char const letter : words) {
      for (int i = 0; i < letter_width; ++i)
        for (int j = 0; j < letter_height; ++j) {
          if (!has_dot(letter, i, j)) continue;
          for (int k = 0; k < letter_dot * letter_dot; ++k)
            blend(static_cast<int>(left) + letter_dot * i + k % letter_dot,
                  static_cast<int>(fine * y) + letter_dot * j + k / letter_dot, plot_ink, 0.9);
        }
      left += letter_dot * (letter_width + 1);
    }
  }
  static double text_width(std::string const& words) {
    return static_cast<double>(letter_dot * (letter_width + 1)) * static_cast<double>(words.size()) / fine;
  }

  Image picture() const {
    Image image(width_ / fine, height_ / fine, 3);
    for (std::size_t row = 0; row < image.height; ++row)
      for (std::size_t column = 0; column < image.width; ++column)
        for (int k = 0; k < 3; ++k) {
          double sum = 0;
          for (std::size_t part = 0; part < fine * fine; ++part)
            sum += page_[(fine * row + part / fine) * width_ + fine * column + part % fine][k];
          image.at(row, column)[k] = static_cast<std::uint8_t>(std::lround(sum / (fine * fine)));
        }
    return image;
  }

 private:
  int width_, height_;
  std::vector<Colour> page_;
};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double v, bool logarithmic) {
    if (!std::isfinite(v) || (logarithmic && v <= 0)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
};

struct Frame {
  Axis x, y;
};

Frame frame_of(std::vector<Series> const& series, ChartOptions const& o) {
  Range across, along;
  bool negative = false;
  for (auto const& s : series)
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
      across.include(s.x[i], o.log_x);
      if (o.log_x && s.x[i] <= 0) continue;  // not to be seen
      double const spread = i < s.spread.size() && !o.log_y ? s.spread[i] : 0;
      negative = negative || s.y[i] < 0;
      along.include(s.y[i] + spread, o.log_y);
      along.include(s.y[i] - spread, o.log_y);
    }
  if (!negative) along.low = std::max(along.low, 0.0);  // what is never negative gets no room below
  if (o.x_range) across = {o.x_range->first, o.x_range->second};
  if (o.y_range) along = {o.y_range->first, o.y_range->second};
  Frame f{make_axis(across.low, across.high, o.log_x, o.x_range || !o.log_x, static_cast<int>(o.width / 90)),
          make_axis(along.low, along.high, o.log_y, o.y_range.has_value(), static_cast<int>(o.height / 62))};
  f.x.start = 58, f.x.end = o.width - 22;
  f.y.start = o.height - 44, f.y.end = 34;
  return f;
}

void draw_frame(Canvas& canvas, Frame const& f, ChartOptions const& o) {
  Colour const faint = {222, 222, 222};
  for (double const t : f.y.ticks) {
    canvas.box(f.x.start, f.y.place(t), f.x.end - f.x.start, 1, faint);
    canvas.text(f.x.start - 6, f.y.place(t) - 5, 1, tick_text(t));
  }
  for (double const t : f.x.ticks) {
    canvas.box(f.x.place(t), f.y.end, 1, f.y.start - f.y.end, faint);
    canvas.text(f.x.place(t), f.y.start + 6, 0.5, tick_text(t));
  }
  canvas.box(f.x.start, f.y.start, f.x.end - f.x.start, 1, plot_ink);
  canvas.text(f.x.start, 8, 0, o.title);
  canvas.text((f.x.start + f.x.end) / 2, o.height - 16, 0.5, o.x_label);
}

void draw_band(Canvas& canvas, Frame const& f, Series const& s, Colour const& c) {
  auto const height = [&](double v) {
    double const low = std::min(f.y.start, f.y.end), high = std::max(f.y.start, f.y.end);
    return f.y.logarithmic && v <= 0 ? f.y.start : std::clamp(f.y.place(v), low, high);
  };
  std::size_t at = 0;
  double const step = 1.0 / fine;
  for (double x = f.x.start; x < f.x.end; x += step) {
    std::size_t const count = std::min({s.x.size(), s.y.size(), s.spread.size()});
    while (at < count && (!f.x.shows(s.x[at]) || f.x.place(s.x[at]) < x)) ++at;
    if (at == 0 || at >= count || !f.x.shows(s.x[at - 1])) continue;
    double const a = f.x.place(s.x[at - 1]), b = f.x.place(s.x[at]), t = b > a ? (x - a) / (b - a) : 1;
    double const middle = s.y[at - 1] + t * (s.y[at] - s.y[at - 1]),
                 spread = s.spread[at - 1] + t * (s.spread[at] - s.spread[at - 1]);
    double const top = height(middle + spread);
    canvas.box(x, top, step, height(middle - spread) - top, c, 0.16);
  }
}

void draw_line(Canvas& canvas, Frame const& f, Series const& s, Colour const& c) {
  bool open = false;
  double x = 0, y = 0;
  for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
    bool const shown = f.x.shows(s.x[i]) && f.y.shows(s.y[i]);
    double const to_x = shown ? f.x.place(s.x[i]) : 0, to_y = shown ? f.y.place(s.y[i]) : 0;
    if (shown) canvas.segment(open ? x : to_x, open ? y : to_y, to_x, to_y, c);
    open = shown;
    x = to_x, y = to_y;
  }
}

}  // namespace

Image line_picture(std::vector<Series> const& series, ChartOptions const& o) {
  Canvas canvas(static_cast<int>(o.width), static_cast<int>(o.height));
  Frame const f = frame_of(series, o);
  draw_frame(canvas, f, o);
  for (std::size_t i = 0; i < series.size(); ++i)
    draw_band(canvas, f, series[i], plot_palette[i % plot_palette.size()]);
  for (std::size_t i = 0; i < series.size(); ++i)
    draw_line(canvas, f, series[i], plot_palette[i % plot_palette.size()]);
  double row = f.y.end + 4;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series[i].name.empty()) continue;
    double const left = f.x.end - Canvas::text_width(series[i].name);
    canvas.box(left - 22, row + 4, 16, 3, plot_palette[i % plot_palette.size()]);
    canvas.text(left, row, 0, series[i].name);
    row += 16;
  }
  return canvas.picture();
}

}  // namespace krate::tools
