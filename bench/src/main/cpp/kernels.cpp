// The kernels of bench kernels in C++ with AVX-512 intrinsics, as an upper bound for what Java can reach.
//
// Arguments: rows that stay in the cache, then dimensions. Prints one JSON object a line: the kernel, the dimension and
// nanoseconds a row of CPU time, the least of many short runs; of codes four times as many rows. A kernel that the processor lacks is left out.

#include <immintrin.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace {

constexpr int kRuns = 61;
constexpr double kRunNanos = 200e3;

double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

// Keeps a result alive without storing it.
template <typename T>
void keep(T value) {
  asm volatile("" : : "x"(value) : "memory");
}

void keep(int64_t value) { asm volatile("" : : "r"(value) : "memory"); }

#ifdef __AVX512F__
__attribute__((noinline)) float dotFloats(const float* q, const float* x, int n) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  int i = 0;
  for (; i + 64 <= n; i += 64) {
    s0 = _mm512_fmadd_ps(_mm512_load_ps(q + i), _mm512_load_ps(x + i), s0);
    s1 = _mm512_fmadd_ps(_mm512_load_ps(q + i + 16), _mm512_load_ps(x + i + 16), s1);
    s2 = _mm512_fmadd_ps(_mm512_load_ps(q + i + 32), _mm512_load_ps(x + i + 32), s2);
    s3 = _mm512_fmadd_ps(_mm512_load_ps(q + i + 48), _mm512_load_ps(x + i + 48), s3);
  }
  for (; i < n; i += 16) s0 = _mm512_fmadd_ps(_mm512_load_ps(q + i), _mm512_load_ps(x + i), s0);
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

__m512 square(const float* q, const float* x, __m512 sum) {
  __m512 d = _mm512_sub_ps(_mm512_load_ps(q), _mm512_load_ps(x));
  return _mm512_fmadd_ps(d, d, sum);
}

__attribute__((noinline)) float squaredL2(const float* q, const float* x, int n) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  int i = 0;
  for (; i + 64 <= n; i += 64) {
    s0 = square(q + i, x + i, s0);
    s1 = square(q + i + 16, x + i + 16, s1);
    s2 = square(q + i + 32, x + i + 32, s2);
    s3 = square(q + i + 48, x + i + 48, s3);
  }
  for (; i < n; i += 16) s0 = square(q + i, x + i, s0);
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

// Four rows share the loads of the query.
__attribute__((noinline)) void dotFloats4(const float* q, const float* x, long stride, int n, float* out) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  for (int i = 0; i < n; i += 16) {
    __m512 v = _mm512_load_ps(q + i);
    s0 = _mm512_fmadd_ps(v, _mm512_load_ps(x + i), s0);
    s1 = _mm512_fmadd_ps(v, _mm512_load_ps(x + stride + i), s1);
    s2 = _mm512_fmadd_ps(v, _mm512_load_ps(x + 2 * stride + i), s2);
    s3 = _mm512_fmadd_ps(v, _mm512_load_ps(x + 3 * stride + i), s3);
  }
  out[0] = _mm512_reduce_add_ps(s0);
  out[1] = _mm512_reduce_add_ps(s1);
  out[2] = _mm512_reduce_add_ps(s2);
  out[3] = _mm512_reduce_add_ps(s3);
}
#endif

#ifdef __AVX512VNNI__
// Codes from 0 to 255, a query from -128 to 127.
__attribute__((noinline)) int dotInt8(const int8_t* q, const uint8_t* x, int n) {
  __m512i s0 = _mm512_setzero_si512(), s1 = s0;
  int i = 0;
  for (; i + 128 <= n; i += 128) {
    s0 = _mm512_dpbusd_epi32(s0, _mm512_load_si512(x + i), _mm512_load_si512(q + i));
    s1 = _mm512_dpbusd_epi32(s1, _mm512_load_si512(x + i + 64), _mm512_load_si512(q + i + 64));
  }
  for (; i < n; i += 64) {
    s0 = _mm512_dpbusd_epi32(s0, _mm512_load_si512(x + i), _mm512_load_si512(q + i));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}

// Two codes a byte; the query has the values of the low halves, then those of the high halves, 64 at a time.
__attribute__((noinline)) int dotInt4(const int8_t* q, const uint8_t* x, int n) {
  __m512i s0 = _mm512_setzero_si512(), s1 = s0;
  const __m512i low = _mm512_set1_epi8(15);
  for (int i = 0; i < n / 2; i += 64) {
    __m512i codes = _mm512_load_si512(x + i);
    s0 = _mm512_dpbusd_epi32(s0, _mm512_and_si512(codes, low), _mm512_load_si512(q + 2 * i));
    s1 = _mm512_dpbusd_epi32(s1, _mm512_and_si512(_mm512_srli_epi16(codes, 4), low),
                             _mm512_load_si512(q + 2 * i + 64));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}
#endif

#ifdef __AVX512VPOPCNTDQ__
// Four planes of the query for each word of a row, side by side.
__attribute__((noinline)) int64_t dotBits(const uint64_t* q, const uint64_t* x, int words) {
  __m256i s0 = _mm256_setzero_si256(), s1 = s0;
  int i = 0;
  for (; i + 2 <= words; i += 2) {
    __m512i codes = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set1_epi64x(x[i])),
                                       _mm256_set1_epi64x(x[i + 1]), 1);
    __m512i ones = _mm512_popcnt_epi64(_mm512_and_si512(codes, _mm512_load_si512(q + 4 * i)));
    s0 = _mm256_add_epi64(s0, _mm512_castsi512_si256(ones));
    s1 = _mm256_add_epi64(s1, _mm512_extracti64x4_epi64(ones, 1));
  }
  for (; i < words; i++) {
    __m256i planes = _mm256_load_si256(reinterpret_cast<const __m256i*>(q + 4 * i));
    __m512i both = _mm512_castsi256_si512(_mm256_and_si256(_mm256_set1_epi64x(x[i]), planes));
    s0 = _mm256_add_epi64(s0, _mm512_castsi512_si256(_mm512_popcnt_epi64(both)));
  }
  __m256i weighted = _mm256_sllv_epi64(_mm256_add_epi64(s0, s1), _mm256_set_epi64x(3, 2, 1, 0));
  alignas(32) int64_t sums[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), weighted);
  return sums[0] + sums[1] + sums[2] + sums[3];
}
#endif

#ifdef __AVX512BW__
// The sums of 32 neighbours over one table of 16 bytes for every four dimensions: FastScan by VPSHUFB.
__attribute__((noinline)) void lookup(const uint8_t* tables, const uint8_t* codes, int n, uint16_t* out) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i all0 = _mm512_setzero_si512(), odd0 = all0, all1 = all0, odd1 = all0;
  for (int i = 0; i < 4 * n; i += 64) {
    __m512i c = _mm512_load_si512(codes + i), t = _mm512_load_si512(tables + i);
    __m512i low = _mm512_shuffle_epi8(t, _mm512_and_si512(c, nibble));
    __m512i high = _mm512_shuffle_epi8(t, _mm512_and_si512(_mm512_srli_epi16(c, 4), nibble));
    all0 = _mm512_add_epi16(all0, low);
    odd0 = _mm512_add_epi16(odd0, _mm512_srli_epi16(low, 8));
    all1 = _mm512_add_epi16(all1, high);
    odd1 = _mm512_add_epi16(odd1, _mm512_srli_epi16(high, 8));
  }
  const __m512i sums[4] = {_mm512_sub_epi16(all0, _mm512_slli_epi16(odd0, 8)), odd0,
                           _mm512_sub_epi16(all1, _mm512_slli_epi16(odd1, 8)), odd1};
  for (int k = 0; k < 4; k++) {
    __m256i half = _mm256_add_epi16(_mm512_castsi512_si256(sums[k]), _mm512_extracti64x4_epi64(sums[k], 1));
    __m128i quarter = _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8 * k), quarter);
  }
}
#endif

template <typename Pass>
void measure(const char* kernel, int dimension, int rows, Pass pass) {
  for (int i = 0; i < 1000; i++) pass();
  double begin = now();
  for (int i = 0; i < 1000; i++) pass();
  long passes = 1 + static_cast<long>(kRunNanos / ((now() - begin) / 1000 + 1));
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; run++) {
    begin = now();
    for (long i = 0; i < passes; i++) pass();
    double nanos = (now() - begin) / passes / rows;
    if (nanos < least) least = nanos;
  }
  std::printf("{\"kernel\":\"%s\",\"dimension\":%d,\"ns\":%.3f}\n", kernel, dimension, least);
}

}  // namespace

int main(int argc, char** argv) {
  const int rows = std::atoi(argv[1]);
  // Rows of codes take a quarter of the bytes of float32.
  const int codeRows = 4 * rows;
  const long stride = 8192;
  auto* bytes = static_cast<uint8_t*>(std::aligned_alloc(64, stride * (rows + 1)));
  for (int a = 2; a < argc; a++) {
    const int n = std::atoi(argv[a]);
    for (long i = 0; i < stride * (rows + 1); i++) bytes[i] = static_cast<uint8_t>(i * 37 >> 3);
    const uint8_t* base = bytes + stride;
    // Rows follow each other without a gap, as in an index.
#ifdef __AVX512F__
    auto* floats = reinterpret_cast<float*>(bytes);
    for (long i = 0; i < stride * (rows + 1) / 4; i++) floats[i] = (i % 100) / 100.0f;
    auto* floatRows = reinterpret_cast<const float*>(base);
    measure("dot", n, rows, [&] {
      for (int r = 0; r < rows; r++) keep(dotFloats(floats, floatRows + static_cast<long>(r) * n, n));
    });
    measure("squared_l2", n, rows, [&] {
      for (int r = 0; r < rows; r++) keep(squaredL2(floats, floatRows + static_cast<long>(r) * n, n));
    });
    float out[4];
    measure("dot_4_rows", n, rows / 4 * 4, [&] {
      for (int r = 0; r + 4 <= rows; r += 4) {
        dotFloats4(floats, floatRows + static_cast<long>(r) * n, n, n, out);
        keep(out[0] + out[1] + out[2] + out[3]);
      }
    });
#endif
    for (long i = 0; i < stride * (rows + 1); i++) bytes[i] = static_cast<uint8_t>(i * 37 >> 3);
#ifdef __AVX512VNNI__
    auto* query = reinterpret_cast<const int8_t*>(bytes);
    measure("int8", n, codeRows, [&] {
      for (int r = 0; r < codeRows; r++) keep(static_cast<int64_t>(dotInt8(query, base + static_cast<long>(r) * n, n)));
    });
    measure("int4", n, codeRows, [&] {
      for (int r = 0; r < codeRows; r++) {
        keep(static_cast<int64_t>(dotInt4(query, base + static_cast<long>(r) * n / 2, n)));
      }
    });
#endif
#ifdef __AVX512VPOPCNTDQ__
    auto* planes = reinterpret_cast<const uint64_t*>(bytes);
    auto* words = reinterpret_cast<const uint64_t*>(base);
    measure("bits", n, codeRows, [&] {
      for (int r = 0; r < codeRows; r++) keep(dotBits(planes, words + static_cast<long>(r) * n / 64, n / 64));
    });
#endif
#ifdef __AVX512BW__
    uint16_t looked[32];
    measure("lookup", n, 32, [&] {
      lookup(bytes, base, n, looked);
      keep(static_cast<int64_t>(looked[0]));
    });
#endif
  }
  std::free(bytes);
  return 0;
}
