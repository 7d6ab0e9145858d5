// The tables of a disk image: read when they are first needed, kept with the clusters.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Reads grain tables and their like from one image file through the cluster cache, so that a disk of any size
/// costs a bounded amount of memory. Any thread may call it.
package struct TableCache: Sendable {
    private let source: any ByteSource
    private let cache: ClusterCache
    private let disk: DiskNumber

    package init(of source: any ByteSource, in cache: ClusterCache, for disk: DiskNumber) {
        self.source = source
        self.cache = cache
        self.disk = disk
    }

    /// The same tables, read from `source` where they are not there yet: the file as its log makes it.
    func reading(_ source: any ByteSource) -> TableCache {
        TableCache(of: source, in: cache, for: disk)
    }

    /// Calls `body` with table number `index`, `byteCount` bytes that `load` reads from the image file where they are
    /// not there yet. A table that `load` finds damaged is not kept.
    package func withTable<Result>(
        _ index: UInt64, byteCount: Int,
        load: (any ByteSource, inout OutputRawSpan) throws(ReadError) -> Void,
        body: (RawSpan) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        try cache.withCluster(
            ClusterCache.Key(disk: disk, kind: .table, index: index), byteCount: byteCount,
            load: { output throws(ReadError) in try load(source, &output) },
            body: body)
    }

    /// Calls `body` with table number `index`: the `byteCount` bytes at byte `offset` of the image file.
    package func withTable<Result>(
        _ index: UInt64, byteCount: Int, at offset: UInt64, body: (RawSpan) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        try withTable(
            index, byteCount: byteCount,
            load: { source, output throws(ReadError) in try source.read(byteCount, at: offset, into: &output)
            },
            body: body)
    }
}
