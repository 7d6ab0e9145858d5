// Who reads large clusters from front to back, and how long those are kept for them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What is known of the readers of large clusters. Where there is room for one cluster and two readers each go through one
/// of their own, each read would cost a decoding of the whole: so a cluster is kept for who goes through it, until all of it
/// was read, for as long as a turn may last. Who reads here and there has no turn.
struct ClusterTurns {
    /// How long a turn lasts at most, and without a read, in seconds.
    struct Limits {
        var longestSeconds = 2.0
        var idleSeconds = 0.1
        /// How long a cluster that is not read to its end is kept from those who decode ahead: they gain less by it than
        /// its reader, who may be slow, would lose.
        var forgottenSeconds = 10.0
    }

    private struct Reader {
        /// Where the last read ended, in bytes of the cluster.
        var end = 0
        /// Bytes that the reader is still to read.
        var rest = 0
        /// When the turn began; no one has one before that.
        var startTime = -Double.infinity
        var lastTime: Double
    }

    /// Clusters whose readers are known, some of which are not in memory: who comes back goes on where he stopped.
    private static let mostReaders = 128

    private let limits: Limits
    private var readers: [ClusterCache.Key: Reader] = [:]

    init(limits: Limits) {
        self.limits = limits
    }

    /// Takes note of a read. One that starts a cluster, or goes on with it, begins a turn where none is running and
    /// `mayBegin` says so.
    mutating func note(
        _ range: Range<Int>, of key: ClusterCache.Key, byteCount: Int, mayBegin: Bool, now: Double
    ) {
        var reader = readers[key] ?? Reader(lastTime: now)
        // Bytes of a cluster in memory: no number here is below 0.
        let goesOn =
            reader.end == 0
            ? range.lowerBound == 0
            : ReaderSlack(atMost: UInt64(byteCount / 8)).isContinued(
                at: UInt64(reader.end), by: UInt64(range.lowerBound)..<UInt64(range.upperBound))
        if !isRunning(reader, now), goesOn, mayBegin {
            reader.startTime = now
            reader.rest = byteCount - range.lowerBound
        }
        reader.rest = max(0, reader.rest - range.count)
        reader.end = range.upperBound
        reader.lastTime = now
        set(reader, for: key)
    }

    /// Takes note that the cluster is loaded, or was used: time counts from here on.
    mutating func noteUse(of key: ClusterCache.Key, isLoaded: Bool, now: Double) {
        guard var reader = readers[key] else { return }
        if isLoaded, reader.startTime > -.infinity { reader.startTime = now }
        reader.lastTime = now
        readers[key] = reader
    }

    /// Takes note that the cluster is decoded ahead of a reader who is to come.
    mutating func noteAwaited(_ key: ClusterCache.Key, byteCount: Int, now: Double) {
        set(Reader(rest: byteCount, lastTime: now), for: key)
    }

    /// Takes note that the cluster comes into memory anew, for a reader: no turn of before counts.
    mutating func noteAnew(_ key: ClusterCache.Key) {
        readers[key]?.rest = 0
        readers[key]?.startTime = -.infinity
    }

    /// Whether the cluster is kept from other readers.
    func isRunning(_ key: ClusterCache.Key, now: Double) -> Bool {
        readers[key].map { isRunning($0, now) } ?? false
    }

    /// Whether the cluster is kept from those who decode ahead.
    func isToBeRead(_ key: ClusterCache.Key, now: Double) -> Bool {
        readers[key].map { $0.rest > 0 && now - $0.lastTime < limits.forgottenSeconds } ?? false
    }

    private func isRunning(_ reader: Reader, _ now: Double) -> Bool {
        reader.rest > 0 && now - reader.lastTime < limits.idleSeconds
            && now - reader.startTime < limits.longestSeconds
    }

    private mutating func set(_ reader: Reader, for key: ClusterCache.Key) {
        readers[key] = reader
        guard readers.count > Self.mostReaders,
            let oldest = readers.min(by: { $0.value.lastTime < $1.value.lastTime })
        else { return }
        readers[oldest.key] = nil
    }
}
