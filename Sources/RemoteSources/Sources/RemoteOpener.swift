// Opens what is behind an address.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The first request, which says what there is and brings its start.
package enum RemoteOpener {
    /// How often opening looks whether anyone still waits for it, in seconds.
    private static let lookInterval = 0.25

    /// Opens `object`. What fails is tried again while there is time.
    /// - Throws: `ReadError.remote` where the server cannot be reached, refuses, or answers nothing that can be used;
    ///   `ReadError.stale` where it is not the version that was expected.
    package static func open(
        _ object: RemoteObject, through access: RemoteAccess
    ) throws(ReadError) -> any ByteSource {
        let deadline = Deadline(at: PatientRead.currentStartTime + access.timeoutInSeconds)
        let requester = RangeRequester(object, through: access)
        let attempt = Attempt(
            object: object, deadline: deadline, startTime: PatientRead.currentStartTime)
        var retry = RetryPolicy()
        var unreachableSince: Double?
        while true {
            try PatientRead.checkCancellation()
            let start = StartConsumer()
            let outcome = requester.request(
                .range(0..<max(1, access.firstByteCount)), known: object.expectedVersion, isFirst: true,
                until: deadline,
                into: start)
            // The start that came before a break is as good as a whole one.
            if let version = start.version, !start.bytes.isEmpty {
                if version.validator == nil {
                    access.note(
                        "\(object.name): the server says nothing that would change with the file, so that a "
                            + "replacement of the same length is not noticed")
                }
                let source = HTTPRangeSource(
                    requester, version: version, start: start.bytes, through: access)
                if let key = HTTPRangeSource.recordKey(of: version) {
                    access.recorder?.begin(of: key)
                } else if access.recorder != nil {
                    access.note("\(object.name): record= writes nothing: the server gives it no version")
                }
                if let reads = access.replayed, !source.replay(reads) {
                    access.note("\(object.name): the record of reads is of another version, and is not used")
                }
                return source
            }
            switch outcome {
            case .bytes: throw .remote(source: object.name, reason: "the answer has no bytes")
            case .withoutRanges:
                let source = try SpooledSource.open(object, through: access, until: deadline)
                noteLackOfRanges(source, access)
                return source
            case .stale: throw .stale(source: object.name)
            case .refused(let reason): throw .remote(source: object.name, reason: reason)
            case .stopped: throw .interrupted
            case .failed(let reason, let delay, _):
                unreachableSince = nil
                retry.noteFailure(at: MonotonicClock.now, delay: delay, random: .random(in: 0...1))
                access.meter.noteRetry()
                try attempt.wait(for: retry, reason)
            case .unreachable(let reason):
                let since = unreachableSince ?? MonotonicClock.now
                unreachableSince = since
                retry.noteFailure(
                    at: MonotonicClock.now, random: .random(in: 0...1),
                    longest: RetryPolicy.longestFirstContactWait)
                guard retry.earliestTime < since + access.firstContactInSeconds else {
                    throw attempt.failure(reason)
                }
                access.meter.noteRetry()
                try attempt.wait(for: retry, reason)
            }
        }
    }

    private static func noteLackOfRanges(_ source: SpooledSource, _ access: RemoteAccess) {
        if !source.isKept {
            let mebibytes = source.byteCount / (1 << 20) + (source.byteCount % (1 << 20) == 0 ? 0 : 1)
            access.note(
                "\(source.name): the server gives no parts of files: all \(mebibytes) MiB are brought to "
                    + access.spoolFolder)
        }
        for (name, isUsed) in [("record", access.recorder != nil), ("replay", access.replayed != nil)]
        where isUsed {
            access.note("\(source.name): \(name)= does nothing for such a server")
        }
    }

    /// What trying to open an object may take.
    private struct Attempt {
        let object: RemoteObject
        let deadline: Deadline
        let startTime: Double

        /// The error that says for how long it was tried.
        func failure(_ reason: String) -> ReadError {
            let tenths = Int((min(max(0, MonotonicClock.now - startTime), 1e9) * 10).rounded())
            return .remote(
                source: object.name, reason: "not opened in \(tenths / 10).\(tenths % 10) s: \(reason)")
        }

        /// Waits until something may be sent again.
        /// - Throws: `ReadError.remote` with `reason` where no time is left then.
        func wait(for retry: RetryPolicy, _ reason: String) throws(ReadError) {
            guard retry.earliestTime < deadline.time else { throw failure(reason) }
            while retry.wait(at: MonotonicClock.now) > 0 {
                try PatientRead.checkCancellation()
                let time = min(retry.earliestTime, MonotonicClock.now + lookInterval)
                PatientRead.blocking { MonotonicClock.sleep(until: time) }
            }
        }
    }
}

/// Keeps the start of an object.
private final class StartConsumer: RangeConsumer {
    private let state = SleepingMutex((version: ObjectVersion?.none, bytes: [UInt8]()))

    var version: ObjectVersion? { state.withLock { $0.version } }
    var bytes: [UInt8] { state.withLock { $0.bytes } }

    func begin(_ range: Range<UInt64>, _ version: ObjectVersion) {
        state.withLock { $0 = (version, []) }
    }

    func append(_ bytes: RawSpan) -> Bool {
        state.withLock { state in
            // SAFETY: the span is valid for the time of the call, and the array copies it.
            unsafe bytes.withUnsafeBytes { unsafe state.bytes.append(contentsOf: $0) }
        }
        return true
    }

    var isUnwanted: Bool { false }
}
