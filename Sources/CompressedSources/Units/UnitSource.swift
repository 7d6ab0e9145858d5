// The decoded bytes of a compressed file that is made of units, read by offset.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// A compressed file, decoded when read. Each of its units is decoded by itself, so threads that want different ones work
/// at once, and one that is damaged leaves the others readable.
///
/// Nothing of a unit is shown before its checksum was found right: the first read in a unit decodes it to its end. A
/// unit that the cache can hold twice is then in the cache. Of a larger one, later reads decode again from where another
/// reader stopped, or from its start: there is no other place in it where decoding could begin.
package final class UnitSource: ByteSource {
    package var byteCount: UInt64 { table.byteCount }

    let base: any ByteSource
    let name: String
    let format: any UnitFormat
    let table: UnitTable
    let cache: StretchCache
    let progress: OpeningProgress?
    /// Told when a unit that takes long to check was found right, with all that were.
    let keeper: IndexKeeper?
    /// Bytes at the end of the compressed file that are no part of it.
    let leftOutByteCount: UInt64
    let failureSeconds: Double
    /// Those that decode ahead; nil for none.
    let workers: UnitWorkers?
    let maximumByteCount: UInt64
    private let phase: OpeningPhase
    /// Bytes that were decoded while opening.
    private let openingByteCount = Atomic<UInt64>(0)
    let file: UInt32
    /// What the decoders take.
    let share: BudgetShare
    /// What the table takes.
    private let tableShare: BudgetShare
    let state: Monitor<State>

    /// `tableShare` is what was taken for the table, `checked` the units that are known to be right.
    /// - Throws: `ReadError.overBudget` where there is not the memory to decode the first unit, and what is wrong
    ///   with its header.
    init(
        _ base: any ByteSource, named name: String, as format: any UnitFormat, units table: UnitTable,
        tableShare: BudgetShare, checked: CheckedUnits?, in context: CompressedSource.Context,
        leftOutByteCount: UInt64 = 0, keeper: IndexKeeper? = nil
    ) throws(ReadError) {
        self.base = base
        self.name = name
        self.format = format
        self.table = table
        self.tableShare = tableShare
        self.keeper = keeper
        self.leftOutByteCount = leftOutByteCount
        failureSeconds = context.failureSeconds
        workers = context.workers
        maximumByteCount = context.maximumByteCount
        phase = context.phase
        cache = context.cache
        progress = context.progress
        file = context.cache.makeFileNumber()
        share = BudgetShare(of: context.budget)
        var state = State(checked: checked ?? CheckedUnits(count: table.units.count))
        // One decoder is always to be had, whatever others have taken by then.
        if let first = table.units.first {
            do throws(ReadError) {
                state.reservedByteCount =
                    try format.decoding(of: first, in: base, named: name).byteCount + DecodedStretch.byteCount
            } catch .corrupt {
                // Whoever reads there is told; the others may be in order.
                state.reservedByteCount = DecodedStretch.byteCount
            }
            try share.take(state.reservedByteCount, for: "the decoder of \(name)")
        }
        self.state = Monitor(state)
    }

    deinit {
        cache.forget(file: file)
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        guard count > 0 else { return }
        var position = offset
        let end = offset + UInt64(count)
        noteRead(offset..<end)
        while position < end {
            let unit = table.index(containing: position)
            let start = table.starts[unit]
            let number = (position - start) / DecodedStretch.byteCount
            let stretch = try stretch(Int(number), of: unit)
            let first = position - start - number * DecodedStretch.byteCount
            let last = min(first + (end - position), UInt64(stretch.count))
            stretch.append(Int(first)..<Int(last), to: &output)
            position += last - first
        }
        // What was in memory may be of before a change.
        try validate(offset..<end)
    }

    package func validate() throws(ReadError) {
        try base.validate()
    }

    /// Looks at the stored bytes of the units that `range` touches only: the file may be in thousands of chunks.
    package func validate(_ range: Range<UInt64>) throws(ReadError) {
        let wanted = range.clamped(to: 0..<byteCount)
        guard !wanted.isEmpty else { return }
        let first = storedRange(of: table.index(containing: wanted.lowerBound))
        let last = storedRange(of: table.index(containing: wanted.upperBound - 1))
        try base.validate(first.lowerBound..<min(base.byteCount, last.upperBound))
    }

    package var isNear: Bool { base.isNear }

    package var versionMark: VersionMark? { base.versionMark?.decoded }

    /// How often all that may be decoded to open a file is decoded while it is opened: what describes an image can be
    /// anywhere in a unit that the cache cannot hold.
    private static let mostOpeningPasses: UInt64 = 4

    /// Takes note of what is about to be decoded.
    /// - Throws: `ReadError.unsupported` where opening has decoded as much as it may.
    func countDecoding(of byteCount: UInt64) throws(ReadError) {
        guard !phase.isOver else { return }
        let (limit, overflow) = maximumByteCount.multipliedReportingOverflow(by: Self.mostOpeningPasses)
        let before = openingByteCount.add(byteCount, ordering: .relaxed).oldValue
        guard overflow || before <= limit && byteCount <= limit - before else {
            throw .tooLong(name, maximumByteCount)
        }
    }

    /// The stored bytes that have the unit.
    func storedRange(of unit: Int) -> Range<UInt64> {
        let stored = table.units[unit].stored
        let scale = format.unitsPerByte
        return (stored.lowerBound / scale)..<((stored.upperBound - 1) / scale + 1)
    }

    /// Whether all of the unit is put into the cache when it is decoded.
    func isKeptWhole(_ unit: Int) -> Bool {
        table.units[unit].decodedByteCount <= UInt64(cache.byteLimit / 2)
    }

    func key(_ number: Int, of unit: Int) -> StretchCache.Key {
        StretchCache.Key(file: file, unit: unit, number: number)
    }

    /// The stretch with this number of its unit.
    private func stretch(_ number: Int, of unit: Int) throws(ReadError) -> DecodedStretch {
        if let stretch = cache.stretch(key(number, of: unit)) { return stretch }
        // A unit has to be decoded to its end, which can take seconds.
        guard Patience.current == .waits else { throw .wouldWait }
        return try PatientRead.decoding { () throws(ReadError) in try decodedStretch(number, of: unit) }
    }
}
