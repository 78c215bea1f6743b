// The softmax over candidates by its definition, in float64.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "heads/candidate_softmax.h"

struct SoftmaxReference {
  std::vector<double> losses, dHidden, gradient;  // gradient: D x features
  double norm = 0;
};

// w: numClasses x features, of which d are no bias. Rows of the candidates are classes.
template <class Weight>
SoftmaxReference softmaxReference(const Weight* w, size_t numClasses, size_t d, size_t features,
                                  const widehead::Pass& batch, const widehead::Candidates& candidates) {
  const size_t n = features, m = batch.m;
  SoftmaxReference result{std::vector<double>(m), std::vector<double>(m * d), std::vector<double>(numClasses * n)};
  for (size_t j = 0; j < m; j++) {
    std::vector<size_t> places;
    if (candidates.indptr.empty() || candidates.all) {
      const size_t count = candidates.all ? numClasses : candidates.rows.size();
      for (size_t i = 0; i < count; i++) places.push_back(i);
    } else {
      places.assign(candidates.places.begin() + candidates.indptr[j],
                    candidates.places.begin() + candidates.indptr[j + 1]);
    }
    std::vector<double> o, y(places.size());
    double largest = -std::numeric_limits<double>::infinity(), sum = 0, weight = 0;
    for (size_t place : places) {
      const Weight* row = w + candidates.rowAt(place) * n;
      double logit = candidates.all || candidates.correction.empty() ? 0 : -candidates.correction[place];
      for (size_t i = 0; i < n; i++) logit += double{row[i]} * batch.hidden[j * n + i];
      o.push_back(logit);
      largest = std::max(largest, logit);
    }
    for (double x : o) sum += std::exp(x - largest);
    for (size_t k = batch.targets.indptr()[j]; k < batch.targets.indptr()[j + 1]; k++) {
      const uint32_t id = batch.targets.unique()[batch.targets.slot(k)];
      for (size_t i = 0; i < places.size(); i++) {
        if (candidates.rowAt(places[i]) == id) y[i] = batch.targets.values()[k];
      }
      weight += batch.targets.values()[k];
    }
    for (size_t i = 0; i < places.size(); i++) {
      const uint32_t id = candidates.rowAt(places[i]);
      result.losses[j] += y[i] * (largest + std::log(sum) - o[i]);
      const double g = (weight * std::exp(o[i] - largest) / sum - y[i]) / static_cast<double>(m);
      for (size_t c = 0; c < d; c++) result.dHidden[j * d + c] += g * w[id * n + c];
      for (size_t c = 0; c < n; c++) result.gradient[id * n + c] += g * batch.hidden[j * n + c];
    }
  }
  for (double x : result.gradient) result.norm += x * x;
  result.norm = std::sqrt(result.norm);
  return result;
}
