// What opening one source may take in memory, shared by all who allocate for it.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The memory that opening one source may take, in bytes, and keep while it is open: directories, tables, names, pax
/// records, sparse maps, restart points, disks, elements. Each parser has bounds of its own; this one holds their
/// product. Whoever allocates by a number from a file takes from it first. Any thread may use it.
package final class OpeningBudget: Sendable {
    /// 256 MiB.
    package static let defaultByteLimit: UInt64 = 256 << 20

    package let byteLimit: UInt64
    private let used = Atomic<UInt64>(0)
    private let lookedThrough = Atomic<UInt64>(0)
    private let logs = Atomic<UInt64>(0)
    private let endings = Atomic<UInt64>(0)

    /// Bytes of tables that are gone through at opening for the sake of a finding: those of half a TiB of disks with
    /// the usual grains.
    package static let lookedThroughLimit: UInt64 = 32 << 20

    /// Bytes of logs of images that are read, checked and replayed at opening, of all images together: each is at most half of
    /// `defaultByteLimit`, and a sparse file may have as long a one in a hole.
    package static let logLimit: UInt64 = 128 << 20

    /// Bytes that are looked through behind the streams of compressed files, of all files together.
    package static let endingLimit: UInt64 = 32 << 20

    /// What several sources that are open at once share; nil for one by itself.
    private let whole: OpeningBudget?

    /// - Parameters:
    ///   - byteLimit: What may be taken, in bytes.
    ///   - whole: What it is a part of: each byte is taken from there, too, and goes back with the budget.
    package init(byteLimit: UInt64 = defaultByteLimit, within whole: OpeningBudget? = nil) {
        self.byteLimit = byteLimit
        self.whole = whole
    }

    deinit {
        whole?.giveBack(usedByteCount)
    }

    /// What was taken and not given back, in bytes.
    package var usedByteCount: UInt64 { used.load(ordering: .relaxed) }

    /// Whether others that share the memory hold some of it: later there may be more.
    package var isHeldByOthers: Bool { whole.map { $0.usedByteCount > usedByteCount } ?? false }

    /// Takes `byteCount` bytes for `purpose`, which the error names, such as "grain directory of disk1.vmdk".
    /// - Throws: `ReadError.overBudget` where less is left, `ReadError.system` with `ENOMEM` where the process may
    ///   have no more, by its limits; then nothing was taken.
    package func take(_ byteCount: UInt64, for purpose: @autoclosure () -> String) throws(ReadError) {
        try takeHere(byteCount, for: purpose())
        guard let whole else { return }
        do throws(ReadError) {
            try whole.take(byteCount, for: purpose())
        } catch {
            used.subtract(byteCount, ordering: .relaxed)
            throw error
        }
    }

    private func takeHere(
        _ byteCount: UInt64, for purpose: @autoclosure () -> String
    ) throws(ReadError) {
        var known = used.load(ordering: .relaxed)
        while true {
            guard byteCount <= byteLimit - min(byteLimit, known) else {
                throw .overBudget(purpose: purpose(), byteCount: byteCount, byteLimit: byteLimit)
            }
            let (exchanged, original) = used.weakCompareExchange(
                expected: known, desired: known + byteCount, ordering: .relaxed)
            if exchanged {
                try checkMemory(from: known, for: byteCount, purpose: purpose())
                return
            }
            known = original
        }
    }

    /// Takes `count` elements of `byteCount` bytes each: a product of two numbers from a file is written as such.
    /// - Throws: `ReadError.overBudget` where less is left, or the product overflows.
    package func take(
        _ count: UInt64, times byteCount: UInt64, for purpose: @autoclosure () -> String
    ) throws(ReadError) {
        let (product, overflow) = count.multipliedReportingOverflow(by: byteCount)
        try take(overflow ? .max : product, for: purpose())
    }

    /// Whether another `byteCount` bytes of tables may be gone through, though the source can be read without that: the time
    /// of all its images together is bounded so.
    package func mayLook(through byteCount: UInt64) -> Bool {
        Self.count(byteCount, in: lookedThrough, upTo: Self.lookedThroughLimit)
    }

    /// Takes note of a log of `byteCount` bytes of the image `name`, which is read whole.
    /// - Throws: `ReadError.unsupported` where the logs of all images together are too long.
    package func takeLog(_ byteCount: UInt64, of name: String) throws(ReadError) {
        guard Self.count(byteCount, in: logs, upTo: Self.logLimit) else {
            throw .unsupported(
                feature:
                    "the log of \(name), \(byteCount) bytes, beside those of the other images that are opened with "
                    + "it: at most \(Self.logLimit) bytes of logs are replayed; open the image by itself")
        }
    }

    /// Takes note of another `byteCount` bytes that are looked through behind the streams of the compressed file `name`.
    /// - Throws: `ReadError.unsupported` where those of all files together are too many.
    package func takeEnding(_ byteCount: UInt64, of name: String) throws(ReadError) {
        guard Self.count(byteCount, in: endings, upTo: Self.endingLimit) else {
            throw .unsupported(
                feature:
                    "what stands behind the streams of \(name), beside that of the other files that are opened with it: "
                    + "at most \(Self.endingLimit) bytes of that are looked through; open the file by itself")
        }
    }

    /// Adds to a count that goes up to `limit`; false where it would be more, and nothing is added.
    private static func count(
        _ byteCount: UInt64, in counter: borrowing Atomic<UInt64>, upTo limit: UInt64
    ) -> Bool {
        var known = counter.load(ordering: .relaxed)
        while byteCount <= limit - min(limit, known) {
            let (exchanged, original) = counter.weakCompareExchange(
                expected: known, desired: known + byteCount, ordering: .relaxed)
            if exchanged { return true }
            known = original
        }
        return false
    }

    /// An allocation that fails ends the program, wherever Swift makes it. So whenever a further 4 MiB have been taken,
    /// it is tried whether the process gets as much as it has, which is what a growing array wants at once; here,
    /// failing is still an error.
    private func checkMemory(
        from known: UInt64, for byteCount: UInt64, purpose: @autoclosure () -> String
    ) throws(ReadError) {
        let now = known + byteCount
        guard now / Self.probedByteCount != known / Self.probedByteCount else { return }
        let (double, overflow) = byteCount.multipliedReportingOverflow(by: 2)
        let wanted = Int(clamping: overflow ? .max : max(double, now, 2 * Self.probedByteCount))
        // SAFETY: new memory, which nothing else knows of and which is given back at once.
        let memory = unsafe mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard unsafe memory != MAP_FAILED else {
            used.subtract(byteCount, ordering: .relaxed)
            throw .system(call: "allocate \(byteCount) bytes for \(purpose())", errno: ENOMEM)
        }
        unsafe _ = munmap(memory, wanted)
    }

    private static let probedByteCount: UInt64 = 4 << 20

    /// Gives back what was taken and is no longer kept.
    package func giveBack(_ byteCount: UInt64) {
        used.subtract(byteCount, ordering: .relaxed)
        whole?.giveBack(byteCount)
    }
}
