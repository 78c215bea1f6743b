// Which rank holds the rows of which classes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "comm/communicator.h"

namespace widehead {

// Class c lies with rank c % size, as its row c / size: where ids go by falling frequency the frequent ones are spread evenly, and an
// id says where it lies without a table. The order of rows is that of classes.
struct Shard {
  size_t rank = 0, size = 1;

  // Rows of this rank; and those that every rank has room for, one of which may belong to no class.
  size_t rows(size_t numClasses) const { return (numClasses + size - 1 - rank) / size; }
  size_t capacity(size_t numClasses) const { return (numClasses + size - 1) / size; }

  size_t ownerOf(uint32_t id) const { return id % size; }
  bool owns(uint32_t id) const { return size == 1 || id % size == rank; }
  uint32_t rowOf(uint32_t id) const { return size == 1 ? id : static_cast<uint32_t>(id / size); }
  uint32_t classOf(size_t row) const { return static_cast<uint32_t>(row * size + rank); }
};

// All classes, where there are no other ranks.
inline Shard shardOf(const Communicator* comm) { return comm == nullptr ? Shard{} : Shard{comm->rank(), comm->size()}; }

}  // namespace widehead
