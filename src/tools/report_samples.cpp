// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/report_samples.hpp"

#include <algorithm>
#include <cstdio>

#include "tools/html.hpp"
#include "tools/sample_image.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t most_heads = 16, most_mistakes = 32;

std::string count(std::size_t n) {
  return grouped(static_cast<std::int64_t>(n));
}

std::string samples_of(Findings const& f) {
  std::string const part = f.tested ? " test samples" : " samples";
  return f.samples.count() == f.available
             ? "the " + count(f.available) + part
             : count(f.samples.count()) + " of the " + count(f.available) + part + ", evenly spread";
}

Image image_of(Findings const& f, std::size_t sample) {
  return sample_image(f.samples.row(sample), f.channels, f.height, f.width);
}

std::string comparison_row(Findings const& f, std::string const& name, std::string const& how, std::size_t right,
                           std::size_t most_wrong, char const* kind) {
  std::size_t const all = f.labels.size(), wrong = all - right;
  std::string bar;
  if (wrong > 0 && wrong <= most_wrong) {
    char width[32];
    std::snprintf(width, sizeof width, "%.1f", 100.0 * static_cast<double>(wrong) / static_cast<double>(most_wrong));
    bar = std::string("<span style=\"width:") + width + "%\"></span>";
  }
  return std::string("<tr") + kind + "><td>" + name + "<small>" + how + "</small></td><td class=\"number\">" +
         percent(static_cast<double>(right) / static_cast<double>(all)) + "</td><td class=\"number\">" + count(right) +
         " of " + count(all) + "</td><td class=\"errors\">" + bar + "<small>" + count(wrong) +
         " wrong</small></td></tr>\n";
}

/// The colours of the maps, as a ramp of the style sheet.
std::string colour_ramp() {
  std::string stops;
  for (int i = 0; i <= 8; ++i) {
    Rgb const c = colour_of(i / 8.0);
    char text[16];
    std::snprintf(text, sizeof text, "#%02x%02x%02x", c.r, c.g, c.b);
    stops += std::string(i ? "," : "") + text;
  }
  return "<span class=\"scale\" style=\"background:linear-gradient(90deg," + stops + ")\"></span>";
}

}  // namespace

std::string comparison_section(Findings const& f) {
  if (f.baselines.empty()) {
    return section("Beside simpler rules", paragraph("There is nothing to compare with: " + f.without_baselines + "."));
  }
  std::size_t most_wrong = f.labels.size() - f.right();  // the longest bar; the last rule knows nothing and has none
  for (std::size_t i = 0; i + 1 < f.baselines.size(); ++i) {
    most_wrong = std::max(most_wrong, f.labels.size() - f.baselines[i].right);
  }
  std::string rows = comparison_row(f, "This CRATE", "the trained model", f.right(), most_wrong, " class=\"own\"");
  for (auto const& b : f.baselines) rows += comparison_row(f, b.name, b.how, b.right, most_wrong, "");
  return section(
      "Beside simpler rules",
      paragraph("What simpler rules get right among the same samples: " + samples_of(f) + ". They learn from " +
                count(f.trained_on) + " training samples.") +
          "<div class=\"wide\">\n<table class=\"rules\">\n<tr><th>rule</th><th class=\"number\">accuracy</th>"
          "<th class=\"number\">right</th><th>wrong</th></tr>\n" +
          rows + "</table>\n</div>\n");
}

std::string attention_section(Findings const& f) {
  std::size_t const heads = std::min(f.heads, most_heads);
  double const largest = f.maps.values.empty() ? 0 : *std::max_element(f.maps.values.begin(), f.maps.values.end());
  std::string table = "<div class=\"wide\">\n<table class=\"maps\">\n<tr><th>sample</th>";
  for (std::size_t k = 0; k < heads; ++k) table += "<th>" + std::to_string(k + 1) + "</th>";
  table += "</tr>\n";
  std::size_t const width = heads <= 8 ? 72 : heads <= 12 ? 60 : 46;
  for (std::size_t i = 0; i < f.shown.size(); ++i) {
    Image const image = image_of(f, f.shown[i]);
    std::string const what = f.labels.empty() ? "sample" : "sample of class " + std::to_string(f.labels[f.shown[i]]);
    table += "<tr><td>" + picture(image, width, what) + "</td>";
    for (std::size_t k = 0; k < heads; ++k) {
      table += "<td>" +
               picture(patches_over(image, f.maps.row(i * f.heads + k), f.rows, f.columns, largest, 0.75), width,
                       what + ", attention of head " + std::to_string(k + 1)) +
               "</td>";
    }
    table += "</tr>\n";
  }
  table += "</table>\n</div>\n";
  return section(
      "Where it looks",
      figure(table,
             "How much the class token attends to each of the " + count(f.rows * f.columns) + " patches in block " +
                 std::to_string(f.block + 1) + " of " + std::to_string(f.layers.size()) + ", head by head" +
                 (heads < f.heads ? " (the first " + count(heads) + " of " + count(f.heads) + " heads)" : "") + ": 0 " +
                 colour_ramp() + " " + rounded(largest) + ". Each head compares tokens in a subspace of its own."));
}

std::string mistakes_section(Findings const& f) {
  if (f.labels.empty()) {
    return section("Mistakes", paragraph("The dataset has no labels, so nobody knows which answers are wrong."));
  }
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < f.labels.size(); ++i) {
    if (f.predicted[i] != f.labels[i]) wrong.push_back(i);
  }
  if (wrong.empty()) return section("Mistakes", paragraph("None, among " + samples_of(f) + "."));
  std::stable_sort(wrong.begin(), wrong.end(), [&](auto a, auto b) { return f.probability[a] > f.probability[b]; });
  std::size_t const all = wrong.size();
  wrong.resize(std::min(all, most_mistakes));
  std::string gallery = "<div class=\"gallery\">\n";
  for (std::size_t const i : wrong) {
    std::string const is = std::to_string(f.labels[i]), said = std::to_string(f.predicted[i]);
    gallery += figure(picture(image_of(f, i), 104, "sample of class " + is),
                      "is <b>" + is + "</b>, read as <b>" + said + "</b><br/>with " + percent(f.probability[i]));
  }
  return section("Mistakes",
                 paragraph(count(all) + " wrong among " + samples_of(f) +
                           (wrong.size() < all ? "; these " + count(wrong.size()) + " were the surest" : "") +
                           ". The surest come first, with the probability that the model gave its answer.") +
                     gallery + "</div>\n");
}

}  // namespace krate::tools
