// Checks digests of members of a package far away, once their bytes have come by.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import OVFPackage

/// Hashes the members that a manifest lists from what is kept of them on a disk of this system, from front to back as far as
/// that has come, and each byte once. It asks no server, and does nothing while anyone waits for one.
package final class KeptMemberCheck: Sendable {
    /// Members that are stored at one place, as hard links are, and not hashed to their end.
    private struct Work {
        var members: [Int]
        let algorithms: Set<DigestAlgorithm>
        let source: any ByteSource
        /// Made with the first bytes.
        var digester: MemberDigester?
        var position: UInt64 = 0
    }

    /// Hashed at a time, in bytes.
    private static let stepByteCount: UInt64 = 1 << 20
    /// Members that are begun and not done: those behind them wait.
    private static let mostBegun = 256
    /// The rest after a round in which something was hashed, and the longest one, in seconds.
    private static let shortestRest = 1.0
    private static let longestRest = 30.0
    /// How often it is looked whether anyone waits, in seconds.
    private static let idleInterval = 0.1

    private let appliance: Appliance
    private let checks: ManifestChecks
    private let isIdle: @Sendable () -> Bool
    private let report: @Sendable (String) -> Void
    private let isStopped = Monitor(false)
    private let reported = NotedLines()
    /// The disks that are read from each member, by their indices.
    private let disksOfMembers: [Int: [Int]]

    /// Nil where there is nothing to check. `report` is told a line for each member that is not what the manifest lists.
    package init?(
        of appliance: Appliance, isIdle: @escaping @Sendable () -> Bool,
        report: @escaping @Sendable (String) -> Void
    ) {
        guard let checks = appliance.checks, appliance.package != nil else { return nil }
        self.appliance = appliance
        self.checks = checks
        let pairs = appliance.disks.enumerated().flatMap { number, disk in
            disk.memberIndices.map { (member: $0, disk: number) }
        }
        disksOfMembers = Dictionary(grouping: pairs, by: \.member).mapValues { $0.map(\.disk) }
        self.isIdle = isIdle
        self.report = report
    }

    /// Goes on in a thread of its own until `stop`.
    /// - Throws: `ReadError.system` where the system has no thread to give.
    package func start() throws(ReadError) {
        _ = try WorkerThread { self.run() }
    }

    package func stop() {
        isStopped.withLock { $0 = true }
        isStopped.wake()
    }

    private func run() {
        var works = works
        var pause = Self.shortestRest
        while !works.isEmpty {
            var hasProgress = false
            var begunCount = works.count { $0.digester != nil }
            for number in works.indices {
                guard works[number].digester != nil || begunCount < Self.mostBegun else { continue }
                let wasBegun = works[number].digester != nil
                let before = works[number].position
                guard goOn(&works[number]) else { return }
                if works[number].position > before { hasProgress = true }
                if !wasBegun, works[number].digester != nil { begunCount += 1 }
            }
            works.removeAll(where: isDone)
            pause = hasProgress ? Self.shortestRest : min(Self.longestRest, pause * 2)
            guard rest(pause) else { return }
        }
    }

    /// All members that are listed and whole.
    private var works: [Work] {
        let members = appliance.package?.members ?? []
        let listed = members.indices.filter {
            !checks.map.entries[$0].isEmpty && members[$0].missingByteCount == 0
        }
        return Dictionary(grouping: listed) { members[$0].storedPlace(at: $0) }.values.map { indices in
            Work(
                members: indices,
                algorithms: Set(indices.flatMap { checks.map.entries[$0].map(\.algorithm) }),
                source: members[indices[0]].source)
        }.sorted { $0.members[0] < $1.members[0] }
    }

    private func isDone(_ work: Work) -> Bool {
        work.position >= work.source.byteCount
            || work.members.allSatisfy { checks.state(ofMembers: [$0]) != .unchecked }
    }

    /// Hashes what has come of a member behind what was hashed.
    /// - Returns: False where all is to end.
    private func goOn(_ work: inout Work) -> Bool {
        while !isDone(work) {
            while !isIdle() { guard rest(Self.idleInterval) else { return false } }
            guard !isStopped.withLock({ $0 }) else { return false }
            let count = min(Self.stepByteCount, work.source.byteCount - work.position)
            guard let bytes = work.source.keptBytes(Int(count), at: work.position) else { return true }
            var digester = work.digester ?? MemberDigester(work.algorithms)
            // SAFETY: bytes have no padding.
            digester.update(unsafe bytes.span.bytes)
            work.digester = digester
            work.position += count
            if work.position == work.source.byteCount { finish(work.members, digester.finish()) }
        }
        return true
    }

    private func finish(_ members: [Int], _ digests: [DigestAlgorithm: String]) {
        for index in members {
            let outcome = checks.map.outcome(of: index, digests)
            checks.note(outcome, ofMember: index)
            guard case .bad(let mismatches) = outcome, let first = mismatches.first,
                let path = appliance.package?.members[index].path
            else { continue }
            let name = String(displaying: path)
            let reason =
                "its \(first.algorithm.rawValue) digest is not the one of the manifest, line \(first.line)"
            if reported.note(name) == .isNew { report("\(name): \(reason)") }
            for disk in disksOfMembers[index] ?? [] {
                appliance.disks[disk].metDamage.note(.corrupt(record: name, offset: 0, reason: reason))
            }
        }
    }

    /// - Returns: False where all is to end.
    private func rest(_ seconds: Double) -> Bool {
        isStopped.withLock(waitingWhile: { !$0 }, until: MonotonicClock.now + seconds) { !$0 }
    }
}
