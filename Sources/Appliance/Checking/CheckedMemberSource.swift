// A member whose digest is checked as it is read.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage
import Synchronization

/// A member's stored bytes. Whoever reads them from start to end also finds out whether the manifest's digest is
/// right, at no extra pass.
final class CheckedMemberSource: ByteSource {
    private struct Progress {
        var digester: MemberDigester
        /// Bytes that were hashed, from the start.
        var byteCount: UInt64 = 0
    }

    /// Reads that come in mixed order leave gaps of at most this, in bytes, which are read again; a reader that
    /// jumps further is not reading the member through.
    private static let largestGap: UInt64 = 4 << 20
    private static let stepByteCount = 256 << 10

    private let base: any ByteSource
    private let memberIndex: Int
    private let checks: ManifestChecks
    private let progress: SleepingMutex<Progress>
    private let isDone = Atomic<Bool>(false)

    var byteCount: UInt64 { base.byteCount }

    init(_ base: any ByteSource, memberIndex: Int, checks: ManifestChecks) {
        self.base = base
        self.memberIndex = memberIndex
        self.checks = checks
        progress = SleepingMutex(
            Progress(digester: MemberDigester(Set(checks.map.entries[memberIndex].map(\.algorithm)))))
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try base.read(count, at: offset, into: &output)
        guard !isDone.load(ordering: .relaxed) else { return }
        let end = offset + UInt64(count)
        // The last read waits for its turn, so that the check is complete when the reader is.
        if end == byteCount {
            progress.withLock { take(from: offset, to: end, &$0) }
        } else {
            _ = progress.withLockIfAvailable { take(from: offset, to: end, &$0) }
        }
    }

    /// Holes are bytes of the member, too: until it has been checked they are read as well.
    func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        guard !isDone.load(ordering: .relaxed) else { return try base.gather(count, at: offset, into: list) }
        try list.append(count) { output throws(ReadError) in try read(count, at: offset, into: &output) }
    }

    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try base.firstOffset(of: region, in: range)
    }

    func validate() throws(ReadError) {
        try base.validate()
    }

    /// Hashes what comes next, up to `end`, where the read from `start` on follows what was hashed before.
    private func take(from start: UInt64, to end: UInt64, _ progress: inout Progress) {
        guard end > progress.byteCount, start <= progress.byteCount + Self.largestGap else { return }
        var step = [UInt8]()
        while progress.byteCount < end {
            let count = Int(min(UInt64(Self.stepByteCount), end - progress.byteCount))
            do throws(ReadError) {
                step = try base.bytes(count, at: progress.byteCount)
            } catch {
                return
            }
            // SAFETY: bytes have no padding.
            progress.digester.update(unsafe step.span.bytes)
            progress.byteCount += UInt64(count)
        }
        guard progress.byteCount == byteCount, !isDone.exchange(true, ordering: .relaxed) else { return }
        checks.note(checks.map.outcome(of: memberIndex, progress.digester.finish()), ofMember: memberIndex)
    }
}
