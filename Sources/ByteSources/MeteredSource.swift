// Counts what is read of a source.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How much was read; counters that only grow.
package final class ReadMeter: Sendable {
    private let bytes = Atomic<UInt64>(0)
    private let reads = Atomic<UInt64>(0)

    package init() {}

    package var byteCount: UInt64 { bytes.load(ordering: .relaxed) }
    package var readCount: UInt64 { reads.load(ordering: .relaxed) }

    fileprivate func add(_ byteCount: Int) {
        bytes.add(UInt64(byteCount), ordering: .relaxed)
        reads.add(1, ordering: .relaxed)
    }
}

/// Another source, whose reads are counted.
package struct MeteredSource: ByteSource {
    private var base: any ByteSource
    private let meter: ReadMeter

    package var byteCount: UInt64 { base.byteCount }

    package init(_ base: any ByteSource, countedBy meter: ReadMeter) {
        self.base = base
        self.meter = meter
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try base.read(count, at: offset, into: &output)
        meter.add(count)
    }

    /// Counts what was read into the list's memory, and not what is known to be zeros.
    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        let before = list.ownByteCount
        try base.gather(count, at: offset, into: list)
        if list.ownByteCount > before { meter.add(list.ownByteCount - before) }
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try base.firstOffset(of: region, in: range)
    }

    package func prepare(_ range: Range<UInt64>) {
        base.prepare(range)
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool {
        base.isAtHand(range)
    }

    package var arrivesInOrder: Bool { base.arrivesInOrder }

    package func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
        base.keptBytes(count, at: offset)
    }

    package var withoutReadAhead: any ByteSource {
        var copy = self
        copy.base = base.withoutReadAhead
        return copy
    }

    package func validate() throws(ReadError) {
        try base.validate()
    }

    package func validate(_ range: Range<UInt64>) throws(ReadError) {
        try base.validate(range)
    }

    package var isNear: Bool { base.isNear }

    package var versionMark: VersionMark? { base.versionMark }
}
