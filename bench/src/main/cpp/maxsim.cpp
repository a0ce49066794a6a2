// MaxSim as one would do it with a matrix library: sgemm of OpenBLAS, then the largest value of each row or column.
//
// Arguments: query tokens, document tokens, then dimensions. Prints one JSON object a line: the dimension and nanoseconds a
// document token of CPU time, the least of many short runs and of both orders of the product. Run with one thread.

#include <cblas.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

namespace {

constexpr int kRuns = 61;
constexpr double kRunNanos = 2e6;

double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

std::vector<float> random(int count) {
  std::vector<float> values(count);
  for (float& value : values) value = std::rand() / static_cast<float>(RAND_MAX) - 0.5f;
  return values;
}

struct MaxSim {
  int queries, tokens, n;
  std::vector<float> q, d, products, best;

  MaxSim(int queries, int tokens, int n)
      : queries(queries), tokens(tokens), n(n), q(random(queries * n)), d(random(tokens * n)),
        products(queries * tokens), best(queries) {}

  // A row of products for each document token: the maximum runs over rows.
  __attribute__((noinline)) void tokensFirst() {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, tokens, queries, n, 1, d.data(), n, q.data(), n, 0,
                products.data(), queries);
    std::fill(best.begin(), best.end(), -std::numeric_limits<float>::infinity());
    for (int t = 0; t < tokens; t++) {
      const float* row = products.data() + t * queries;
      for (int i = 0; i < queries; i++) best[i] = std::max(best[i], row[i]);
    }
    asm volatile("" : : "r"(best.data()) : "memory");
  }

  // A row of products for each query token.
  __attribute__((noinline)) void queriesFirst() {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, queries, tokens, n, 1, q.data(), n, d.data(), n, 0,
                products.data(), tokens);
    for (int i = 0; i < queries; i++) {
      const float* row = products.data() + i * tokens;
      float most = row[0];
      for (int t = 1; t < tokens; t++) most = std::max(most, row[t]);
      best[i] = most;
    }
    asm volatile("" : : "r"(best.data()) : "memory");
  }
};

template <typename F>
double nanos(F pass) {
  double start = now();
  long passes = 0;
  while (now() - start < 200e6) {
    pass();
    passes++;
  }
  long run = std::max(1.0, passes * kRunNanos / 200e6);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRuns; i++) {
    double before = now();
    for (long p = 0; p < run; p++) pass();
    least = std::min(least, (now() - before) / run);
  }
  return least;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::fprintf(stderr, "usage: %s QUERY_TOKENS DOCUMENT_TOKENS DIMENSION...\n", arguments[0]);
    return 2;
  }
  int queries = std::atoi(arguments[1]);
  int tokens = std::atoi(arguments[2]);
  openblas_set_num_threads(1);
  for (int i = 3; i < count; i++) {
    MaxSim maxSim(queries, tokens, std::atoi(arguments[i]));
    double ns = std::min(nanos([&] { maxSim.tokensFirst(); }), nanos([&] { maxSim.queriesFirst(); }));
    std::printf("{\"dimension\": %d, \"ns\": %.3f, \"core\": \"%s\"}\n", maxSim.n, ns / tokens, openblas_get_corename());
  }
}
