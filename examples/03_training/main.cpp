// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trains a small CRATE classifier on an HDF5 dataset; under mpirun each rank takes its share of every batch.
// usage: training DATA.h5 RUN      RUN: a new directory for metrics, checkpoints and the model
#include <cstdio>
#include <krate/krate.hpp>

using Space = Kokkos::DefaultExecutionSpace;

void train(char const* data_file, char const* run, krate::comm::Communicator const& comm) {
  Space const space;
  krate::train::DatasetSource<Space, double> data(krate::io::Dataset::open(data_file, comm).load());
  krate::models::Crate<Space, double> model(
      space, {.image_size = 8, .patch_size = 4, .dim = 48, .depth = 2, .heads = 4, .classes = 10}, krate::Seed{7});
  krate::train::Trainer trainer(space, comm, model, krate::optim::AdamW{.learning_rate = 3e-3},
                                {.epochs = 10, .batch = 64, .run = run});
  auto const summary = trainer.run(data);
  if (!comm.is_root()) return;
  std::printf("%lld steps, last training loss %.3f\n", static_cast<long long>(summary.steps), summary.train_loss);
  std::printf("test loss %.3f, test accuracy %.3f\n", summary.test->loss, summary.test->accuracy());
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s DATA.h5 RUN\n", argv[0]), 2;
#if KRATE_ENABLE_MPI
  MPI_Init(&argc, &argv);
#endif
  Kokkos::initialize(argc, argv);
  int failed = 0;
  try {
#if KRATE_ENABLE_MPI
    train(argv[1], argv[2], krate::comm::Communicator(MPI_COMM_WORLD));
#else
    train(argv[1], argv[2], {});
#endif
  } catch (krate::Error const& error) {
    std::fprintf(stderr, "%s\n", error.what());
    failed = 1;
  }
  Kokkos::finalize();
#if KRATE_ENABLE_MPI
  MPI_Finalize();
#endif
  return failed;
}
