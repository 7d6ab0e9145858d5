// Tests of the cluster cache in all orders in which its readers may run: no loan is lost, and nobody waits for ever.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import DiskImages

@Suite("Loans of the cluster cache, in all orders")
struct CacheInterleavingTests {
    /// A cache, and what its readers have met.
    private final class Shared: Sendable {
        let cache: ClusterCache
        let disk: DiskNumber
        let byteCount: Int
        /// Of all entries. Not behind a lock, which would be one more place where others may have their turn.
        let loads = Atomic<Int>(0)
        let problems = SleepingMutex<[String]>([])
        let places = DecoderPlaces(1)

        init(byteLimit: Int, byteCount: Int) {
            cache = ClusterCache(byteLimit: byteLimit)
            disk = cache.makeDiskNumber()
            self.byteCount = byteCount
        }

        func note(_ problem: String) { problems.withLock { $0.append(problem) } }

        var loadCount: Int { loads.load(ordering: .relaxed) }

        /// Reads entry `index`, and looks twice whether it is what it has to be. `load` gets the number of the load.
        func read(_ index: UInt64, load: (Int) throws(ReadError) -> Void = { _ in }) throws(ReadError) {
            let key = ClusterCache.Key(disk: disk, kind: .cluster, index: index)
            try cache.withCluster(
                key, byteCount: byteCount,
                load: { output throws(ReadError) in
                    let number = loads.add(1, ordering: .relaxed).newValue
                    Interleavings.turn()
                    try load(number)
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: index + 1), count: 16)
                    // SAFETY: bytes have no padding.
                    output.append(copying: unsafe bytes.span.bytes)
                    output.appendZeros(byteCount - 32)
                    output.append(copying: unsafe bytes.span.bytes)
                },
                body: { bytes throws(ReadError) in
                    for round in 0..<2 {
                        if round > 0 { Interleavings.turn() }
                        let first = bytes.littleEndian(UInt8.self, at: 0)
                        let last = bytes.littleEndian(UInt8.self, at: byteCount - 1)
                        if UInt64(first) != index + 1 || first != last {
                            note("entry \(index) is another one")
                        }
                    }
                })
        }

        /// What is wrong when all readers are gone.
        /// Entries that were used at the same time may all be there, until the next one comes.
        func problemsAfterwards(mostBytes: Int, users: Int = 1) -> [String] {
            var found = problems.withLock { $0 }
            if cache.byteCount > mostBytes * users { found.append("\(cache.byteCount) bytes are kept") }
            if cache.awaitedByteCount != 0 { found.append("bytes are awaited by no one") }
            // Whatever was not given back could not make room.
            for index in 100..<104 as Range<UInt64> { try? read(index) }
            if cache.byteCount > mostBytes { found.append("a loan was not ended: \(cache.byteCount) bytes") }
            return found
        }
    }

    private static let size = 4_096
    private static let cost = CacheSlot.cost(ofByteCount: size)

    @Test(
        "two readers of one entry load it once, in every order; three with up to two interruptions",
        arguments: [2, 3])
    func once(readers: Int) {
        let outcome = Interleavings.explore(preemptions: readers == 2 ? .max : 2) {
            let shared = Shared(byteLimit: 1 << 20, byteCount: Self.size)
            return Interleavings.Scenario(
                (0..<readers).map { _ in
                    { do { try shared.read(7) } catch { shared.note("\(error)") } }
                },
                problems: {
                    (shared.loadCount == 1 ? [] : ["loaded \(shared.loadCount) times"])
                        + shared.problemsAfterwards(mostBytes: 1 << 20)
                })
        }
        #expect(outcome.failure == nil && outcome.isComplete)
        #expect(outcome.count > 50)
    }

    @Test("readers of a cache with room for one have what they asked for as long as they use it")
    func pressure() {
        for indices in [[1, 2], [1, 1], [1, 2, 1]] as [[UInt64]] {
            let outcome = Interleavings.explore(preemptions: indices.count == 2 ? .max : 2) {
                let shared = Shared(byteLimit: Self.cost, byteCount: Self.size)
                return Interleavings.Scenario(
                    indices.map { index in
                        { do { try shared.read(index) } catch { shared.note("\(error)") } }
                    },
                    problems: { shared.problemsAfterwards(mostBytes: Self.cost, users: indices.count) })
            }
            #expect(outcome.failure == nil && outcome.isComplete, "\(indices): \(outcome.count)")
        }
    }

    @Test("a load that fails fails for its own reader only, and the others load the entry themselves")
    func failing() {
        let wrong = ReadError.unsupported(feature: "the first")
        let outcome = Interleavings.explore {
            let shared = Shared(byteLimit: 1 << 20, byteCount: Self.size)
            let failures = Count()
            return Interleavings.Scenario(
                (0..<2).map { _ in
                    {
                        do throws(ReadError) {
                            try shared.read(7) { number throws(ReadError) in if number == 1 { throw wrong } }
                        } catch {
                            failures.add()
                        }
                    }
                },
                problems: {
                    (failures.count == 1 ? [] : ["\(failures.count) readers failed"])
                        + shared.problemsAfterwards(mostBytes: 1 << 20)
                })
        }
        #expect(outcome.failure == nil && outcome.isComplete)
    }

    @Test("who may not wait is answered by one who is done, or told at once, and takes nothing along")
    func impatient() {
        let outcome = Interleavings.explore(preemptions: 1) {
            let shared = Shared(byteLimit: Self.cost, byteCount: Self.size)
            return Interleavings.Scenario(
                [
                    { do { try shared.read(1) } catch { shared.note("\(error)") } },
                    {
                        do throws(ReadError) {
                            try Patience.decodes.during { () throws(ReadError) in try shared.read(1) }
                        } catch {
                            if !error.isWouldWait { shared.note("\(error)") }
                        }
                    },
                    {
                        let key = ClusterCache.Key(disk: shared.disk, kind: .cluster, index: 1)
                        try? shared.cache.prefetch(key, byteCount: Self.size) { _ throws(ReadError) in
                            throw .wouldWait
                        }
                    },
                ],
                problems: {
                    shared.problems.withLock { $0 }
                        + (shared.cache.byteCount <= Self.cost ? [] : ["\(shared.cache.byteCount) bytes"])
                })
        }
        #expect(outcome.failure == nil && outcome.isComplete)
    }

    @Test("readers who share one decoder's place do not wait for each other with it")
    func onePlace() {
        let outcome = Interleavings.sample(150) {
            let shared = Shared(byteLimit: Self.cost, byteCount: Self.size)
            return Interleavings.Scenario(
                ([1, 1, 2] as [UInt64]).map { index in
                    {
                        PatientRead(decodingIn: shared.places).perform {
                            do throws(ReadError) {
                                // The first try is made with what is in memory, the second may wait for a disk.
                                try shared.read(index) { _ throws(ReadError) in
                                    guard Patience.current == .waits else { throw .wouldWait }
                                    PatientRead.blocking { Interleavings.turn() }
                                }
                            } catch {
                                shared.note("\(error)")
                            }
                        }
                    }
                },
                problems: { shared.problemsAfterwards(mostBytes: Self.cost, users: 3) })
        }
        #expect(outcome.failure == nil && outcome.count >= 150)
    }

    @Test(
        "large clusters are decoded one after the other where there is room for one, and everyone has its turn"
    )
    func large() {
        let size = ClusterCache.mostPlainByteCount + 1
        let outcome = Interleavings.sample(40) {
            let shared = Shared(byteLimit: size + (1 << 10), byteCount: size)
            return Interleavings.Scenario(
                ([1, 2, 1] as [UInt64]).map { index in
                    {
                        do throws(ReadError) {
                            try shared.read(index) { _ throws(ReadError) in
                                if shared.cache.byteCount > CacheSlot.cost(ofByteCount: size) {
                                    shared.note("more than one is decoded: \(shared.cache.byteCount) bytes")
                                }
                            }
                        } catch {
                            shared.note("\(error)")
                        }
                    }
                },
                problems: { shared.problemsAfterwards(mostBytes: CacheSlot.cost(ofByteCount: size)) })
        }
        #expect(outcome.failure == nil && outcome.count >= 40)
    }
}

/// A count that threads share.
private final class Count: Sendable {
    private let value = Atomic<Int>(0)

    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}
