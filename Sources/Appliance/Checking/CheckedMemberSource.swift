// A member whose digest is checked as it is read.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage
import Synchronization

/// A member's stored bytes. Whoever reads them from start to end also finds out whether the manifest's digest is
/// right, at no extra pass: what is hashed is what is served, and nothing else.
final class CheckedMemberSource: ByteSource {
    private struct Progress {
        var digester: MemberDigester
        /// Bytes that were hashed, from the start.
        var byteCount: UInt64 = 0
    }

    /// How far ahead of what was hashed a read may be and count, in bytes; a reader that jumps further is not reading the
    /// member through.
    private static let window: UInt64 = 4 << 20

    private let base: any ByteSource
    private let memberIndex: Int
    private let checks: ManifestChecks
    private let progress: SleepingMutex<Progress>
    /// What `progress` says, for those who need no lock to see that their read does not count.
    private let hashedByteCount = Atomic<UInt64>(0)
    private let isDone = Atomic<Bool>(false)

    var byteCount: UInt64 { base.byteCount }

    init(_ base: any ByteSource, memberIndex: Int, checks: ManifestChecks) {
        self.base = base
        self.memberIndex = memberIndex
        self.checks = checks
        progress = SleepingMutex(
            Progress(digester: MemberDigester(Set(checks.map.entries[memberIndex].map(\.algorithm)))))
        // Nobody ever reads a byte of an empty member.
        if base.byteCount == 0 { progress.withLock { finish(&$0) } }
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try base.read(count, at: offset, into: &output)
        guard count > 0, !isDone.load(ordering: .relaxed) else { return }
        // SAFETY: the bytes that were just read are the last ones of the output, which stays as it is meanwhile.
        unsafe output.bytes.withUnsafeBytes { bytes in
            unsafe take(UnsafeRawBufferPointer(rebasing: bytes.suffix(count)), from: offset)
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

    func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? { base.keptBytes(count, at: offset) }

    func validate() throws(ReadError) {
        try base.validate()
    }

    var isNear: Bool { base.isNear }

    func validate(_ range: Range<UInt64>) throws(ReadError) {
        try base.validate(range)
    }

    /// Hashes `bytes`, which were read from `offset` on, where it is their turn; keeps them where it soon will be. Who reads
    /// what counts waits for its turn, so that the check is complete when the reader is.
    private func take(_ bytes: UnsafeRawBufferPointer, from offset: UInt64) {
        let known = hashedByteCount.load(ordering: .relaxed)
        let end = offset + UInt64(bytes.count)
        guard end > known, offset <= known + Self.window else { return }
        progress.withLock { progress in
            guard end > progress.byteCount else { return }
            guard offset <= progress.byteCount else {
                return checks.earlyPieces.keep(
                    EarlyPieces.Piece(memberIndex: memberIndex, offset: offset, bytes: unsafe Array(bytes)))
            }
            unsafe hash(bytes, from: offset, &progress)
            while let piece = checks.earlyPieces.take(ofMember: memberIndex, at: progress.byteCount) {
                // SAFETY: the piece stays as it is while it is hashed.
                unsafe piece.bytes.withUnsafeBytes { unsafe hash($0, from: piece.offset, &progress) }
            }
            hashedByteCount.store(progress.byteCount, ordering: .relaxed)
            if progress.byteCount == byteCount { finish(&progress) }
        }
    }

    /// Hashes what of `bytes` was not hashed before; they start at `offset`, which was reached.
    private func hash(_ bytes: UnsafeRawBufferPointer, from offset: UInt64, _ progress: inout Progress) {
        let new = unsafe UnsafeRawBufferPointer(rebasing: bytes[Int(progress.byteCount - offset)...])
        unsafe progress.digester.update(new.bytes)
        progress.byteCount += UInt64(new.count)
    }

    private func finish(_ progress: inout Progress) {
        guard !isDone.exchange(true, ordering: .relaxed) else { return }
        checks.note(checks.map.outcome(of: memberIndex, progress.digester.finish()), ofMember: memberIndex)
    }
}
