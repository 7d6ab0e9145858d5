// Tests of memory that may be refused.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Testing

@Suite("Memory for many bytes")
struct LargeMemoryTests {
    @Test("is had whole, and aligned")
    func taken() throws {
        for count in [0, 1, 4_097, 3 << 20] {
            let memory = try unsafe LargeMemory.take(count, alignment: 64, for: "a test")
            defer { unsafe LargeMemory.giveBack(memory) }
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 7)
            let isRight = unsafe memory.count == count && memory.allSatisfy { $0 == 7 }
            #expect(isRight)
            let address = Int(bitPattern: memory.baseAddress)
            #expect(address % 64 == 0)
        }
    }

    @Test("that there is not is an error that says how much, and for what")
    func refused() throws {
        let error = #expect(throws: ReadError.self) {
            _ = try unsafe LargeMemory.take(1 << 50, for: "a test")
        }
        #expect(error == .system(call: "memory of \(1 << 50) bytes for a test", errno: ENOMEM))
    }
}
