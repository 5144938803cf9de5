// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data digits: the handwritten digits that are shipped with krate.
#include <filesystem>

#include "krate/core/error.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

// Beside the installed command, or else in the source tree it was built from.
std::string shipped_file(std::string const& name) {
  std::error_code none;
  auto const program = std::filesystem::read_symlink("/proc/self/exe", none);
  auto const installed = program.parent_path() / KRATE_INSTALLED_DATA / name;
  for (auto const& path : {installed, std::filesystem::path(KRATE_SOURCE_DATA) / name}) {
    if (std::filesystem::exists(path, none)) return path.string();
  }
  throw IoError("krate::data", name + " is not where krate was installed (" + installed.lexically_normal().string() +
                                   "); install krate again, or run it from its build directory");
}

}  // namespace

void add_data_digits(cli::App& data, Context& context) {
  auto const command =
      add_source(data, context, "digits", "1797 handwritten digits of 8 x 8 pixels, shipped with krate",
                 "krate data digits -o digits.h5");
  command.app->callback([&context, output = command.output] {
    context.comm().guarded([&] {
      if (context.comm().is_root()) write_file(*output, read_file(shipped_file("digits.h5")));
    });
    report_dataset(context, *output);
  });
}

}  // namespace krate::tools
