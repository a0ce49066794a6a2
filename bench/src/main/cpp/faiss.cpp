// FAISS IndexHNSWFlat as Debian's libfaiss-dev has it. Under `cosine` the vectors are of unit length, so that L2 gives
// the same order.
#include <faiss/IndexHNSW.h>
#include <omp.h>

#include "peer.hpp"

namespace {

class Faiss {
 public:
  explicit Faiss(const peer::Setup& setup)
      : index_(setup.dimension, setup.m, setup.metric == "dot" ? faiss::METRIC_INNER_PRODUCT : faiss::METRIC_L2) {
    index_.hnsw.efConstruction = setup.efConstruction;
  }

  void build(const peer::Setup& setup, peer::Progress& progress) {
    omp_set_num_threads(1);
    index_.add(setup.rows(), setup.base.data());
    progress.done(setup.rows());
    omp_set_num_threads(setup.threads);
  }

  // All queries in one call: FAISS's fastest way, since it then keeps its scratch between queries.
  void search(const peer::Setup& setup, size_t ef, size_t k, int32_t* ids) {
    index_.hnsw.efSearch = ef;
    distances_.resize(setup.queryCount() * k);
    labels_.resize(setup.queryCount() * k);
    index_.search(setup.queryCount(), setup.queries.data(), k, distances_.data(), labels_.data());
    for (size_t i = 0; i < labels_.size(); i++) ids[i] = static_cast<int32_t>(labels_[i]);
  }

  std::string note(const peer::Setup& setup) const {
    return setup.metric == "l2" ? "L2" : setup.metric == "dot" ? "inner product" : "L2 on unit vectors";
  }

 private:
  faiss::IndexHNSWFlat index_;
  std::vector<float> distances_;
  std::vector<int64_t> labels_;
};

}  // namespace

int main(int argc, char** argv) { return peer::run<Faiss>(argc, argv); }
