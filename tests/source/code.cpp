// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "code.hpp"

#include <algorithm>
#include <cctype>

namespace krate::source {

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

std::size_t end_of_line(std::string const& text, std::size_t at) {
  return std::min(text.find('\n', at), text.size());
}

// Behind the closing quote of the literal that begins at `at`.
std::size_t end_of_literal(std::string const& text, std::size_t at) {
  if (at > 0 && text[at - 1] == 'R') {
    std::size_t const open = text.find('(', at);
    std::string const close = ")" + text.substr(at + 1, open - at - 1) + "\"";
    return std::min(text.find(close, open), text.size() - close.size()) + close.size();
  }
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == text[at])
      return i + 1;
  }
  return text.size();
}

std::size_t skip_blanks(std::string const& code, std::size_t at) {
  while (at < code.size() && std::isspace(static_cast<unsigned char>(code[at]))) ++at;
  return at;
}

std::string trimmed(std::string const& text) {
  std::size_t const begin = skip_blanks(text, 0);
  std::size_t end = text.size();
  while (end > begin && std::isspace(static_cast<unsigned char>(text[end - 1]))) --end;
  return text.substr(begin, end - begin);
}

// clang-format sets blanks around < as an operator, and none behind a name whose template arguments follow.
bool opens_template(std::string const& code, std::size_t at) {
  return code[at] == '<' && at > 0 && is_word(code[at - 1]) && at + 1 < code.size() && code[at + 1] != ' ' &&
         code[at + 1] != '=' && code[at + 1] != '<';
}

}  // namespace

std::string stripped(std::string const& text) {
  std::string code = text;
  auto const blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      if (code[i] != '\n') code[i] = ' ';
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text.compare(i, 8, "#include") == 0) {
      i = end_of_line(text, i);
    } else if (text.compare(i, 2, "//") == 0) {
      std::size_t const end = end_of_line(text, i);
      blank(i, end);
      i = end;
    } else if (text.compare(i, 2, "/*") == 0) {
      std::size_t const end = std::min(text.find("*/", i), text.size() - 2) + 2;
      blank(i, end);
      i = end;
    } else if (text[i] == '"' ||
               (text[i] == '\'' && !(i > 0 && std::isdigit(static_cast<unsigned char>(text[i - 1]))))) {
      std::size_t const end = end_of_literal(text, i);
      bool const label = text.compare(i + 1, 7, "krate::") == 0;
      blank(i + (label ? 8 : 1), end - 1);
      i = end;
    } else {
      ++i;
    }
  }
  return code;
}

std::size_t line_of(std::string const& code, std::size_t at) {
  return 1 + static_cast<std::size_t>(std::count(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

std::size_t template_end(std::string const& code, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < code.size(); ++i) {
    if (code[i] == '<') ++depth;
    if (code[i] == '>' && code[i - 1] != '-' && --depth == 0) return i + 1;
    if (code[i] == ';') break;
  }
  return std::string::npos;
}

std::vector<std::string> arguments(std::string const& code, std::size_t open) {
  std::vector<std::string> found;
  int depth = 0;
  std::size_t begin = open + 1;
  for (std::size_t i = open; i < code.size(); ++i) {
    char const c = code[i];
    if (opens_template(code, i)) {
      std::size_t const end = template_end(code, i);
      if (end != std::string::npos) i = end - 1;
      continue;
    }
    depth += (c == '(' || c == '{' || c == '[') - (c == ')' || c == '}' || c == ']');
    if (depth == 0 || (depth == 1 && c == ',')) {
      std::string const argument = trimmed(code.substr(begin, i - begin));
      if (!argument.empty()) found.push_back(argument);
      begin = i + 1;
    }
    if (depth == 0) return found;
  }
  return {};
}

std::vector<Call> calls(std::string const& code, std::regex const& name) {
  std::vector<Call> found;
  for (std::sregex_iterator it(code.begin(), code.end(), name), end; it != end; ++it) {
    auto const at = static_cast<std::size_t>(it->position());
    if (at > 0 && is_word(code[at - 1])) continue;
    std::size_t next = at + static_cast<std::size_t>(it->length());
    if (next < code.size() && is_word(code[next])) continue;
    bool const is_template = next < code.size() && code[next] == '<';
    if (is_template) next = template_end(code, next);
    if (next == std::string::npos) continue;
    next = skip_blanks(code, next);
    if (is_template && code.compare(next, 5, "const") == 0 && !is_word(code[next + 5]))
      next = skip_blanks(code, next + 5);
    while (is_template && next < code.size() && is_word(code[next])) ++next;  // the variable
    next = skip_blanks(code, next);
    if (next < code.size() && (code[next] == '(' || code[next] == '{'))
      found.push_back({it->str(), at, arguments(code, next)});
  }
  return found;
}

}  // namespace krate::source
