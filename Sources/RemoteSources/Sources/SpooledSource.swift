// A file behind a web server that has no ranges.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Reads what one transfer brings into a file on disk, as soon as the bytes are there.
package final class SpooledSource: ByteSource {
    /// How often who waits looks whether anyone still waits for it, in seconds.
    private static let lookInterval = 0.25

    private let spool: Spool
    package let byteCount: UInt64
    private let validator: ObjectVersion.Validator?

    package var name: String { spool.object.name }

    private init(_ spool: Spool, _ version: ObjectVersion) {
        self.spool = spool
        byteCount = version.byteCount
        validator = version.validator
    }

    deinit {
        spool.close()
    }

    /// Begins the transfer, and waits until the length is known: until the head is there, or all of it where the server
    /// tells the length by ending.
    static func open(
        _ object: RemoteObject, through access: RemoteAccess, until deadline: Deadline
    ) throws(ReadError) -> SpooledSource {
        let spool = try Spool(object, through: access)
        var isHandedOver = false
        defer { if !isHandedOver { spool.close() } }
        try spool.start()
        let version = try wait(for: spool, until: deadline) { (state: Spool.State) -> ObjectVersion? in
            guard let version = state.version, state.isComplete || state.frontier > 0,
                version.byteCount != ObjectVersion.unknownByteCount
            else { return nil }
            return version
        }
        isHandedOver = true
        access.meter.noteTransfer(of: version.byteCount)
        return SpooledSource(spool, version)
    }

    /// How far the transfer has come, in bytes.
    package var frontier: UInt64 { spool.state.withLock { $0.frontier } }

    /// Whether all of it was kept, and nothing has to be brought.
    var isKept: Bool { spool.state.withLock { $0.keeper }?.hasAll ?? false }

    package var isComplete: Bool { spool.state.withLock { $0.isComplete } }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try validate()
        guard count > 0 else { return }
        let end = offset + UInt64(count)
        if spool.state.withLock({ !$0.has(end) }) {
            try spool.start()
            guard !ArrivedOnly.note(self, before: end), Patience.current == .waits else { throw .wouldWait }
            let deadline = Deadline(at: PatientRead.currentStartTime + spool.access.timeoutInSeconds)
            spool.access.meter.noteWaiting(1)
            defer { spool.access.meter.noteWaiting(-1) }
            try Self.wait(for: spool, until: deadline) { $0.has(end) ? () : nil }
        }
        try spool.file.read(count, at: offset, into: &output)
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool {
        spool.state.withLock { $0.has(range.upperBound) }
    }

    package var arrivesInOrder: Bool { spool.access.servesWhatHasCome && !isComplete }

    package func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
        guard count >= 0 else { return nil }
        let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
        guard !overflow, spool.state.withLock({ !$0.isStale && $0.has(end) }) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        // SAFETY: the array is the room, for the time of the call.
        return unsafe bytes.withUnsafeMutableBytes { unsafe spool.file.fill($0, at: offset) } ? bytes : nil
    }

    package func validate() throws(ReadError) {
        if spool.state.withLock({ $0.isStale }) { throw .stale(source: name) }
    }

    package var isNear: Bool { false }

    package var versionMark: VersionMark? {
        validator.map { RemoteVersionMark.mark(name: name, byteCount: byteCount, validator: $0) }
    }

    /// How far the transfer has come, in words for an error.
    private static func howFar(_ spool: Spool) -> String {
        let (frontier, version) = spool.state.withLock { ($0.frontier, $0.version) }
        let all = version.flatMap { version in
            version.byteCount == ObjectVersion.unknownByteCount ? nil : " of \(version.byteCount)"
        }
        let isKept = spool.state.withLock { $0.keeper != nil }
        return "the file comes in one piece, and \(frontier)\(all ?? "") bytes of it have come"
            + (isKept
                ? ", which the cache folder keeps for the next try" : "; a cache folder would keep them")
    }

    /// Waits until `condition` has an answer. Who reads for a mount waits until `deadline`; a command, as long as the
    /// transfer comes on.
    private static func wait<Result>(
        for spool: Spool, until deadline: Deadline, _ condition: (Spool.State) -> Result?
    ) throws(ReadError) -> Result {
        let timeout = spool.access.timeoutInSeconds
        spool.state.withLock { $0.waiterCount += 1 }
        defer { spool.state.withLock { $0.waiterCount -= 1 } }
        while true {
            try PatientRead.checkCancellation()
            let look = MonotonicClock.now + lookInterval
            let (result, failure, isComplete, lastProgress, reason) = PatientRead.blocking {
                spool.state.withLock(
                    waitingWhile: { condition($0) == nil && $0.isRunning }, until: look
                ) { (condition($0), $0.failure, $0.isComplete, $0.lastProgress, $0.lastFailure) }
            }
            if let result { return result }
            if let failure { throw failure }
            guard !isComplete else {
                throw .remote(source: spool.object.name, reason: "the file ended before these bytes")
            }
            let end = PatientRead.hasCurrent ? deadline : Deadline(at: lastProgress + timeout)
            guard !end.hasPassed() else {
                throw .remote(
                    source: spool.object.name,
                    reason: "not read within \(Int(min(max(0, timeout), 1e9))) s: "
                        + (reason.map { "\($0); " } ?? "") + howFar(spool))
            }
            try spool.start()
        }
    }
}
