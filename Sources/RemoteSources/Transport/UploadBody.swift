// A body that is taken from its stream while it is sent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Exactly as many bytes of a stream as it says that it has, and how long nothing moved. The thread of the transfer takes
/// them; any may call that off. No lock is held while the stream is read.
final class UploadBody: Sendable {
    private struct State {
        var takenByteCount: UInt64 = 0
        /// What was moved, and when, the last time that it was enough.
        var movedByteCount: Int64 = 0
        var movedAt: Double
        /// What is being read now.
        var reading: PatientRead?
        var isCancelled = false
    }

    let byteCount: UInt64
    /// So many seconds with less than a little is silence.
    let silence: Double
    private let stream: any HTTPBodyStream
    private let leastByteCount: Int64
    private let state: SleepingMutex<State>

    /// Fewer than `leastBytesPerSecond` in `silence` seconds are as good as none.
    init(_ stream: any HTTPBodyStream, silence: Double, leastBytesPerSecond: Int) {
        self.stream = stream
        self.silence = silence
        byteCount = stream.byteCount
        leastByteCount = Int64(min(silence, 1e6) * Double(leastBytesPerSecond))
        state = SleepingMutex(State(movedAt: MonotonicClock.now))
    }

    /// The bytes that follow: at most `limit`, none at the end; nil where they cannot be had, or no one wants them any more.
    func next(upTo limit: Int) -> [UInt8]? {
        let start = MonotonicClock.now
        // Each part has its own time: what waits for a network would else count from the start of all.
        let reading = PatientRead(decodingIn: DecoderPlaces(1))
        let left = state.withLock { state -> UInt64? in
            guard !state.isCancelled else { return nil }
            state.reading = reading
            return byteCount - state.takenByteCount
        }
        guard let left else { return nil }
        let wanted = Int(min(UInt64(max(0, limit)), left))
        var bytes: [UInt8]?
        if wanted > 0 {
            reading.perform { bytes = try? stream.next(upTo: wanted) }
        } else {
            bytes = []
        }
        let took = MonotonicClock.now - start
        return state.withLock { state in
            state.reading = nil
            // How long the source takes says nothing of the server.
            state.movedAt += took
            guard let bytes, !state.isCancelled, bytes.count <= wanted, !bytes.isEmpty || left == 0 else {
                return nil
            }
            state.takenByteCount += UInt64(bytes.count)
            return bytes
        }
    }

    /// Ends what is being read as soon as that can end, and gives nothing more.
    func cancel() {
        let reading = state.withLock { state in
            state.isCancelled = true
            return state.reading
        }
        reading?.cancel()
    }

    /// Whether too little was sent and received for too long; `movedByteCount` is what was until now.
    func isSilent(movedByteCount: Int64) -> Bool {
        let now = MonotonicClock.now
        return state.withLock { state in
            if movedByteCount &- state.movedByteCount >= max(1, leastByteCount) {
                state.movedByteCount = movedByteCount
                state.movedAt = now
            }
            return now - state.movedAt >= silence
        }
    }
}
