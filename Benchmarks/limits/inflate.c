// Inflates every grain of a streamOptimized VMDK from memory, on one thread: what decoding costs at the least.
// SPDX-License-Identifier: Apache-2.0
//
// usage: inflate DISK.vmdk
// Prints one line: CPU seconds, grains, stored bytes, inflated bytes. Reading the file is not in the seconds.

#define _GNU_SOURCE
#include <fcntl.h>
#include <libdeflate.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { sector_bytes = 512, marker_bytes = 12, most_grain_bytes = 8 << 20 };

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint64_t little64(const uint8_t *bytes)
{
    return little32(bytes) | (uint64_t)little32(bytes + 4) << 32;
}

static void fail(const char *reason, size_t offset)
{
    fprintf(stderr, "inflate: %s (byte %zu)\n", reason, offset);
    exit(1);
}

static uint8_t *read_all(const char *path, size_t *count)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) fail("cannot open the file", 0);
    *count = (size_t)status.st_size;
    uint8_t *bytes = malloc(*count ? *count : 1);
    if (!bytes) fail("no memory for the file", 0);
    for (size_t done = 0; done < *count;) {
        ssize_t step = read(file, bytes + done, *count - done);
        if (step <= 0) fail("cannot read the file", done);
        done += (size_t)step;
    }
    close(file);
    return bytes;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        fprintf(stderr, "usage: inflate DISK.vmdk\n");
        return 2;
    }
    size_t count;
    uint8_t *file = read_all(arguments[1], &count);
    if (count < sector_bytes || memcmp(file, "KDMV", 4) != 0) fail("not a sparse extent", 0);
    uint64_t grain_bytes = little64(file + 20) * sector_bytes;
    uint64_t data_start = little64(file + 64) * sector_bytes; // overHead: where the grains start
    if (grain_bytes == 0 || grain_bytes > most_grain_bytes) fail("unusual grain size", 20);

    uint8_t *grain = malloc(grain_bytes);
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!grain || !decompressor) fail("no memory", 0);
    memset(grain, 0, grain_bytes);

    uint64_t grains = 0, stored_bytes = 0, inflated_bytes = 0;
    double start = cpu_seconds();
    for (size_t at = data_start; at <= count && count - at >= marker_bytes + 4;) {
        uint64_t value = little64(file + at);
        uint32_t size = little32(file + at + 8);
        size_t step;
        if (size == 0) {
            // A metadata marker: what follows are `value` sectors of it. Type 0 ends the stream.
            if (value == 0 && little32(file + at + 12) == 0) break;
            if (value > count / sector_bytes) fail("a metadata marker reaches past the end", at);
            step = (size_t)(value + 1) * sector_bytes;
        } else {
            if (size > count - at - marker_bytes) fail("a grain reaches past the end", at);
            size_t produced;
            if (libdeflate_zlib_decompress(
                    decompressor, file + at + marker_bytes, size, grain, grain_bytes, &produced) != LIBDEFLATE_SUCCESS)
                fail("a grain does not inflate", at);
            grains += 1;
            stored_bytes += size;
            inflated_bytes += produced;
            step = ((size_t)marker_bytes + size + sector_bytes - 1) / sector_bytes * sector_bytes;
        }
        at += step;
    }
    double seconds = cpu_seconds() - start;
    if (grains == 0) fail("no grain was found", data_start);
    printf("%.6f %llu %llu %llu\n", seconds, (unsigned long long)grains, (unsigned long long)stored_bytes,
           (unsigned long long)inflated_bytes);
    libdeflate_free_decompressor(decompressor);
    free(grain);
    free(file);
    return 0;
}
