// The trunk in float64, written to be read: what native/trunk is compared with.
#pragma once

#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "trunk/trunk.h"

namespace reference {

using Vector = std::vector<double>;

// Input of m examples that owns its arrays.
struct Input {
  std::vector<uint32_t> indptr{0}, indices;
  std::vector<float> values;
  bool weighted = false;

  void add(const std::vector<uint32_t>& bag) {
    indices.insert(indices.end(), bag.begin(), bag.end());
    indptr.push_back(static_cast<uint32_t>(indices.size()));
  }
  widehead::Bags bags() const {
    return {indptr.data(), indptr.size() - 1, indices.data(), indices.size(), weighted ? values.data() : nullptr};
  }
};

struct Trunk {
  widehead::TrunkSettings settings;
  std::vector<Vector> parameters, gradients, squares, means;  // in the order of widehead::Trunk::parameter()
  std::vector<double> rowSquares;
  std::vector<int> rowSteps;
  int steps = 0;

  Trunk(const widehead::TrunkSettings& settings, const widehead::Trunk& start) : settings(settings) {
    for (size_t k = 0; k < start.parameterCount(); ++k) {
      const widehead::MatrixF p = start.parameter(k);
      parameters.emplace_back(p.data, p.data + p.rows * p.cols);
    }
    for (const Vector& p : parameters) means.emplace_back(p.size(), 0.0);
    squares = means;
    rowSquares.resize(settings.vocabularySize);
    rowSteps.resize(settings.vocabularySize);
  }

  double combineFactor(double entries) const {
    return settings.combine == "sum" ? 1 : settings.combine == "mean" ? 1 / entries : 1 / std::sqrt(entries);
  }

  // Outputs of the embedding and of each layer, m rows each.
  std::vector<Vector> outputs(const Input& input) const {
    const size_t e = settings.embeddingSize, m = (input.indptr.size() - 1) / settings.slots;
    std::vector<Vector> all{Vector((input.indptr.size() - 1) * e)};
    for (size_t bag = 0; bag + 1 < input.indptr.size(); ++bag)
      for (size_t i = input.indptr[bag]; i < input.indptr[bag + 1]; ++i)
        for (size_t j = 0; j < e; ++j) {
          const double weight = input.weighted ? input.values[i] : 1;
          all[0][bag * e + j] += combineFactor(input.indptr[bag + 1] - input.indptr[bag]) * weight *
                                 parameters[0][input.indices[i] * e + j];
        }
    for (size_t k = 0; k < settings.layers.size(); ++k) {
      const size_t size = settings.layers[k].size, inputs = all[k].size() / m;
      Vector y(m * size);
      for (size_t i = 0; i < m; ++i)
        for (size_t o = 0; o < size; ++o) {
          double z = parameters[2 + 2 * k][o];
          for (size_t p = 0; p < inputs; ++p) z += parameters[1 + 2 * k][o * inputs + p] * all[k][i * inputs + p];
          const std::string& f = settings.layers[k].activation;
          y[i * size + o] = f == "tanh" ? std::tanh(z) : f == "relu" ? (z > 0 ? z : 0) : z;
        }
      all.push_back(y);
    }
    return all;
  }

  // Fills gradients; returns their norm.
  double differentiate(const Input& input, Vector dy) {
    const std::vector<Vector> all = outputs(input);
    const size_t e = settings.embeddingSize, m = (input.indptr.size() - 1) / settings.slots;
    gradients.clear();
    for (const Vector& p : parameters) gradients.emplace_back(p.size(), 0.0);
    for (size_t k = settings.layers.size(); k-- > 0;) {
      const size_t size = settings.layers[k].size, inputs = all[k].size() / m;
      Vector dx(all[k].size());
      for (size_t i = 0; i < m; ++i)
        for (size_t o = 0; o < size; ++o) {
          const double y = all[k + 1][i * size + o];
          const std::string& f = settings.layers[k].activation;
          const double dz = dy[i * size + o] * (f == "tanh" ? 1 - y * y : f == "relu" ? (y > 0 ? 1 : 0) : 1);
          gradients[2 + 2 * k][o] += dz;
          for (size_t p = 0; p < inputs; ++p) {
            gradients[1 + 2 * k][o * inputs + p] += dz * all[k][i * inputs + p];
            dx[i * inputs + p] += dz * parameters[1 + 2 * k][o * inputs + p];
          }
        }
      dy = dx;
    }
    for (size_t bag = 0; bag + 1 < input.indptr.size(); ++bag)
      for (size_t i = input.indptr[bag]; i < input.indptr[bag + 1]; ++i)
        for (size_t j = 0; j < e; ++j) {
          const double weight = input.weighted ? input.values[i] : 1;
          gradients[0][input.indices[i] * e + j] +=
              combineFactor(input.indptr[bag + 1] - input.indptr[bag]) * weight * dy[bag * e + j];
        }
    double sum = 0;
    for (const Vector& g : gradients)
      for (double value : g) sum += value * value;
    return std::sqrt(sum);
  }

  double step(const Input& input, const Vector& dHidden, double rate) {
    const double norm = differentiate(input, dHidden);
    if (norm > settings.clipNorm)
      for (Vector& g : gradients)
        for (double& value : g) value *= settings.clipNorm / norm;
    ++steps;
    for (size_t k = 1; k < parameters.size(); ++k)
      for (size_t i = 0; i < parameters[k].size(); ++i) update(k, i, rate, steps);
    for (uint32_t row : std::set<uint32_t>(input.indices.begin(), input.indices.end())) updateRow(row, rate);
    return norm;
  }

  void updateRow(uint32_t row, double rate) {
    const size_t e = settings.embeddingSize;
    ++rowSteps[row];
    if (settings.optimizer.kind != "adagrad" || !settings.optimizer.rowwise) {
      for (size_t j = 0; j < e; ++j) update(0, row * e + j, rate, rowSteps[row]);
      return;
    }
    for (size_t j = 0; j < e; ++j) rowSquares[row] += gradients[0][row * e + j] * gradients[0][row * e + j] / e;
    for (size_t j = 0; j < e; ++j)
      parameters[0][row * e + j] -=
          rate * gradients[0][row * e + j] / (std::sqrt(rowSquares[row]) + settings.optimizer.epsilon);
  }

  void update(size_t k, size_t i, double rate, int t) {
    const widehead::OptimizerSettings& o = settings.optimizer;
    const double g = gradients[k][i];
    double& w = parameters[k][i];
    if (o.kind == "sgd") {
      w -= rate * g;
    } else if (o.kind == "adagrad") {
      squares[k][i] += g * g;
      w -= rate * g / (std::sqrt(squares[k][i]) + o.epsilon);
    } else {
      means[k][i] = o.beta1 * means[k][i] + (1 - o.beta1) * g;
      squares[k][i] = o.beta2 * squares[k][i] + (1 - o.beta2) * g * g;
      w -= rate * (means[k][i] / (1 - std::pow(o.beta1, t))) /
           (std::sqrt(squares[k][i] / (1 - std::pow(o.beta2, t))) + o.epsilon);
    }
  }
};

}  // namespace reference
