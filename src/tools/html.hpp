// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pieces of an HTML page that is well-formed as XML too.
#pragma once

#include <cstdint>
#include <string>

#include "tools/image.hpp"

namespace krate::tools {

/// A whole page with its style sheet; nothing in it is loaded from elsewhere.
std::string html_page(std::string const& title, std::string const& body);

/// A heading and what stands below it.
std::string section(std::string const& heading, std::string const& content);
/// Charts or pictures side by side, with a sentence below.
std::string figure(std::string const& content, std::string const& caption);
std::string paragraph(std::string const& text);
/// An image as it is, enlarged to so many pixels of the page without smoothing.
std::string picture(Image const& image, std::size_t width, std::string const& description);

/// "98.9 %"; "1,437"; "0.1407"; "12.50"; "27.3 s", "4 min 7 s"
std::string percent(double fraction);
std::string grouped(std::int64_t number);
std::string rounded(double number);
std::string fixed(double number, int digits);
std::string duration(double seconds);

}  // namespace krate::tools
