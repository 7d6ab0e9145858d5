// The C library lzma, as Swift sees it: a block with all that the library wants to stay at its address.
// SPDX-License-Identifier: Apache-2.0
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

/// One block of an xz file while it is decoded.
struct ovafs_xz_block {
    lzma_stream stream;
    lzma_block block;
    lzma_filter filters[LZMA_FILTERS_MAX + 1];
};

/// Reads the header of a block, whose first byte says how long it is, and compares it with what the index says.
static inline lzma_ret ovafs_xz_read_header(
    struct ovafs_xz_block *self, const uint8_t *header, uint32_t check, uint64_t unpadded_byte_count,
    uint64_t decoded_byte_count) {
    memset(self, 0, sizeof *self);
    self->filters[0].id = LZMA_VLI_UNKNOWN;
    self->block.version = 1;
    self->block.header_size = lzma_block_header_size_decode(header[0]);
    self->block.check = (lzma_check)check;
    self->block.filters = self->filters;
    lzma_ret result = lzma_block_header_decode(&self->block, NULL, header);
    if (result != LZMA_OK) return result;
    result = lzma_block_compressed_size(&self->block, unpadded_byte_count);
    if (result != LZMA_OK) return result;
    if (self->block.uncompressed_size != LZMA_VLI_UNKNOWN && self->block.uncompressed_size != decoded_byte_count)
        return LZMA_DATA_ERROR;
    // The decoder then stops at more.
    self->block.uncompressed_size = decoded_byte_count;
    return LZMA_OK;
}

/// The dictionary that the block needs, in bytes.
static inline uint64_t ovafs_xz_dictionary_byte_count(const struct ovafs_xz_block *self) {
    uint64_t largest = 0;
    for (int index = 0; index < LZMA_FILTERS_MAX && self->filters[index].id != LZMA_VLI_UNKNOWN; index++)
        if (self->filters[index].id == LZMA_FILTER_LZMA2) {
            const lzma_options_lzma *options = self->filters[index].options;
            if (options && options->dict_size > largest) largest = options->dict_size;
        }
    return largest;
}

/// All memory that decoding needs, in bytes.
static inline uint64_t ovafs_xz_decoder_byte_count(const struct ovafs_xz_block *self) {
    return lzma_raw_decoder_memusage(self->filters);
}

static inline lzma_ret ovafs_xz_start(struct ovafs_xz_block *self) {
    return lzma_block_decoder(&self->stream, &self->block);
}

/// Gives back what the header's reading and decoding took.
static inline void ovafs_xz_end(struct ovafs_xz_block *self) {
    lzma_end(&self->stream);
    for (int index = 0; index < LZMA_FILTERS_MAX && self->filters[index].id != LZMA_VLI_UNKNOWN; index++) {
        free(self->filters[index].options);
        self->filters[index].options = NULL;
    }
    self->filters[0].id = LZMA_VLI_UNKNOWN;
}
