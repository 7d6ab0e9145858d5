// Tests of the memory that opening may take.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@Suite("The memory for opening")
struct OpeningBudgetTests {
    @Test("what is taken adds up to the limit and no further, and can be given back")
    func limit() throws {
        let budget = OpeningBudget(byteLimit: 100)
        try budget.take(60, for: "a")
        try budget.take(40, for: "b")
        let error = #expect(throws: ReadError.self) { try budget.take(1, for: "the table of x") }
        #expect(error == .overBudget(purpose: "the table of x", byteCount: 1, byteLimit: 100))
        #expect(error?.remedy == .openMemory)
        #expect(
            error?.description
                == "the table of x needs 1 bytes of memory, and less is left of the 100 for opening")
        budget.giveBack(10)
        try budget.take(10, for: "c")
        #expect(budget.usedByteCount == 100)
    }

    @Test("a product that overflows is over every limit")
    func product() throws {
        let budget = OpeningBudget(byteLimit: .max)
        try budget.take(1, for: "b")
        let error = #expect(throws: ReadError.self) { try budget.take(.max, times: 2, for: "a") }
        #expect(error?.description.hasPrefix("a needs more than 2^64 bytes of memory") == true)
        try OpeningBudget(byteLimit: 6).take(2, times: 3, for: "b")
        #expect(throws: ReadError.self) { try OpeningBudget(byteLimit: 5).take(2, times: 3, for: "b") }
    }

    @Test("memory that the process cannot have is an error, and is not counted as taken")
    func noMemory() {
        let budget = OpeningBudget(byteLimit: .max)
        let error = #expect(throws: ReadError.self) { try budget.take(1 << 62, for: "a table") }
        guard case .system(let call, _)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(call.contains("a table"))
        #expect(budget.usedByteCount == 0)
    }

    @Test("what is taken of a part is taken of the whole, and goes back with the part")
    func within() throws {
        let whole = OpeningBudget(byteLimit: 100)
        try {
            let first = OpeningBudget(byteLimit: 80, within: whole)
            let second = OpeningBudget(byteLimit: 80, within: whole)
            try first.take(60, for: "a")
            #expect(throws: ReadError.overBudget(purpose: "b", byteCount: 50, byteLimit: 100)) {
                try second.take(50, for: "b")
            }
            #expect(second.usedByteCount == 0 && whole.usedByteCount == 60)
            #expect(throws: ReadError.overBudget(purpose: "a", byteCount: 30, byteLimit: 80)) {
                try first.take(30, for: "a")
            }
            try second.take(40, for: "b")
            first.giveBack(10)
            #expect(whole.usedByteCount == 90)
            withExtendedLifetime((first, second)) {}
        }()
        #expect(whole.usedByteCount == 0)
    }

    @Test("threads that take at once never take more than there is together")
    func threads() {
        let budget = OpeningBudget(byteLimit: 1_000)
        WorkerThread.concurrently(4) { _ in
            for _ in 0..<1_000 { try? budget.take(1, for: "x") }
        }
        #expect(budget.usedByteCount == 1_000)
    }
}
