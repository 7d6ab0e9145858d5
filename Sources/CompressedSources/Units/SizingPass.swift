// Decodes units whose lengths are not known, on several threads, to learn how long they are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The one pass that opening takes where a file does not say how long its units are.
final class SizingPass: Sendable {
    private struct State {
        var byteCounts: [UInt64?]
        var failures: [Int: ReadError] = [:]
        /// What ends the pass, whatever else is found.
        var ending: ReadError?
        var totalByteCount: UInt64 = 0
        var next = 0
    }

    private let base: any ByteSource
    private let name: String
    private let format: any UnitFormat
    private let units: [CompressedUnit]
    private let context: CompressedSource.Context
    private let state: SleepingMutex<State>

    /// A file with more damage than this is not looked at further.
    private static let mostFailures = 16
    private static let scratchByteCount = 256 << 10
    /// Units that a file may have in any case, and bytes that it has to hold for each one more. Programs that compress in
    /// pieces make them of tens of kilobytes.
    private static let freeUnitCount = 1 << 14
    private static let leastUnitByteCount: UInt64 = 4 << 10

    /// What came out: a length for each unit that was decoded whole and is right, and why others were not.
    struct Outcome {
        let byteCounts: [UInt64?]
        let failures: [Int: ReadError]
    }

    /// Decodes `units` of `base`.
    /// - Throws: `ReadError.unsupported` where they decode to more than the context allows; `ReadError.corrupt`
    ///   where most of it is damaged; what ends all reading.
    static func run(
        on units: [CompressedUnit], of base: any ByteSource, named name: String, as format: any UnitFormat,
        in context: CompressedSource.Context
    ) throws(ReadError) -> Outcome {
        guard let first = units.first else { return Outcome(byteCounts: [], failures: [:]) }
        let share = BudgetShare(of: context.budget)
        let pass = SizingPass(units, of: base, named: name, as: format, in: context)
        // One decoder a thread; as many threads as there is memory for.
        let decoderByteCount = try UInt64(Self.scratchByteCount) + pass.leastDecoderByteCount(for: first)
        let affordable = share.freeByteCount / 2 / decoderByteCount
        let threadCount = max(1, min(context.threadCount, units.count, Int(clamping: affordable)))
        try share.take(
            UInt64(threadCount), times: decoderByteCount, for: "the decoders that look through \(name)")
        let progress = context.progress?.begin(name, of: base.byteCount)
        defer { progress?.end() }
        WorkerThread.concurrently(threadCount) { _ in pass.work(decoderByteCount, progress) }
        return try pass.state.withLock { state throws(ReadError) in
            if let ending = state.ending { throw ending }
            return Outcome(byteCounts: state.byteCounts, failures: state.failures)
        }
    }

    private init(
        _ units: [CompressedUnit], of base: any ByteSource, named name: String, as format: any UnitFormat,
        in context: CompressedSource.Context
    ) {
        self.units = units
        self.base = base
        self.name = name
        self.format = format
        self.context = context
        state = SleepingMutex(State(byteCounts: Array(repeating: nil, count: units.count)))
    }

    /// What decoding a unit takes, in bytes; 0 where its header is damaged, of which is told when it is decoded.
    private func leastDecoderByteCount(for unit: CompressedUnit) throws(ReadError) -> UInt64 {
        do throws(ReadError) {
            return try format.decoding(of: unit, in: base, named: name).byteCount
        } catch .corrupt {
            return 0
        }
    }

    private func work(_ decoderByteCount: UInt64, _ progress: OpeningProgress.Work?) {
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.scratchByteCount, alignment: 64)
        defer { unsafe scratch.deallocate() }
        while let unit = nextUnit() {
            do throws(ReadError) {
                let byteCount = try unsafe byteCount(of: unit, scratch, decoderByteCount, progress)
                state.withLock { $0.byteCounts[unit] = byteCount }
            } catch {
                note(error, of: unit)
            }
        }
    }

    private func nextUnit() -> Int? {
        state.withLock { state in
            guard state.ending == nil, state.next < units.count else { return nil }
            // Each costs time whether it holds anything or not.
            guard state.next < Self.freeUnitCount + Int(state.totalByteCount / Self.leastUnitByteCount) else {
                state.ending = .unsupported(
                    feature: "\(name), which is in so many pieces that hold next to nothing: "
                        + "\(state.totalByteCount) bytes in the first \(state.next)")
                return nil
            }
            defer { state.next += 1 }
            return state.next
        }
    }

    private func note(_ error: ReadError, of unit: Int) {
        state.withLock { state in
            guard case .corrupt = error else {
                state.ending = state.ending ?? error
                return
            }
            state.failures[unit] = error
            if state.failures.count > Self.mostFailures { state.ending = state.ending ?? error }
        }
    }

    // SAFETY: the scratch memory is the thread's own.
    private func byteCount(
        of unit: Int, _ scratch: UnsafeMutableRawBufferPointer, _ decoderByteCount: UInt64,
        _ progress: OpeningProgress.Work?
    ) throws(ReadError) -> UInt64 {
        let decoding = try format.decoding(of: units[unit], in: base, named: name)
        let share = BudgetShare(of: context.budget)
        if decoding.byteCount > decoderByteCount {
            try share.take(decoding.byteCount - decoderByteCount, for: "a decoder of \(name)")
        }
        let cursor = UnitCursor(
            decoding, record: "\(name), \(format.unitName) \(unit + 1)",
            at: units[unit].stored.lowerBound / format.unitsPerByte)
        var total: UInt64 = 0
        while true {
            let before = cursor.consumedByteCount
            let count = try unsafe cursor.fill(scratch)
            progress?.advance(by: cursor.consumedByteCount - before)
            total += UInt64(count)
            try add(UInt64(count))
            guard count == scratch.count else { break }
        }
        try cursor.finish()
        return total
    }

    /// Takes note of so many more bytes.
    private func add(_ byteCount: UInt64) throws(ReadError) {
        let total = state.withLock { state in
            state.totalByteCount += byteCount
            return state.totalByteCount
        }
        guard total <= context.maximumByteCount else {
            throw .unsupported(
                feature:
                    "\(name), which decodes to more than the \(context.maximumByteCount) bytes expected of it"
            )
        }
    }
}
