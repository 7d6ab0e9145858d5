// Tests of reads by threads that may not wait, and of those that are called off.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite("Patience")
struct PatienceTests {
    private static func withFile(_ bytes: [UInt8], in folder: String, _ body: (LocalFile) throws -> Void)
        throws
    {
        let path = folder + "/ovafs-patience-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(try LocalFile(path: FilePath(path)))
    }

    @Test("long work for a read ends when it is called off, or its time is over")
    func ends() {
        func isEnded(_ read: PatientRead) -> Bool {
            var isEnded = false
            read.perform {
                do throws(ReadError) {
                    try PatientRead.checkCancellation()
                } catch {
                    isEnded = error == .interrupted
                }
            }
            return isEnded
        }
        let places = DecoderPlaces(1)
        #expect(!isEnded(PatientRead(decodingIn: places)))
        #expect(!isEnded(PatientRead(decodingIn: places, until: MonotonicClock.now + 3_600)))
        #expect(isEnded(PatientRead(decodingIn: places, until: MonotonicClock.now - 1)))
        let read = PatientRead(decodingIn: places)
        read.cancel()
        #expect(isEnded(read))
    }

    @Test("belongs to a thread and to the time of a call")
    func nesting() {
        #expect(Patience.current == .waits)
        Patience.decodes.during {
            #expect(Patience.current == .decodes)
            Patience.waits.during { #expect(Patience.current == .waits) }
            #expect(Patience.current == .decodes)
            WorkerThread.concurrently(2) { worker in
                if worker == 1 { #expect(Patience.current == .waits) }
            }
        }
        #expect(Patience.current == .waits)
    }

    @Test(
        "a file that is in memory is read without waiting, and where that is not so the answer is that it would",
        arguments: [NSTemporaryDirectory(), "/dev/shm"])
    func files(folder: String) throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        try Self.withFile(bytes, in: folder) { file throws in
            for patience in [Patience.decodes, .usesCacheOnly] {
                patience.during {
                    do throws(ReadError) {
                        #expect(try file.bytes(50_000, at: 1_000) == Array(bytes[1_000..<51_000]))
                    } catch {
                        // A file system may know nothing of such reads, or the system need the memory; not one in memory.
                        #expect(error.isWouldWait && folder != "/dev/shm")
                    }
                    #expect(throws: ReadError.self) { try file.bytes(2, at: 99_999) }
                }
            }
            #expect(try file.bytes(50_000, at: 1_000) == Array(bytes[1_000..<51_000]))
        }
    }

    @Test("holes are not looked for by who may not wait")
    func holes() throws {
        try Self.withFile([UInt8](repeating: 9, count: 4 << 20), in: NSTemporaryDirectory()) { file throws in
            #expect(throws: ReadError.wouldWait) {
                try Patience.decodes.during { () throws(ReadError) in
                    try file.firstOffset(of: .hole, in: 0..<file.byteCount)
                }
            }
        }
    }

    @Test("a large read of a sparse file that is in memory waits for nothing")
    func sparse() throws {
        var bytes = [UInt8](repeating: 9, count: 1 << 20)
        try Self.withFile(bytes, in: "/dev/shm") { file throws in
            // Opened anew with a hole at its end.
            unsafe truncate(file.path.string, 8 << 20)
            bytes += [UInt8](repeating: 0, count: 7 << 20)
            let sparse = try LocalFile(path: file.path)
            #expect(sparse.allocatedByteCount < sparse.byteCount)
            let list = GatherList()
            for start in [0, 1 << 19, 1 << 20, 4 << 20] {
                list.reset()
                try Patience.decodes.during { try sparse.gather(1 << 20, at: UInt64(start), into: list) }
                #expect(list.bytes == Array(bytes[start..<(start + 1 << 20)]))
            }
        }
    }

    @Test("as many decode as there are places, and who waits for something outside leaves its place")
    func places() throws {
        let places = DecoderPlaces(1)
        let hasBegun = Gate()
        let gate = Gate()
        let first = try WorkerThread {
            PatientRead(decodingIn: places).perform {
                PatientRead.decoding {
                    // Not a second place.
                    PatientRead.decoding {}
                    hasBegun.open()
                    gate.wait()
                }
            }
        }
        hasBegun.wait()
        let hasDecoded = Atomic<Bool>(false)
        PatientRead(decodingIn: places).perform {
            PatientRead.blocking {}
        }
        let second = try WorkerThread {
            PatientRead(decodingIn: places).perform {
                PatientRead.decoding { hasDecoded.store(true, ordering: .sequentiallyConsistent) }
            }
        }
        usleep(50_000)
        #expect(hasDecoded.load(ordering: .sequentiallyConsistent) == false)
        gate.open()
        first.join()
        second.join()
        #expect(hasDecoded.load(ordering: .sequentiallyConsistent) == true)

        PatientRead(decodingIn: places).perform {
            PatientRead.decoding {
                PatientRead.blocking {
                    WorkerThread.concurrently(2) { _ in
                        PatientRead(decodingIn: places).perform { PatientRead.decoding {} }
                    }
                }
                places.liftLimit()
                WorkerThread.concurrently(2) { _ in
                    PatientRead(decodingIn: places).perform { PatientRead.decoding {} }
                }
            }
        }
    }

    @Test("a read that is called off ends at the next step")
    func cancellation() throws {
        let read = PatientRead(decodingIn: DecoderPlaces(1))
        try PatientRead.checkCancellation()
        read.perform {
            #expect(throws: Never.self) { try PatientRead.checkCancellation() }
            read.cancel()
            #expect(throws: ReadError.interrupted) { try PatientRead.checkCancellation() }
        }
        try PatientRead.checkCancellation()
    }

    @Test("a thread that is held up is not waited for beyond the time given")
    func joining() throws {
        let gate = Gate()
        let held = try WorkerThread { gate.wait() }
        let quick = try WorkerThread {}
        #expect(quick.join(until: MonotonicClock.now + 20))
        #expect(!held.join(until: MonotonicClock.now + 0.02))
        gate.open()
    }
}
