// Checks the members of a package against its manifest, on several threads.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// Hashes every member that the manifest lists.
package struct PackageVerifier: Sendable {
    private let package: OVFPackage
    private let map: ManifestMap

    /// What became of one member.
    package struct MemberResult: Sendable, Equatable {
        /// In `OVFPackage.members`.
        package let memberIndex: Int
        package let outcome: Outcome
    }

    package enum Outcome: Sendable, Equatable {
        /// Every digest that is listed is right.
        case ok(Set<DigestAlgorithm>)
        /// A digest is wrong.
        case bad([Mismatch])
        /// The manifest does not list it.
        case unlisted
        /// It is the manifest or its certificate, and not listed.
        case exempt
        /// It cannot be read, or the archive ends inside it.
        case unreadable(ReadError)
    }

    package struct Mismatch: Sendable, Equatable {
        package let algorithm: DigestAlgorithm
        package let expected: String
        package let actual: String
        /// The line of the manifest.
        package let line: Int
    }

    /// Bytes that are read and hashed in one step.
    private static let stepByteCount = 1 << 20

    package init(_ map: ManifestMap, of package: OVFPackage) {
        self.map = map
        self.package = package
    }

    /// What a complete check reads, in bytes.
    package var byteCount: UInt64 {
        places.reduce(0) { $0 &+ ($1.isTooLong ? 0 : package.members[$1.first].byteCount) }
    }

    /// Members that are stored at one place, as hard links are: they are hashed once.
    private struct Place {
        var members: [Int]
        var isTooLong = false

        var first: Int { members.first ?? 0 }
    }

    /// Most bytes of holes that are hashed, beside those below: a digest of zeros takes as long as any other, and a hole
    /// of an exabyte is stored in one line. This many take some seconds.
    static let holeByteLimit: UInt64 = 4 << 30
    /// For each byte that is stored beyond `holeByteLimit` / 64, so many bytes of holes are hashed, too.
    private static let holesPerStoredByte: UInt64 = 1024

    /// The places of all members that are listed.
    private var places: [Place] {
        var places: [Place] = []
        var numbers: [PackageMember.StoredPlace: Int] = [:]
        for index in package.members.indices where !map.entries[index].isEmpty {
            let place = package.members[index].storedPlace(at: index)
            if let number = numbers[place] {
                places[number].members.append(index)
            } else {
                numbers[place] = places.count
                places.append(Place(members: [index]))
            }
        }
        let stored = places.reduce(UInt64(0)) { $0 &+ storedByteCount(of: $1) }
        let (extra, overflow) = (stored - min(stored, Self.holeByteLimit / 64)).multipliedReportingOverflow(
            by: Self.holesPerStoredByte)
        var left = overflow ? .max : max(extra, extra &+ Self.holeByteLimit)
        for number in places.indices {
            let holes = package.members[places[number].first].byteCount - storedByteCount(of: places[number])
            places[number].isTooLong = holes > left
            if holes <= left { left -= holes }
        }
        return places
    }

    private func storedByteCount(of place: Place) -> UInt64 {
        let member = package.members[place.first]
        return min(member.byteCount, member.location?.storedByteCount ?? member.byteCount)
    }

    /// Checks every member, the largest first, and returns when all are done; results in the members' order. It ends at the
    /// first that cannot be read because the source is lost: those that are left cannot be read for the same reason.
    ///
    /// `progress` is called from any of the threads with the bytes hashed so far.
    package func run(
        threadCount: Int, progress: @escaping @Sendable (_ bytesDone: UInt64) -> Void = { _ in }
    ) -> [MemberResult] {
        let queue = places.sorted {
            package.members[$0.first].byteCount > package.members[$1.first].byteCount
        }
        let next = Atomic<Int>(0)
        let done = Atomic<UInt64>(0)
        let results = Mutex<[Int: Outcome]>([:])
        let loss = Mutex<ReadError?>(nil)
        let work: @Sendable (Int) -> Void = { _ in
            // SAFETY: the buffer belongs to this thread and is freed when it has no more to do.
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: Self.stepByteCount, alignment: 64)
            defer { unsafe buffer.deallocate() }
            while true {
                let position = next.add(1, ordering: .relaxed).oldValue
                guard position < queue.count else { return }
                let outcomes: [Int: Outcome]
                if let loss = loss.withLock({ $0 }) {
                    outcomes = Self.outcomes(of: queue[position], .unreadable(loss))
                } else {
                    outcomes = unsafe check(queue[position], buffer) { count in
                        progress(done.add(UInt64(count), ordering: .relaxed).newValue)
                    }
                }
                if let new = outcomes.values.lazy.compactMap(\.loss).first {
                    loss.withLock { $0 = $0 ?? new }
                }
                results.withLock { $0.merge(outcomes) { _, new in new } }
            }
        }
        WorkerThread.concurrently(max(1, min(threadCount, queue.count)), work)
        let outcomes = results.withLock { $0 }
        return package.members.indices.map { index in
            let unlisted: Outcome = map.exempt.contains(index) ? .exempt : .unlisted
            return MemberResult(memberIndex: index, outcome: outcomes[index] ?? unlisted)
        }
    }

    private static func outcomes(of place: Place, _ outcome: Outcome) -> [Int: Outcome] {
        Dictionary(place.members.map { ($0, outcome) }, uniquingKeysWith: { first, _ in first })
    }

    // SAFETY: the caller lends the buffer to this call alone.
    private func check(
        _ place: Place, _ buffer: UnsafeMutableRawBufferPointer, progress: (Int) -> Void
    ) -> [Int: Outcome] {
        let member = package.members[place.first]
        func all(_ error: ReadError) -> [Int: Outcome] { Self.outcomes(of: place, .unreadable(error)) }
        guard member.missingByteCount == 0 else {
            return all(
                .corrupt(
                    record: String(displaying: member.path), offset: member.byteCount,
                    reason: "the archive ends here, and \(member.missingByteCount) bytes are missing"))
        }
        guard !place.isTooLong else {
            return all(
                .unsupported(
                    feature:
                        "a digest of \(member.byteCount) bytes of which \(storedByteCount(of: place)) are "
                        + "stored and the others are holes: too long to compute"))
        }
        var digester = MemberDigester(Set(place.members.flatMap { map.entries[$0].map(\.algorithm) }))
        do throws(ReadError) {
            try unsafe digester.take(member.source, through: buffer, progress: progress)
        } catch {
            return all(error)
        }
        let digests = digester.finish()
        return Dictionary(
            place.members.map { ($0, map.outcome(of: $0, digests)) }, uniquingKeysWith: { first, _ in first })
    }
}

extension PackageVerifier.Outcome {
    fileprivate var loss: ReadError? {
        if case .unreadable(let error) = self, error.isLoss { error } else { nil }
    }
}

extension [PackageVerifier.MemberResult] {
    /// Why the check ended before all members were hashed: the source was lost, which is no verdict on the package. Nil
    /// where it did not.
    package var loss: ReadError? { lazy.compactMap(\.outcome.loss).first }
}

extension ManifestMap {
    /// What the digests of a member mean; for members that were read for another reason, too.
    package func outcome(
        of memberIndex: Int, _ actual: [DigestAlgorithm: String]
    ) -> PackageVerifier.Outcome {
        let expected = entries[memberIndex]
        guard !expected.isEmpty else { return exempt.contains(memberIndex) ? .exempt : .unlisted }
        let wrong = expected.compactMap { entry -> PackageVerifier.Mismatch? in
            let digest = actual[entry.algorithm] ?? ""
            guard digest != entry.digest else { return nil }
            return PackageVerifier.Mismatch(
                algorithm: entry.algorithm, expected: entry.digest, actual: digest, line: entry.line)
        }
        return wrong.isEmpty ? .ok(Set(expected.map(\.algorithm))) : .bad(wrong)
    }
}
