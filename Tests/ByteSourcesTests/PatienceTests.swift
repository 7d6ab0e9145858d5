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
            for patience in [Patience.decodes, .looksUp] {
                patience.during {
                    do throws(ReadError) {
                        #expect(try file.bytes(50_000, at: 1_000) == Array(bytes[1_000..<51_000]))
                    } catch {
                        #expect(error.isWouldWait)
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

    @Test("a read that is called off ends at the next step, and says when it waits")
    func cancellation() throws {
        let calls = Mutex<[Bool]>([])
        let read = PatientRead { isBlocked in calls.withLock { $0.append(isBlocked) } }
        try PatientRead.checkCancellation()
        read.perform {
            PatientRead.blocking {}
            #expect(throws: Never.self) { try PatientRead.checkCancellation() }
            read.cancel()
            #expect(throws: ReadError.interrupted) { try PatientRead.checkCancellation() }
        }
        try PatientRead.checkCancellation()
        #expect(calls.withLock { $0 } == [true, false])
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
