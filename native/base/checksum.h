// Checksums of files.
#pragma once

#include <cstddef>
#include <cstdint>

namespace widehead {

// CRC-32 (IEEE 802.3), as zlib computes it; of pieces one after the other, the first with crc = 0.
uint32_t crc32(uint32_t crc, const void* data, size_t size);

}  // namespace widehead
