// Turns the stored form of a cluster into the guest's bytes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// A decompressor and the memory that the stored form is read into. One thread uses it at a time; `ObjectPool`
/// hands them out.
// SAFETY: the pool gives a decoder to one thread at a time.
@safe final class ClusterDecoder: PooledObject, @unchecked Sendable {
    private let inflater: BufferInflater
    /// Made for the first cluster that needs it.
    private var zstd: ZstdBufferDecoder?
    /// Stored bytes that were read: `windowStart ..< windowStart + windowByteCount` of the image file.
    private var window = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var windowStart: UInt64 = 0
    private var windowByteCount = 0

    /// A window that grew beyond this for an unusually large cluster is not kept.
    private static let keptWindowByteCount = 1 << 20

    /// - Throws: `ReadError.system` where there is no memory.
    init() throws(ReadError) {
        inflater = try BufferInflater()
    }

    deinit {
        unsafe LargeMemory.giveBack(window)
    }

    /// Forgets what was read, and gives back unusual amounts of memory.
    func reset() {
        windowByteCount = 0
        giveBackMemory()
    }

    /// Gives back unusual amounts of memory, and with it what was read.
    func giveBackMemory() {
        guard unsafe window.count > Self.keptWindowByteCount else { return }
        forgetWindow()
    }

    private func forgetWindow() {
        windowByteCount = 0
        unsafe LargeMemory.giveBack(window)
        unsafe window = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Whether the stored form of `cluster` has been read already.
    func holds(_ cluster: CompressedCluster) -> Bool {
        covers(cluster.storedOffset, byteCount: cluster.storedByteCountLimit)
    }

    /// Reads the stored bytes up to `end` at once, for clusters that lie side by side and are decoded next.
    func readAhead(from start: UInt64, to end: UInt64, of file: any ByteSource) throws(ReadError) {
        guard end > start, !covers(start, byteCount: Int(end - start)) else { return }
        try fillWindow(from: start, byteCount: Int(end - start), of: file)
    }

    /// Appends the cluster, `cluster.decodedByteCount` bytes, to `output`. Where the last cluster of a disk is
    /// stored short, zeros follow it.
    ///
    /// - Throws: `ReadError.corrupt` with the cluster's place in the file where the stored form is damaged.
    func decode(
        _ cluster: CompressedCluster, of file: any ByteSource, into output: inout OutputRawSpan
    ) throws(ReadError) {
        try checkPreceding(cluster, in: file)
        if !holds(cluster) {
            // Few clusters are stored larger than they decode to: those are read in a second step.
            try fillWindow(
                from: cluster.storedOffset,
                byteCount: min(cluster.storedByteCountLimit, cluster.decodedByteCount), of: file)
        }
        let payload = try payload(of: cluster, fileByteCount: file.byteCount)
        if !covers(cluster.storedOffset, byteCount: payload.upperBound) {
            try fillWindow(from: cluster.storedOffset, byteCount: payload.upperBound, of: file)
        }
        // SAFETY: the window was made to cover the payload.
        let stored = unsafe UnsafeRawBufferPointer(
            rebasing: storedBytes(from: cluster.storedOffset)[payload])
        try PatientRead.decoding { () throws(ReadError) in
            try unsafe inflate(stored, of: cluster, into: &output)
        }
    }

    /// Where the compressed data lies, in bytes from `cluster.storedOffset`.
    private func payload(of cluster: CompressedCluster, fileByteCount: UInt64) throws(ReadError) -> Range<Int>
    {
        switch cluster.framing {
        case .grainMarker, .grainMarkerOrSize:
            try GrainMarker.payload(
                in: unsafe storedBytes(from: cluster.storedOffset).bytes, of: cluster,
                fileByteCount: fileByteCount)
        case .deflate, .zstd, .zlib: 0..<cluster.storedByteCountLimit
        }
    }

    /// A grain in the middle of another one is no grain.
    private func checkPreceding(_ cluster: CompressedCluster, in file: any ByteSource) throws(ReadError) {
        guard case .grainMarkerOrSize(_, let preceding?) = cluster.framing else { return }
        let probe = Int(min(UInt64(GrainMarker.probeByteCount), cluster.storedOffset - preceding))
        let byteCount: Int
        if covers(preceding, byteCount: probe) {
            // SAFETY: the window covers the probe.
            byteCount = seemingByteCount(
                of: unsafe UnsafeRawBufferPointer(rebasing: storedBytes(from: preceding)[..<probe]).bytes,
                cluster)
        } else {
            let head = try file.bytes(probe, at: preceding)
            // SAFETY: bytes have no padding.
            byteCount = seemingByteCount(of: unsafe head.span.bytes, cluster)
        }
        guard UInt64(byteCount) <= cluster.storedOffset - preceding else {
            throw cluster.damage("it lies inside the grain at byte \(preceding)")
        }
    }

    private func seemingByteCount(of head: RawSpan, _ cluster: CompressedCluster) -> Int {
        GrainMarker.seemingByteCount(of: head, grainByteCount: cluster.decodedByteCount)
    }

    private func inflate(
        _ stored: UnsafeRawBufferPointer, of cluster: CompressedCluster, into output: inout OutputRawSpan
    ) throws(ReadError) {
        precondition(output.freeCapacity >= cluster.decodedByteCount, "no room for a cluster")
        let missing: Int
        switch try unsafe decompress(stored, of: cluster, into: &output) {
        case .decoded(let byteCount) where byteCount >= cluster.neededByteCount:
            missing = cluster.decodedByteCount - byteCount
        case .decoded(let byteCount):
            throw cluster.damage(
                "its data inflates to \(byteCount) bytes, \(cluster.neededByteCount) are needed")
        case .tooLong:
            throw cluster.damage("its data inflates to more than \(cluster.decodedByteCount) bytes")
        case .damaged:
            throw cluster.damage("its compressed data is damaged")
        }
        if missing > 0 { output.appendZeros(missing) }
    }

    private func decompress(
        _ stored: UnsafeRawBufferPointer, of cluster: CompressedCluster, into output: inout OutputRawSpan
    ) throws(ReadError) -> BufferInflater.Outcome {
        let limit = cluster.decodedByteCount
        return switch cluster.framing {
        case .grainMarker, .grainMarkerOrSize:
            unsafe inflater.inflateZlib(stored, into: &output, atMost: limit)
        case .zlib: unsafe inflater.inflateZlib(stored, into: &output, atMost: limit, isWhole: true)
        case .deflate: unsafe inflater.inflateDeflate(stored, into: &output, atMost: limit)
        case .zstd: try unsafe decodeZstd(stored, into: &output, atMost: limit)
        }
    }

    private func decodeZstd(
        _ stored: UnsafeRawBufferPointer, into output: inout OutputRawSpan, atMost limit: Int
    ) throws(ReadError) -> BufferInflater.Outcome {
        if zstd == nil { zstd = try ZstdBufferDecoder() }
        return unsafe zstd?.decode(stored, into: &output, atMost: limit) ?? .damaged
    }

    private func covers(_ offset: UInt64, byteCount: Int) -> Bool {
        guard offset >= windowStart, offset - windowStart <= UInt64(windowByteCount) else { return false }
        return byteCount <= windowByteCount - Int(offset - windowStart)
    }

    /// What the window holds from `offset` on.
    private func storedBytes(from offset: UInt64) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: window[Int(offset - windowStart)..<windowByteCount])
    }

    private func fillWindow(
        from start: UInt64, byteCount: Int, of file: any ByteSource
    ) throws(ReadError) {
        windowByteCount = 0
        if unsafe window.count < byteCount {
            forgetWindow()
            unsafe window = try LargeMemory.take(byteCount, alignment: 64, for: "decoding")
        }
        // SAFETY: the memory is this decoder's own.
        var output = unsafe OutputRawSpan(
            buffer: UnsafeMutableRawBufferPointer(rebasing: window[..<byteCount]), initializedCount: 0)
        try file.read(byteCount, at: start, into: &output)
        windowStart = start
        windowByteCount = byteCount
    }
}

extension CompressedCluster {
    /// The error for this cluster where its stored form breaks a rule.
    func damage(_ reason: String) -> ReadError {
        .corrupt(record: "cluster \(index) (\(framing))", offset: storedOffset, reason: reason)
    }
}

extension CompressedCluster.Framing: CustomStringConvertible {
    package var description: String {
        switch self {
        case .grainMarker(let lba), .grainMarkerOrSize(let lba, _): "grain at LBA \(lba)"
        case .deflate: "deflate"
        case .zstd: "zstd"
        case .zlib: "zlib"
        }
    }
}
