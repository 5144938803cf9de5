// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/html.hpp"

#include <cmath>
#include <cstdio>

#include "tools/png.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

constexpr char const* page_style = R"css(
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5b6670; --line: #dde2e7; --panel: #f5f7f9; --paper: #fff;
        --mark: #0072b2; --bar: #c3ccd4 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e2e6ea; --soft: #9ba6b0; --line: #333a41; --panel: #1d2226; --paper: #14171a; --mark: #56b4e9;
          --bar: #4a545d }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 3rem 1.5rem 4rem; max-width: 66rem; background: var(--paper); color: var(--ink);
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif }
h1 { margin: 0.1em 0 0.3em; font-size: 2.1rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em }
h2 { margin: 3.2rem 0 0.4rem; padding-top: 1.1rem; border-top: 1px solid var(--line); font-size: 1.3rem;
     font-weight: 650 }
p { margin: 0.4em 0 0.9em; max-width: 46rem }
.kind { margin: 0; color: var(--soft); letter-spacing: 0.04em }
.lead { font-size: 1.1rem }
figure { margin: 1.2rem 0 1.6rem }
figcaption, .note { margin-top: 0.5rem; max-width: 46rem; color: var(--soft); font-size: 0.92rem }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.2rem }
.charts svg { display: block; width: 100%; height: auto; color: inherit }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px; margin: 1.6rem 0;
         border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--panel) }
.facts div { padding: 0.7rem 0.9rem; box-shadow: 0 0 0 1px var(--line) }
.facts dt { color: var(--soft); font-size: 0.85rem }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; font-variant-numeric: tabular-nums }
.facts small { display: block; color: var(--soft); font-size: 0.82rem; font-weight: 400 }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 0 2rem; margin: 0.8rem 0;
            font-size: 0.9rem }
.settings div { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--line);
                padding: 0.16rem 0 }
.settings dt { color: var(--soft) }
.settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 0.95rem; font-variant-numeric: tabular-nums }
th { color: var(--soft); font-weight: 500; text-align: left; font-size: 0.88rem }
th, td { padding: 0.4rem 1.1rem 0.4rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.number, th.number { text-align: right; white-space: nowrap }
.rules td:first-child { min-width: 13rem }
tr.own td { font-weight: 600 }
td small { display: block; color: var(--soft); font-size: 0.85rem; font-weight: 400 }
.errors { min-width: 9rem; width: 30% }
.errors span { display: block; height: 0.8rem; margin-top: 0.35rem; min-width: 2px; border-radius: 2px;
               background: var(--bar) }
.own .errors span { background: var(--mark) }
img { display: block; image-rendering: pixelated; border-radius: 3px }
.maps td, .maps th { padding: 0.15rem 0.3rem 0.15rem 0; border: 0; text-align: center; vertical-align: middle }
.maps td:first-child, .maps th:first-child { padding-right: 1rem }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: 1.2rem 1rem }
.gallery figure { margin: 0 }
.gallery figcaption { margin-top: 0.35rem; line-height: 1.35 }
.gallery b { color: var(--ink); font-weight: 600 }
.scale { display: inline-block; width: 7rem; height: 0.6rem; margin: 0 0.4rem; border-radius: 2px }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft);
         font-size: 0.88rem }
@media print {
  body { padding: 0; max-width: none; font-size: 11pt }
  figure, tr, .facts, .settings { break-inside: avoid }
  h2 { break-after: avoid }
}
)css";

std::string formatted(char const* format, double number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

}  // namespace

std::string html_page(std::string const& title, std::string const& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
         escaped(title) + "</title>\n<style>" + page_style + "</style>\n</head>\n<body>\n" + body +
         "</body>\n</html>\n";
}

std::string section(std::string const& heading, std::string const& content) {
  return "<section>\n<h2>" + escaped(heading) + "</h2>\n" + content + "</section>\n";
}

std::string figure(std::string const& content, std::string const& caption) {
  return "<figure>\n" + content + "<figcaption>" + caption + "</figcaption>\n</figure>\n";
}

std::string paragraph(std::string const& text) {
  return "<p>" + text + "</p>\n";
}

std::string picture(Image const& image, std::size_t width, std::string const& description) {
  std::size_t const height = (image.height * width + image.width / 2) / image.width;
  return "<img src=\"" + data_uri(image) + "\" width=\"" + std::to_string(width) + "\" height=\"" +
         std::to_string(height) + "\" alt=\"" + escaped(description) + "\"/>";
}

std::string percent(double fraction) {
  return formatted("%.1f %%", 100 * fraction);
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3 + (number < 0);) text.insert(at -= 3, 1, ',');
  return text;
}

std::string rounded(double number) {
  return std::isfinite(number) ? formatted("%.4g", number) : "not finite";
}

std::string fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

std::string duration(double seconds) {
  if (seconds < 120) return formatted("%.1f s", seconds);
  auto const whole = std::llround(seconds);
  if (whole < 7200) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace krate::tools
