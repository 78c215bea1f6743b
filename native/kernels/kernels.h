// THE CONTRACT of the vector kernels. One table of functions for each instruction set; the scalar table is the plain,
// obviously right version that every other one is tested against.
//
// All pointers are to float32 in host order with no alignment asked for; n may be any number, 0 included. Inputs and
// outputs do not overlap unless it is said. No kernel allocates, throws, prints or starts a thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace widehead {

// One term of a linear combination: coefficient * x, x in float32 or (if wide is not null) in float64.
struct Term {
  double coefficient;
  const float* x;
  const double* wide = nullptr;
};

// The numbers of one step of Adam that are the same for all parameters of a row.
struct AdamStep {
  float scale;             // of the gradient
  float toMean, toSquare;  // 1 - beta1, 1 - beta2
  float rate, correction;  // learning rate / (1 - beta1^t), 1 / (1 - beta2^t)
  float epsilon;
};

// A product of gemmTile, read where it lies or from a packed panel.
struct TileTerm {
  const float* a;
  ptrdiff_t aRow, aStep;
  const float* b;
  ptrdiff_t bStep;
  size_t k;
};

// c[i*cStride + j] = alpha * t[i][j], or += where add; with lo, (c, lo) += alpha * t as compensatedAxpy adds.
struct TileOutput {
  float* c;
  ptrdiff_t cStride;
  float* lo;
  ptrdiff_t loStride;
  float alpha;
  bool add;
};

constexpr size_t kCodeRows = 16;  // of a block of codeDots

struct Kernels {
  const char* name;  // "scalar", "neon", "avx2", "avx512": the same string in WIDEHEAD_ISA, JavaScript and the benches
  size_t mr, nr, lanes;  // the largest tile of gemmTile, nr a multiple of the float32 lanes of a vector

  // A tile of a sum of products, kept in registers until it is added to the output; 1 <= rows <= mr, 1 <= cols <= nr.
  //   t[i][j] = sum over the terms, then over p < k, of a[i*aRow + p*aStep] * b[p*bStep + j]
  // in float32 with fused multiply-adds where the ISA has them, in that order, which does not depend on rows and cols.
  void (*gemmTile)(const TileOutput& out, size_t rows, size_t cols, const TileTerm* terms, size_t count);

  // sum_i x[i] * y[i] in float32, several partial sums.
  float (*dot)(const float* x, const float* y, size_t n);
  // t[i*tStride + j] = sum_p a[i*aStride + p] * b[j*bStride + p],  i < m, j < n, p < k, in the same way: a few rows with many.
  void (*dots)(float* t, ptrdiff_t tStride, const float* a, ptrdiff_t aStride, size_t m, const float* b,
               ptrdiff_t bStride, size_t n, size_t k);
  // sum_i x[i] * y[i], products and sums in float64.
  double (*dotDouble)(const float* x, const float* y, size_t n);
  // The same for a row that is held in float64 while many small changes are made to it: sum_i x[i] * y[i], y[i] += alpha * x[i].
  double (*dotWide)(const double* x, const float* y, size_t n);
  void (*axpyWide)(double* y, double alpha, const float* x, size_t n);
  // y[i] += alpha * x[i]
  void (*axpy)(float* y, float alpha, const float* x, size_t n);
  // y[i] *= alpha
  void (*scale)(float* y, float alpha, size_t n);
  // (hi, lo) += alpha * x as a sum held in two float32 words: hi[i] + lo[i] keeps about 48 bits and hi[i] is the sum
  // rounded to float32 (Knuth's TwoSum, then renormalised; Dekker 1971). alpha * x[i] is rounded to float32 first.
  void (*compensatedAxpy)(float* hi, float* lo, float alpha, const float* x, size_t n);

  // The same for a change known in float64: (hi, lo) += alpha * x, summed in float64 and cut in two words again.
  void (*compensatedAxpyWide)(float* hi, float* lo, double alpha, const double* x, size_t n);
  // out[i] = sum_k terms[k].coefficient * terms[k].x[i], summed in float64 in the order of the terms and rounded once. out may be one
  // of the x.
  void (*combine)(float* out, const Term* terms, size_t count, size_t n);

  // Products of rows held in four bits a number with one vector of eight bits. Rows come in blocks of kCodeRows, numbers in groups of 8:
  //   sums[kCodeRows*b + r] = sum_p c(b, r, p) * x[p],  p < 8*groups,  c from 0 to 15, x from -127 to 127
  // Byte 64*(b*groups + g) + 4*r + i of codes holds c(b, r, 8*g + i) in its low half and c(b, r, 8*g + 4 + i) in its high one,
  // i < 4. Exact, in integers: every table gives the same sums.
  void (*codeDots)(int32_t* sums, const uint8_t* codes, size_t blocks, size_t groups, const int8_t* x);

  // A panel of b for gemmTile.  out[p*width + i] = x[i*laneStride + p*depthStride],  i < lanes <= width, p < depth;
  // zero for lanes <= i < width. Fast where one of the strides is 1.
  void (*pack)(float* out, size_t width, const float* x, ptrdiff_t laneStride, ptrdiff_t depthStride, size_t lanes,
               size_t depth);
  // out[j*outStride + i] = x[i*xStride + j],  i < rows, j < cols.
  void (*transpose)(float* out, ptrdiff_t outStride, const float* x, ptrdiff_t xStride, size_t rows, size_t cols);
  // c[i*cStride + j] -= sum_p a[i*aStride + p*aStep] * b[p*bStride + j],  i < m, j < n, p < k, in float64: the inner
  // loop of the LU solver, straight from row-major memory. Each element subtracts its products in rising order of p.
  void (*subtractProduct)(double* c, ptrdiff_t cStride, const double* a, ptrdiff_t aStride, ptrdiff_t aStep,
                          const double* b, ptrdiff_t bStride, size_t m, size_t n, size_t k);

  // The loops of a network below a head, and of a softmax. Nothing in them is fused: every table gives the bits of the scalar one.
  // x[i] = tanh(x[i]), within 3 ULP.
  void (*tanh)(float* x, size_t n);
  // The largest of n >= 1 numbers. What it gives is open if one is NaN.
  float (*largest)(const float* x, size_t n);
  // The largest of (x[i*stride + j] + shifts[i*shiftStride]) - limits[j], i < rows, j < n, rows and n >= 1; shifts may be null. Above 0
  // if and only if one of the sums is above its limit.
  float (*largestExcess)(const float* x, ptrdiff_t stride, size_t rows, const float* shifts, size_t shiftStride,
                         const float* limits, size_t n);
  // x[i] = exp(x[i] - shift), within 3 ULP for x[i] - shift from -87 to 88; 0 far below that. Returns their sum, good to 1e-6 of
  // itself; how it is summed is each table's own. NaN stays NaN.
  double (*expSum)(float* x, float shift, size_t n);
  // h = scale * g[i];  sums[i] += h*h;  w[i] -= rate * h / (sqrt(sums[i]) + epsilon), with epsilon above 0.
  void (*adagrad)(float* w, float* sums, const float* g, float scale, float rate, float epsilon, size_t n);
  // h = scale * g[i];  means[i] += toMean * (h - means[i]);  squares[i] += toSquare * (h*h - squares[i]);
  // w[i] -= rate * means[i] / (sqrt(correction * squares[i]) + epsilon), with epsilon above 0.
  void (*adam)(float* w, float* means, float* squares, const float* g, const AdamStep& step, size_t n);
};

// The table in use: the best one this CPU runs, or the one WIDEHEAD_ISA names.
const Kernels& kernels();

// Names this CPU can run, best first, ended by nullptr.
const char* const* supportedIsas();
// Makes `name` the table in use; false, and nothing changed, if it is not in supportedIsas().
bool forceIsa(const char* name);
// What WIDEHEAD_ISA asks for if this CPU or build cannot run it (kernels() is then the best table), else nullptr.
const char* isaRequestError();

}  // namespace widehead
