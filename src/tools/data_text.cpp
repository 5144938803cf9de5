// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data text: the bytes of a file as tokens; the label of each is the byte that follows.
#include "krate/core/error.hpp"

#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_data_text = "krate::data text";

NewDataset read_text(std::string const& path, std::size_t context) {
  auto const text = read_file(path);
  std::size_t const samples = text.empty() ? 0 : (text.size() - 1) / context;
  if (samples == 0) {
    throw IoError(in_data_text, path + ": has " + std::to_string(text.size()) + " bytes, expected at least " +
                                    std::to_string(context + 1) +
                                    " (a sample and the byte behind it); give a smaller "
                                    "--context or a longer file");
  }
  NewDataset made;
  made.kind = io::SampleKind::tokens;
  made.sample_shape = made.label_shape = {context};
  made.classes = 256;
  made.description = "bytes of a text; labels are the bytes that follow; the last tenth is split 1";
  made.bytes.assign(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(samples * context));
  for (std::size_t i = 1; i <= samples * context; ++i) made.labels.push_back(static_cast<unsigned char>(text[i]));
  std::size_t const test = samples > 1 ? (samples + 9) / 10 : 0;
  made.split.assign(samples, 0);
  std::fill(made.split.end() - static_cast<std::ptrdiff_t>(test), made.split.end(), std::uint8_t(1));
  return made;
}

}  // namespace

void add_data_text(cli::App& data, Context& context) {
  auto const command = add_source(data, context, "text", "Bytes of a file, plain or .gz, as tokens of a language model",
                                  "krate data text book.txt --context 256 -o book.h5");
  struct Options {
    std::string file;
    std::int64_t context = 256;
  };
  auto const o = std::make_shared<Options>();
  command.app->add_option("file", o->file, "Any file; what does not fill a sample at its end is left out")
      ->required()
      ->option_text("FILE");
  command.app->add_option("--context", o->context, "Tokens of a sample")->option_text("INT [256]");
  command.app->callback([&context, o, output = command.output] {
    require_value(o->context > 0 && o->context <= 1 << 24, in_data_text, "--context", o->context,
                  "must be between 1 and 16777216");
    context.comm().guarded([&] { require_other(*output, {o->file}); });
    make_dataset(context, *output, [&] { return read_text(o->file, static_cast<std::size_t>(o->context)); });
  });
}

}  // namespace krate::tools
