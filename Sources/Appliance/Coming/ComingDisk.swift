// A disk that is shown before its image has come.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import DiskImages

/// A disk of the length that the descriptor says. Its image is opened when someone reads it and enough of it is there: once,
/// by one thread at a time, which waits for no bytes meanwhile. Who lacks bytes waits for them by a read of its own.
package final class ComingDisk: ByteSource {
    typealias Opening = @Sendable () throws(ReadError) -> GuestDisk

    private struct State {
        var isBeingOpened = false
        /// Times that opening was given up for lack of bytes, and which it lacked the last time.
        var attemptCount = 0
        var missing: ArrivedOnly.Missing?
        var outcome: Result<GuestDisk, ReadError>?
    }

    /// From then on all of the file has to be there: opening starts from its front each time.
    private static let mostAttempts = 16
    /// How often who waits for another thread looks whether anyone still waits for it, in seconds.
    private static let lookInterval = 0.25

    /// What comes next for a reader.
    private enum Step {
        case known(Result<GuestDisk, ReadError>)
        /// Attempt `number` lacked it: no other is worth making before it is there.
        case lacking(ArrivedOnly.Missing, number: Int)
        case turn
    }

    package let byteCount: UInt64
    /// What the descriptor says; nil where that says nothing.
    private let declaredFormat: DiskFormat?
    private let name: String
    private let stored: any ByteSource
    private let open: Opening
    private let state = Monitor(State())

    /// - Parameters:
    ///   - byteCount: What the descriptor says of its length, in bytes.
    ///   - format: What it says of its format.
    ///   - stored: The bytes of its file.
    ///   - name: The file, for errors.
    ///   - open: Opens the image; called by one thread at a time, and again where bytes were lacking.
    init(
        byteCount: UInt64, format: DiskFormat?, in stored: any ByteSource, named name: String,
        opening open: @escaping Opening
    ) {
        self.byteCount = byteCount
        declaredFormat = format
        self.stored = stored
        self.name = name
        self.open = open
    }

    /// The disk, where it was opened.
    package var opened: GuestDisk? {
        state.withLock { state in
            if case .success(let disk)? = state.outcome { disk } else { nil }
        }
    }

    package var format: DiskFormat? { opened?.image.format ?? declaredFormat }

    /// - Throws: `ReadError.wouldWait` where this thread may not wait; what opening throws, from then on where it is about the
    ///   image.
    private func disk() throws(ReadError) -> GuestDisk {
        if let outcome = state.withLock({ $0.outcome }) { return try outcome.get() }
        guard Patience.current == .waits else { throw .wouldWait }
        var waitedFor = 0
        while true {
            switch try step(after: waitedFor) {
            case .known(let outcome): return try outcome.get()
            case .lacking(let missing, let number):
                try missing.wait()
                waitedFor = number
            case .turn: if case .done(let disk) = try attempt() { return disk }
            }
        }
    }

    /// Waits while another thread is at it, which waits for no network. What attempt `waitedFor` lacked is there.
    private func step(after waitedFor: Int) throws(ReadError) -> Step {
        while true {
            try PatientRead.checkCancellation()
            let step: Step? = PatientRead.blocking {
                state.withLock(
                    waitingWhile: { $0.outcome == nil && $0.isBeingOpened },
                    until: MonotonicClock.now + Self.lookInterval
                ) { state -> Step? in
                    if let outcome = state.outcome { return .known(outcome) }
                    guard !state.isBeingOpened else { return nil }
                    if let missing = state.missing, state.attemptCount != waitedFor {
                        return .lacking(missing, number: state.attemptCount)
                    }
                    state.isBeingOpened = true
                    return .turn
                }
            }
            if let step { return step }
        }
    }

    private func attempt() throws(ReadError) -> ArrivedOnly.Outcome<GuestDisk> {
        var outcome: Result<GuestDisk, ReadError>?
        var missing: ArrivedOnly.Missing?
        defer {
            state.withLock { state in
                state.isBeingOpened = false
                if let missing {
                    // Each one lacks other bytes than the one before: those are there.
                    state.attemptCount = state.attemptCount < .max ? state.attemptCount + 1 : 1
                    state.missing = missing
                }
                state.outcome = outcome
            }
            state.wake()
        }
        let needsAll = state.withLock { $0.attemptCount >= Self.mostAttempts }
        do throws(ReadError) {
            let found = try ArrivedOnly.during { () throws(ReadError) in
                try read(all: needsAll)
                let disk = try open()
                guard disk.byteCount == byteCount else {
                    throw .corrupt(
                        record: name, offset: 0,
                        reason: "the descriptor says a capacity of \(byteCount) bytes, and the image has "
                            + "\(disk.byteCount): it cannot be read in this mount, which has shown it with the "
                            + "former before it came; mount it again")
                }
                return disk
            }
            switch found {
            case .done(let disk): outcome = .success(disk)
            case .missing(let lacking): missing = lacking
            }
            return found
        } catch {
            // What is about those who read, or passes, is tried again.
            if error.isCorruption || error.isUnsupported { outcome = .failure(error) }
            throw error
        }
    }

    /// Makes sure that the last byte is there, where `all` or the file is a compressed one: that is decoded whole.
    private func read(all: Bool) throws(ReadError) {
        guard stored.byteCount > 0 else { return }
        if !all {
            let count = min(stored.byteCount, UInt64(CompressionFormat.headByteCount))
            let head = try stored.bytes(Int(count), at: 0)
            guard CompressionFormat(firstBytes: head) != nil else { return }
        }
        _ = try stored.bytes(1, at: stored.byteCount - 1)
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try disk().read(count, at: offset, into: &output)
    }

    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try disk().gather(count, at: offset, into: list)
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try disk().firstOffset(of: region, in: range)
    }

    package func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        try disk().searchStep(for: region, in: range)
    }

    package func prepare(_ range: Range<UInt64>) {
        opened?.prepare(range)
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool { opened?.isAtHand(range) ?? false }

    package var isProvisional: Bool { opened?.isProvisional ?? true }

    package func validate() throws(ReadError) {
        try stored.validate()
    }

    package var isNear: Bool { false }
}

extension ReadError {
    fileprivate var isUnsupported: Bool {
        if case .unsupported = self { true } else { false }
    }
}
