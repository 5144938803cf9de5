// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate game ctrl: sequential games of an encoder and a decoder, many at once.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "krate/games/pursuit.hpp"
#include "tools/context.hpp"
#include "tools/subspaces.hpp"

namespace krate::tools {

void add_game_ctrl(cli::App& game, Context& context);

/// What is played on, and how.
struct CtrlSetting {
  std::string name;           ///< "figure1"; of files and groups
  SubspaceOptions subspaces;  ///< its seed is that of the first replica
  std::string file{};         ///< or a dataset
  games::PursuitRule rule;    ///< its seed likewise
  std::size_t hidden = 0;     ///< between the two layers of each map, which are networks; 0: they are linear
  std::size_t epochs = 2;
};

struct CtrlTask {
  std::vector<CtrlSetting> settings{};
  std::size_t replicas = 1;
};

/// One of the figures of the paper and its appendices, or all that need no data that was not given.
/// @param data  a dataset, of those that are about one
/// @throws ValueError for a figure that there is not, or whose data lack
std::vector<CtrlSetting> ctrl_figures(std::string const& which, std::string const& data);
/// What single-subspace pursuit differs in.
CtrlSetting single_subspace(std::string const& name);

/// Samples of a setting's replica to play on, and others of the same kind.
struct CtrlSamples {
  games::PursuitData train, test;
};
/// Collective for datasets of files. @throws IoError or ValueError for files that do not serve
CtrlSamples ctrl_samples(Context& context, CtrlSetting const& setting, std::size_t replica);

Json to_json(CtrlSetting const& setting);
Json to_json(CtrlTask const& task);
/// @throws nlohmann's exceptions for what to_json() did not write
CtrlTask ctrl_task(Json const& json);

/// How far a task is.
struct CtrlState {
  std::vector<std::vector<double>> finished{};  ///< of each setting: all replicas' ctrl_numbers()
  std::size_t step = 0;                         ///< of the next setting, whose games are in the middle if it is not 0
  std::vector<double> playing{};                ///< this rank's share of them
  double seconds = 0;                           ///< of playing, on the slowest rank
};

/// Collective: plays what `state` lacks. Ranks share the games; what comes out is the same for any number of them.
/// @param checkpoint  after so many seconds the state goes to this file, again and again
void play_ctrl(Context& context, CtrlTask const& task, CtrlState& state, std::string const& checkpoint,
               double checkpoint_seconds);

/// Collective: one file, for any number of ranks to go on from.
void write_checkpoint(Context& context, CtrlTask const& task, CtrlState const& state, std::string const& path);
/// Collective. @throws IoError for what is no such file
void read_checkpoint(Context& context, std::string const& path, CtrlTask& task, CtrlState& state);

/// Of one game, on samples that it has not seen.
struct CtrlScore {
  double expansion = 0, inconsistency = 0;
  double largest_cosine = 0, mean_cosine = 0;  ///< |cosine| of codes of different classes
  double least_ratio = 0, largest_ratio = 0;   ///< of the distance of two codes to that of their samples
};

/// What pictures show of a setting's first replica: of samples, codes, what they decode to, and its codes.
struct CtrlView {
  std::vector<std::size_t> sizes{};                ///< test samples of each class
  std::vector<double> singular_values[4]{};        ///< descending
  std::vector<std::vector<double>> by_class[4]{};  ///< [classes]
  std::vector<double> cosine[4]{};                 ///< [shown, shown] |cosine| of samples in the order of classes
  std::size_t shown = 0;
};

struct CtrlResult {
  std::size_t steps = 0, dim = 0;
  double equilibrium = 0;                            ///< expansion of the closed form; 0 where there is none
  std::vector<CtrlScore> scores{};                   ///< [replicas]
  std::vector<double> expansion{}, inconsistency{};  ///< [replicas, steps]
  std::vector<double> encoder{}, decoder{};          ///< [replicas, width, dim], [replicas, dim, width]; or networks
  CtrlView view{};
};

/// On rank 0; the others get nothing. Collective.
std::vector<CtrlResult> measure_ctrl(Context& context, CtrlTask const& task, CtrlState const& state);

/// Collective: ctrl.h5, and of each setting NAME.csv, NAME.png and NAME_cosine.png, in an existing directory.
void write_ctrl(Context& context, CtrlTask const& task, std::vector<CtrlResult> const& results,
                std::string const& directory);

/// Encoder steps of a setting.
std::size_t ctrl_steps(CtrlSetting const& setting, std::size_t samples);
/// Numbers of a game, as Pursuit::save() or NetworkPursuit::save() has them.
std::size_t ctrl_numbers(CtrlSetting const& setting, std::size_t dim, std::size_t steps);

}  // namespace krate::tools
