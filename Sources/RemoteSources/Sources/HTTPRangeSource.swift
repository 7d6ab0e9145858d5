// A file behind a web server that answers requests for ranges.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Reads an object of a web server block by block. What is read is of the version that was opened: once the server says that
/// it is another one, every read fails with `ReadError.stale`. All other failures are tried again until the time of the
/// read is over, and forgotten when the server is well.
package final class HTTPRangeSource: ByteSource {
    /// Blocks of one read that are asked for at once.
    private static let blocksPerStep: UInt64 = 32

    package let version: ObjectVersion
    package let name: String
    let fetcher: BlockFetcher
    let access: RemoteAccess
    let stored: StoredObject?
    private let readers: SleepingMutex<SequentialReaders>

    package var byteCount: UInt64 { version.byteCount }

    /// `start` are the first bytes of the object, which opening has brought; `requester` asks for the rest.
    init(
        _ requester: RangeRequester, version: ObjectVersion, start: [UInt8], through access: RemoteAccess
    ) {
        self.version = version
        self.access = access
        name = requester.object.name
        let stored = access.store?.object(requester.object.address, version)
        self.stored = stored
        let bringer = RangeBringer(requester, version: version, stored: stored, through: access)
        fetcher = BlockFetcher(
            in: access.cache, byteCount: version.byteCount, meter: access.meter,
            longestDelay: access.timeoutInSeconds
        ) { bringer.bring($0) }
        readers = SleepingMutex(
            SequentialReaders(of: version.byteCount, windowLimit: access.cache.windowByteLimit))
        keep(start)
    }

    deinit {
        fetcher.close()
    }

    /// Waits until what is being brought is kept, or until `deadline` (seconds of the monotonic clock).
    package func settle(until deadline: Double) {
        fetcher.settle(until: deadline)
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try read(count, at: offset, into: &output, isAskingAhead: true)
    }

    /// `isAskingAhead`: whether what follows is brought ahead of a reader that goes from front to back.
    func read(
        _ count: Int, at offset: UInt64, into output: inout OutputRawSpan, isAskingAhead: Bool
    ) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try validate()
        guard count > 0 else { return }
        let range = offset..<(offset + UInt64(count))
        let deadline = Deadline(at: PatientRead.currentStartTime + access.timeoutInSeconds)
        access.recorder?.note(blocks(of: range))
        if isAskingAhead { askAhead(of: range) }
        var position = offset
        while position < range.upperBound {
            let step = position..<min(range.upperBound, position + Self.blocksPerStep * Self.blockByteCount)
            if Patience.current == .waits {
                try copyWaiting(step, to: &output, until: deadline)
            } else {
                try copyWithoutWaiting(step, to: &output)
            }
            position = step.upperBound
        }
    }

    package func prepare(_ range: Range<UInt64>) {
        let clamped = range.clamped(to: 0..<byteCount)
        guard !clamped.isEmpty, fetcher.staleness == nil else { return }
        let end = min(clamped.upperBound, clamped.lowerBound + access.cache.windowByteLimit)
        want(clamped.lowerBound..<end, isDemanded: false)
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool {
        let clamped = range.clamped(to: 0..<byteCount)
        guard !clamped.isEmpty else { return true }
        let indices = blocks(of: clamped)
        return access.cache.table.withLock { table in indices.allSatisfy { table.isHere(key($0)) } }
    }

    package func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
        guard let stored, fetcher.staleness == nil, count > 0, offset <= byteCount,
            UInt64(count) <= byteCount - offset
        else { return nil }
        let range = offset..<(offset + UInt64(count))
        var result: [UInt8] = []
        result.reserveCapacity(count)
        for index in blocks(of: range) {
            let start = index * Self.blockByteCount
            let end = min(byteCount, start + Self.blockByteCount)
            var block = [UInt8](repeating: 0, count: Int(end - start))
            // SAFETY: the array is the room, for the time of the call.
            let isThere = unsafe block.withUnsafeMutableBytes { unsafe stored.read(index, into: $0) }
            guard isThere else { return nil }
            let part = range.clamped(to: start..<end)
            result += block[Int(part.lowerBound - start)..<Int(part.upperBound - start)]
        }
        return result
    }

    package var withoutReadAhead: any ByteSource { PreparedRangeSource(self) }

    package func validate() throws(ReadError) {
        if fetcher.staleness != nil { throw .stale(source: name) }
    }

    package var isNear: Bool { false }

    package var versionMark: VersionMark? {
        guard let validator = version.validator else { return nil }
        return RemoteVersionMark.mark(name: name, byteCount: byteCount, validator: validator)
    }

    /// What is known to have changed; nil where nothing has.
    package var staleness: String? { fetcher.staleness }

    static let blockByteCount = UInt64(BlockBuffer.byteCount)

    func blocks(of range: Range<UInt64>) -> Range<UInt64> {
        let first = range.lowerBound / Self.blockByteCount
        return first..<max(first + 1, (range.upperBound - 1) / Self.blockByteCount + 1)
    }

    func key(_ index: UInt64) -> BlockTable.Key {
        BlockTable.Key(object: fetcher.object, index: index)
    }

    /// Puts the whole blocks of `start` into the table, and on disk where blocks are kept.
    private func keep(_ start: [UInt8]) {
        let count =
            UInt64(start.count) == byteCount
            ? start.count : start.count / BlockBuffer.byteCount * BlockBuffer.byteCount
        guard count > 0 else { return }
        for index in blocks(of: 0..<UInt64(count)) {
            let first = Int(index) * BlockBuffer.byteCount
            let block = start[first..<min(count, first + BlockBuffer.byteCount)]
            // What was damaged there is mended: no one else would fetch it.
            guard let stored, !stored.hasWhole(index, block.count) else { continue }
            // SAFETY: the array is read for the time of the call.
            unsafe block.withUnsafeBytes { unsafe stored.write(index, $0) }
        }
        let assignment = access.cache.table.withLock { table in
            _ = table.want(blocks(of: 0..<UInt64(count)), of: fetcher.object, isDemanded: true)
            return table.assign(of: fetcher.object, mayGoAhead: false)
        }
        guard let assignment else { return }
        let job = BlockJob(assignment, in: access.cache, byteCount: byteCount)
        // SAFETY: bytes have no padding.
        job.append(unsafe start.span.extracting(0..<Int(count)).bytes)
        access.cache.table.withLock { $0.giveBack(assignment, filled: nil, keepsAhead: false) }
    }

    private func askAhead(of range: Range<UInt64>) {
        // Where another thread is at that, the next read finds it.
        let ahead = readers.withLockIfAvailable { $0.note(range) }
        if let ahead, let ahead { want(ahead, isDemanded: false) }
    }

    func want(_ range: Range<UInt64>, isDemanded: Bool) {
        guard !range.isEmpty else { return }
        let isAnyWanted = access.cache.table.withLock {
            $0.want(blocks(of: range), of: fetcher.object, isDemanded: isDemanded)
        }
        if isAnyWanted { try? fetcher.notify() }
    }

    /// Copies bytes `range` where all of them are here; else asks for them.
    /// - Throws: `ReadError.wouldWait` where they are not.
    private func copyWithoutWaiting(
        _ range: Range<UInt64>, to output: inout OutputRawSpan
    ) throws(ReadError) {
        let indices = blocks(of: range)
        let buffers = access.cache.table.withLock { table -> [BlockBuffer]? in
            var buffers: [BlockBuffer] = []
            for index in indices {
                guard let buffer = table.pin(key(index)) else { break }
                buffers.append(buffer)
            }
            guard buffers.count < indices.count else { return buffers }
            for (index, buffer) in zip(indices, buffers) { table.unpin(key(index), buffer) }
            _ = table.want(indices, of: fetcher.object, isDemanded: true)
            wantNeighbour(of: range, in: &table)
            return nil
        }
        guard let buffers else {
            try fetcher.notify()
            throw .wouldWait
        }
        for (index, buffer) in zip(indices, buffers) { copy(index, buffer, range, to: &output) }
    }

    private func copyWaiting(
        _ range: Range<UInt64>, to output: inout OutputRawSpan, until deadline: Deadline
    ) throws(ReadError) {
        for index in blocks(of: range) {
            let buffer = try block(index, of: range, until: deadline)
            copy(index, buffer, range, to: &output)
        }
    }

    /// Copies what `range` has of a block, which is unpinned then.
    private func copy(
        _ index: UInt64, _ buffer: BlockBuffer, _ range: Range<UInt64>, to output: inout OutputRawSpan
    ) {
        let start = index * Self.blockByteCount
        let part = range.clamped(to: start..<(start + Self.blockByteCount))
        buffer.append(Int(part.lowerBound - start)..<Int(part.upperBound - start), to: &output)
        access.cache.table.withLock { $0.unpin(key(index), buffer) }
    }
}
